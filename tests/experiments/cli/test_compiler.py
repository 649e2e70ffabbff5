"""What XLA is told: once, only where it is known, and never against the user."""

import pytest

from experiments.cli.compiler import without_ynn

OFF = "--xla_cpu_experimental_ynn_fusion_type="


@pytest.mark.parametrize(
    ("jaxlib", "before", "after"),
    [
        ("0.10.2", None, OFF),
        ("0.10.2", "--xla_dump_to=x", f"--xla_dump_to=x {OFF}"),
        ("0.10.2", f"{OFF}invalid", f"{OFF}invalid"),
        ("0.10.2", OFF, OFF),
        ("0.11.0", None, None),
        ("0.9.1", "--xla_dump_to=x", "--xla_dump_to=x"),
    ],
)
def test_what_the_user_says_stays(jaxlib, before, after):
    environment = {} if before is None else {"XLA_FLAGS": before}
    without_ynn(environment, jaxlib)
    assert environment.get("XLA_FLAGS") == after
