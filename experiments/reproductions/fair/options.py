"""What `rrplan reproduce fair` is told."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from agents.metapolicies.fair.regressing import FitConfig
from experiments.checking import count, require


@dataclasses.dataclass(frozen=True, kw_only=True)
class FairOptions:
    """Split the gap between the oracle and the stopper by the best fair rule found.

    A rule is fair if it sees only what has been searched so far; the oracle knows what searches
    will find. The searches of many instances are recorded. What going on gains is regressed on all
    that the search shows, and the rule that follows is played on the run's held-out episodes. It is
    a lower bound of what fair rules can earn. One rule is as large as the stopper, and pays for its
    looks; another is larger, and its looks are free, as the oracle's are. Writes results.json,
    table.md and a figure; nothing in the run's directory. A command that was stopped goes on with
    --resume.
    """

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Directory of a finished run of an environment whose states can be enumerated."""
    prices: tuple[float, ...] = ()
    """Prices of the run to do this at; those that the stopper was trained for if none are given."""
    instances: int = 1536
    """Instances whose searches a rule is fitted to."""
    validation: int = 512
    """Validation episodes of the run, on which the round of the fit is chosen."""
    bounded: int = 512
    """Held-out episodes, from the first, that the oracle is worked out for and the gap is split
    on."""
    width: int = 32
    """Units of the hidden layers of the rule whose looks are free."""
    fit: FitConfig = dataclasses.field(default_factory=FitConfig)
    """How rules are fitted."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory; reproductions/fair-RUN if not given."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with what was begun in that directory."""

    def __post_init__(self):
        object.__setattr__(self, "prices", tuple(sorted(set(self.prices))))
        for price in self.prices:
            require("prices", price, price > 0, "above 0")
        count(self, instances=2, validation=2, bounded=2, width=1)

    @property
    def directory(self) -> Path:
        """Where all is kept."""
        return self.out or Path("reproductions") / f"fair-{self.run.resolve().name}"
