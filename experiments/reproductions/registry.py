"""What `rrplan reproduce` can make, declared once.

It is plain data: what belongs to a reproduction is named, and imported when it is needed.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rrplan.imports import import_name


class Reproduction(NamedTuple):
    """One reproduction. Fields but the first two are names, ``"package.module:attribute"``."""

    name: str
    help: str
    """One sentence: what is made."""
    options: str
    """The command's options, a dataclass: its docstring is the command's help. What comes after two
    dashes on the command line is given to its field ``run``, where it has one."""
    run: str
    """``(options, say) -> lines``: makes everything, and returns what is printed at the end;
    ``say`` takes a line of progress."""

    def get(self, field: str) -> Any:
        """Return what a field names."""
        return import_name(getattr(self, field))


REPRODUCTIONS: Mapping[str, Reproduction] = {
    reproduction.name: reproduction
    for reproduction in (
        Reproduction(
            "capacity",
            "Planners of several widths, trained for several lengths: what search is worth.",
            "experiments.reproductions.capacity.options:CapacityOptions",
            "experiments.reproductions.capacity.making:reproduce",
        ),
        Reproduction(
            "dynamic-thinker",
            "Thinker at each k, search, and Dynamic Thinker: returns over k, untimed and timed.",
            "experiments.reproductions.thinker.options:DynamicThinkerOptions",
            "experiments.reproductions.thinker.making:reproduce",
        ),
        Reproduction(
            "fair",
            "The gap of a run between stopper and oracle, split by the best fair rule found.",
            "experiments.reproductions.fair.options:FairOptions",
            "experiments.reproductions.fair.making:reproduce",
        ),
        Reproduction(
            "hardness",
            "How hard instances are for the planners of runs, and where agents think.",
            "experiments.reproductions.hardness.options:HardnessOptions",
            "experiments.reproductions.hardness.making:reproduce",
        ),
        Reproduction(
            "learned-model",
            "Return over k with the true model, and with models trained for several lengths.",
            "experiments.reproductions.learned_model.options:LearnedModelOptions",
            "experiments.reproductions.learned_model.making:reproduce",
        ),
        Reproduction(
            "imagine",
            "Dynamic Thinker beside the exact optimum, on trees of hidden rewards.",
            "experiments.reproductions.imagine.options:ImagineOptions",
            "experiments.reproductions.imagine.making:reproduce",
        ),
        Reproduction(
            "sokoban",
            "The share of given levels that planners solve, over the number of simulations.",
            "experiments.reproductions.sokoban.options:SokobanOptions",
            "experiments.reproductions.sokoban.making:reproduce",
        ),
    )
}
