"""What XLA is told before it compiles for a CPU."""

from collections.abc import MutableMapping

from jaxlib.version import __version__ as installed  # without JAX: help must come at once

_OFF = "--xla_cpu_experimental_ynn_fusion_type="
_KNOWN_TO = "0.10."  # a flag that a jaxlib does not know ends the process


def without_ynn(environment: MutableMapping[str, str], jaxlib: str | None = None) -> None:
    """Keep XLA from giving sums and matrix products to the library YNNPACK.

    With it, searches with small networks take 1.2 to 1.4 times as long, and results depend on the
    number of threads. A user who sets a flag about it keeps that.

    Args:
        environment: variables of the process; ``XLA_FLAGS`` is extended in place.
        jaxlib: version of jaxlib; the installed one if None.
    """
    flags = environment.get("XLA_FLAGS", "")
    if "ynn" not in flags and (jaxlib or installed).startswith(_KNOWN_TO):
        environment["XLA_FLAGS"] = f"{flags} {_OFF}".strip()
