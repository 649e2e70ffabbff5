"""What a check found, in plain sentences."""

import dataclasses

import jax

from rrplan.imports import one_line

# What an exception means that a method raises because its arguments are traced.
_UNTRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


@dataclasses.dataclass(frozen=True)
class Report:
    """The outcome of ``envs.check``.

    Attributes:
        name: the environment's name.
        problems: what breaks the contract, a sentence each: what was found, what was expected.
        notes: what a user should know and may well be intended, a sentence each.
    """

    name: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing breaks the contract."""
        return not self.problems

    def __str__(self) -> str:
        count = len(self.problems)
        verdict = "keeps the contract" if self.ok else f"{count} problem{'s' * (count > 1)}"
        lines = [f"{self.name}: {verdict}"]
        lines += [f"  problem: {sentence}" for sentence in self.problems]
        lines += [f"  note: {sentence}" for sentence in self.notes]
        return "\n".join(lines)


class Findings:
    """Collects sentences, each once, in the order in which they were found."""

    def __init__(self):
        self._problems: dict[str, None] = {}
        self._notes: dict[str, None] = {}

    def problem(self, sentence: str) -> None:
        """Add what breaks the contract."""
        self._problems[sentence] = None

    def note(self, sentence: str) -> None:
        """Add what may be intended."""
        self._notes[sentence] = None

    def report(self, name: str) -> Report:
        """Return everything found so far."""
        return Report(name, tuple(self._problems), tuple(self._notes))


class BrokenMethod(Exception):  # noqa: N818, a method broke: nobody's code is in error but its own
    """A method of the environment under check failed; the message is a sentence about it."""


def explain(method: str, error: Exception) -> str:
    """Return a sentence about ``error``, which ``method`` raised."""
    if isinstance(error, NotImplementedError):
        return f"{method} is not implemented"
    if isinstance(error, _UNTRACEABLE):
        return (
            f"{method} cannot be compiled by jit: it turns a traced array into a Python value "
            f"({type(error).__name__}), expected jnp.where or lax.cond instead of a branch"
        )
    return f"{method} raises {one_line(error)}"
