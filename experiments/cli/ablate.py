"""``rrplan ablate``: one training with one thing changed at a time."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from experiments import studies
from experiments.studies import Ablation
from rrplan.errors import InputError, unknown

_PROG = "rrplan ablate"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AblationOptions:
    """Train an agent with one thing changed at a time, over a few seeds, and compare returns.

    Prints a Markdown table: means on held-out episodes with 95% intervals over seeds and episodes,
    and each arm's difference to the first arm, episode by episode.
    """

    seeds: int = 3
    """Training seeds of each arm."""
    episodes: int = 4096
    """Held-out episodes to compare on."""
    chunks: int | None = None
    """Rounds of each training; the usual number if not given."""
    only: Annotated[str, tyro.conf.arg(metavar="TEXT")] = ""
    """Only arms whose label contains this; the first of them is the one to compare with."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Also write the rows to this JSON file, after each arm."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Keep the arms that FILE holds already, and go on with the next."""

    def __post_init__(self):
        for name, least in (("seeds", 1), ("episodes", 2), ("chunks", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{name} must be at least {least}, got {value}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetapolicyOptions(AblationOptions):
    """Train a meta-policy with one thing changed at a time, on the planner of a finished run.

    Prints a Markdown table: means on held-out episodes with 95% intervals over seeds and episodes,
    and each arm's difference to the first arm, episode by episode. The last row is the run's best
    fixed k.
    """

    run: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Directory of a finished run of `rrplan run`."""
    price: float = 3e-4
    """Price of one simulation: one of the run's."""
    price_level: float | None = None
    """Price of one level of a simulation's descent, in multiples of that; the run's if not
    given."""

    def __post_init__(self):
        super().__post_init__()
        if self.price_level is not None and not 0 <= self.price_level < float("inf"):
            expected = "a finite number, at least 0"
            raise InputError(f"price_level must be {expected}, got {self.price_level}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearnersOptions(MetapolicyOptions):
    """Train a gate or a stopper by each learner, on the planner of a finished run.

    Prints a Markdown table: means on held-out episodes with 95% intervals over seeds and episodes,
    and each learner's difference to PPO, episode by episode. The last row is the run's best fixed
    k. With `--out` learning curves on validation episodes are kept, and drawn beside FILE.
    """

    agent: Literal["gate", "stopper"] = "gate"
    """What is trained."""
    evaluations: int = 10
    """Points of a learning curve, beside its start."""

    def __post_init__(self):
        super().__post_init__()
        if self.evaluations < 1:
            raise InputError(f"evaluations must be at least 1, got {self.evaluations}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ThinkerAblationOptions(MetapolicyOptions):
    """Train Thinker with one thing changed at a time, on the planner of a finished run.

    Every arm is trained for as many real steps. Prints a Markdown table: means on held-out episodes
    with 95% intervals over seeds and episodes, and each arm's difference to the first arm in
    untimed return, episode by episode.
    """


@dataclasses.dataclass(frozen=True, kw_only=True)
class YardstickOptions(AblationOptions):
    """Train planners, and PPO without a search, for as long by the clock, and compare returns.

    Prints a Markdown table: means on held-out episodes with 95% intervals over seeds and episodes,
    without a search and with one of k simulations.
    """

    episodes: int = 256
    """Held-out episodes to compare on."""
    seconds: float = 300.0
    """Of each training, with its compilation; unless `--chunks` says how long."""

    def __post_init__(self):
        super().__post_init__()
        if not 0.0 < self.seconds < float("inf"):
            raise InputError(f"seconds must be a finite number above 0, got {self.seconds}")


def ablate(arguments: Sequence[str], report: Callable[[str], None]) -> None:
    """Run one ablation.

    Args:
        arguments: the command line after ``rrplan ablate``.
        report: takes each line of the table.

    Raises:
        SystemExit: help was asked for, and printed.
        InputError: an argument is wrong, or a result would be overwritten.
    """
    if arguments and arguments[0] in ("-h", "--help"):
        print(_help())
        raise SystemExit(0)  # as the commands whose help tyro prints
    ablation = _find(arguments)
    from experiments.cli.options import parse

    options = parse(ablation.get("options"), arguments[1:], f"{_PROG} {ablation.name}")
    from experiments.studies.ablations import harness
    from experiments.studies.ablations.record import open_record

    arms = harness.choose(ablation.name, ablation.get("arms")(), options.only)
    record = open_record(options.out, _settings(ablation, options), resume=options.resume)
    harness.run(ablation.get("prepare")(arms, options), record, options.seeds, report)
    if ablation.figure is not None and options.out is not None:
        for path in _draw(ablation, options.out):
            report(f"figure: {path}")


def _draw(ablation: Ablation, out: Path) -> list[Path]:
    """Draw an ablation's figure beside its file, from what that holds."""
    from experiments import runs
    from experiments.report.figures.drawing import draw_all

    data = runs.read_json(out, missing=f"{out} is missing")
    return draw_all({out.stem: ablation.get("figure")}, data, out.parent)


def _find(arguments: Sequence[str]) -> Ablation:
    names = list(studies.ABLATIONS)
    if not arguments:
        raise InputError(f"expected an ablation: {', '.join(names)} ({_PROG} --help)")
    if arguments[0] not in names:
        raise unknown("ablation", arguments[0], names)
    return studies.ABLATIONS[arguments[0]]


def _settings(ablation: Ablation, options: AblationOptions) -> dict[str, Any]:
    """Return what makes an ablation itself, as JSON."""
    given = dataclasses.asdict(options)
    del given["out"], given["resume"]
    if given.get("price_level") is None:  # so that files of older versions can be gone on with
        given.pop("price_level", None)
    return {
        "ablation": ablation.name,
        **{name: str(v) if isinstance(v, Path) else v for name, v in given.items()},
    }


def _help() -> str:
    lines = [f"usage: {_PROG} NAME [options]", ""]
    lines += [f"  {a.name:<12}{a.help}" for a in studies.ABLATIONS.values()]
    return "\n".join([*lines, "", f"`{_PROG} NAME --help` shows an ablation's options."])
