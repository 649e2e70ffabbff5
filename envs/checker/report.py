"""What a check found, in plain sentences."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Report:
    """The outcome of ``envs.check``.

    Attributes:
        name: the environment's name.
        problems: what breaks the contract, a sentence each: what was found, what was expected.
        mended: what departs from the contract and is mended by ``envs.adapt``, a sentence each.
        notes: what a user should know and may well be intended, a sentence each.
    """

    name: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing breaks the contract."""
        return not self.problems

    def __str__(self) -> str:
        count = len(self.problems)
        verdict = "keeps the contract" if self.ok else f"{count} problem{'s' * (count > 1)}"
        lines = [f"{self.name}: {verdict}"]
        lines += [f"  problem: {sentence}" for sentence in self.problems]
        lines += [f"  mended by envs.adapt: {sentence}" for sentence in self.mended]
        lines += [f"  note: {sentence}" for sentence in self.notes]
        return "\n".join(lines)


class Findings:
    """Collects sentences, each once, in the order in which they were found."""

    def __init__(self):
        self._problems: dict[str, None] = {}
        self._mended: dict[str, None] = {}
        self._notes: dict[str, None] = {}

    def problem(self, sentence: str) -> None:
        """Add what breaks the contract."""
        self._problems[sentence] = None

    def mend(self, sentence: str) -> None:
        """Add what ``envs.adapt`` mends."""
        self._mended[sentence] = None

    def note(self, sentence: str) -> None:
        """Add what may be intended."""
        self._notes[sentence] = None

    def report(self, name: str) -> Report:
        """Return everything found so far."""
        return Report(name, tuple(self._problems), tuple(self._notes), tuple(self._mended))


class BrokenMethod(Exception):  # noqa: N818, a method broke: nobody's code is in error but its own
    """A method of the environment under check failed; the message is a sentence about it."""
