"""The options of the commands, and what turns a command line into them."""

# tyro (1.0) tells what is wrong in a box of many lines, and lists similar options without
# choosing one, or none at all where none is very similar. What it knows in values instead of text
# is in a module of its own that may change in any release. So its text is read here.

import contextlib
import dataclasses
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

import tyro

import envs
from agents.presets import PRESETS
from experiments import runs, studies
from experiments.runs import tracking
from experiments.studies import Study
from experiments.studies.metareasoning.config import MetalevelConfig
from experiments.studies.planning_depth.config import StudyConfig, SweepConfig
from rrplan.errors import InputError, unknown

Options = TypeVar("Options")
_HELP = ("-h", "--help")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Train the base planners, sweep the budgets, charge the prices, draw the figures."""

    study: Annotated[StudyConfig, tyro.conf.arg(name="")]
    preset: Literal[PRESETS] = "quick"  # pyright: ignore[reportInvalidTypeForm] - known to tyro
    """Where the defaults of all options come from."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory of the run; runs/ENV-PRESET-seedSEED if not given."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with a run that was begun in that directory."""
    log: Literal[tracking.TRACKERS] | None = None  # pyright: ignore[reportInvalidTypeForm] - known to tyro
    """Also send the metrics of each training, as metrics.jsonl has them, to a tracker."""
    report: bool = True
    """Write report.html at the end, a page to look at."""

    def __post_init__(self):
        tracking.check(self.log)

    @property
    def directory(self) -> Path:
        """Where the run is kept."""
        name = re.sub(r"[^\w.-]+", "-", self.study.env)
        return self.out or Path("runs") / f"{name}-{self.preset}-seed{self.study.seed}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetalevelRunOptions(RunOptions):
    """Train policies on a metareasoning problem and score them beside the exact optimum."""

    # What is inherited are the other options.
    study: Annotated[  # pyright: ignore[reportIncompatibleVariableOverride]
        MetalevelConfig, tyro.conf.arg(name="")
    ]


@dataclasses.dataclass(frozen=True)
class EvaluateOptions:
    """Evaluate the trained planners of a run at other budgets or prices; nothing is written."""

    directory: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """Directory of the run."""
    sweep: SweepConfig
    acting: Literal["visits", "completed_q"] | None = None
    """Rule of acting; the run's own if not given."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the results as JSON instead of a table."""


@dataclasses.dataclass(frozen=True)
class DirectoryOptions:
    """Directory of a run that has ended."""

    directory: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """Directory of the run."""


@dataclasses.dataclass(frozen=True)
class _OfRuns:
    """What is done with one run or several."""

    directories: Annotated[
        tuple[Path, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="DIR [DIR ...]", help_behavior_hint=""),
    ]
    """Directories of runs of one environment that have ended."""


@dataclasses.dataclass(frozen=True)
class CompareOptions(_OfRuns):
    """Rank the agents of one run or several at each price."""

    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the ranking as JSON instead of a table."""


@dataclasses.dataclass(frozen=True)
class ReportOptions(_OfRuns):
    """Write one page with the figures, tables and stories of runs, which opens from disk."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """The page; if not given, report.html in DIR, or here where several runs are compared."""
    open: tyro.conf.FlagCreatePairsOff[bool] = False
    """Open the page in a browser."""


@dataclasses.dataclass(frozen=True)
class CheckOptions:
    """Play an environment at random; say what is wrong, what is mended when it is used, and more.

    Options of the environment are given as --env.NAME VALUE.
    """

    env: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENV")]
    """Name of the environment, or package.module:Class."""
    steps: int = 1024
    """Most steps of random play in each of 16 lanes."""

    def __post_init__(self):
        if self.steps < 1:
            raise InputError(f"steps must be at least 1, got {self.steps}")


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """Nothing to choose."""


def parse_run(arguments: Sequence[str], prog: str) -> RunOptions:
    """Return the options of ``run`` and ``train``; those of a metareasoning problem are others.

    Where the environment and the preset are not plain to see, the command line is read twice: first
    to learn them, then with the preset's own values as defaults.

    Raises:
        InputError: an option or a value is wrong.
    """
    rest, env_kwargs = split_env_options(arguments)
    rest = [re.sub(r"^--network(?==|$)", "--network.kind", argument) for argument in rest]
    study = _study_of(rest)
    kind, make = study.get("options"), study.get("preset")
    plain = [argument for argument in rest if argument not in _HELP]
    anything = dataclasses.replace(make("", "quick"), env=tyro.MISSING)
    default = kind(study=anything)
    if plain or not any(argument in _HELP for argument in rest):
        seen = _glance(rest)
        if seen is None:
            first = parse(kind, plain, prog, default)
            seen = first.study.env, first.preset
        known = dataclasses.replace(make(*seen), env=tyro.MISSING)
        default = kind(study=known, preset=seen[1])
    options = parse(kind, rest, prog, default)
    if env_kwargs:  # a preset's options of the environment go together: one that is given ends all
        config = dataclasses.replace(options.study, env_kwargs=env_kwargs)
        options = dataclasses.replace(options, study=config)
    return options


def _glance(arguments: Sequence[str]) -> tuple[str, str] | None:
    """Return the environment and the preset, if it takes no knowledge of other options to see them.

    That is so where the environment comes first, the preset once or not at all, and no help is
    asked for, which would hide what is wrong.
    """
    if not arguments or arguments[0].startswith("-") or not set(_HELP).isdisjoint(arguments):
        return None
    places = [place for place, word in enumerate(arguments) if word.startswith("--preset")]
    if not places:
        return arguments[0], RunOptions.preset
    option, *value = arguments[places[0] : places[0] + 2]
    if len(places) == 1 and option == "--preset" and value and value[0] in PRESETS:
        return arguments[0], value[0]
    return None


def _study_of(arguments: Sequence[str]) -> Study:
    """Return the study that a command line is about: its environment says so.

    The environment is the first word. Where options come first, any later word may be it, or be an
    option's value: a user's own agents look like a user's own environment.
    """
    if arguments and not arguments[0].startswith("-"):
        return studies.of_environment(arguments[0])
    for word in arguments:
        with contextlib.suppress(InputError):
            if (found := studies.of_environment(word)) is not studies.PLANNING_DEPTH:
                return found
    return studies.PLANNING_DEPTH


def parse_evaluate(arguments: Sequence[str], prog: str) -> EvaluateOptions:
    """Return the options of ``evaluate``; its defaults are those of the run it names.

    Raises:
        InputError: an option or a value is wrong, or there is no such run.
    """
    default = EvaluateOptions(tyro.MISSING, SweepConfig())
    if not any(argument in _HELP for argument in arguments):
        first = parse(EvaluateOptions, arguments, prog, default)
        default = EvaluateOptions(first.directory, runs.load_run(first.directory).config.sweep)
    return parse(EvaluateOptions, arguments, prog, default)


def parse(
    kind: type[Options], arguments: Sequence[str], prog: str, default: Options | None = None
) -> Options:
    """Return what tyro reads, with its errors in one line.

    Raises:
        InputError: an option or a value is wrong.
        SystemExit: help was asked for, and printed.
    """
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            options, left = tyro.cli(
                kind,
                prog=prog,
                args=list(arguments),
                default=default,
                return_unknown_args=True,
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise InputError(_first_sentence(errors.getvalue(), prog)) from None
    for argument in left:
        if argument.startswith("-"):
            raise unknown("option", argument.partition("=")[0], _known_options(kind, default))
    if left:
        raise InputError(f"unexpected argument {left[0]!r}")
    if isinstance(options, _OfRuns) and not options.directories:
        raise InputError(f"missing DIR: see {prog} --help")
    return cast("Options", options)


def split_env_options(arguments: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Divide a command line into what tyro reads and the environment's keyword arguments.

    Which keys there are is for the environment to say: ``--env.is_slippery False`` and
    ``--env.is-slippery=False`` alike become ``{"is_slippery": False}``.

    Raises:
        InputError: a key has no value.
    """
    rest, kwargs = [], {}
    pending = list(arguments)
    while pending:
        argument = pending.pop(0)
        if not argument.startswith("--env."):
            rest.append(argument)
            continue
        option, assigned, text = argument.partition("=")
        if not assigned:
            if not pending or pending[0].startswith("--"):
                raise InputError(f"{option} needs a value: {option} VALUE")
            text = pending.pop(0)
        kwargs[option.removeprefix("--env.").replace("-", "_")] = envs.parse_value(text)
    return rest, kwargs


def _known_options(kind: type[Options], default: Options | None) -> set[str]:
    """Return the options that tyro makes of a dataclass, which its help alone tells."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        tyro.cli(kind, args=["--help"], default=default)
    return set(re.findall(r"--[\w.-]+", text.getvalue()))


def _first_sentence(message: str, prog: str) -> str:
    """Return what tyro says between its title and its first rule, framed or not, as one line."""
    lines = []
    for line in message.strip().splitlines()[1:]:
        text = line.strip("│ ")
        if text.strip("─-╰╯"):
            lines.append(text)
        elif lines:
            break
    sentence = " ".join(lines).rstrip(".")
    sentence = re.sub(r"^Missing from (.*?): (\S+).*", r"missing \2: see \1 --help", sentence)
    value = r"^Missing value for argument '"
    sentence = re.sub(rf"{value}(-[^']*)'.*", r"\1 needs a value: \1=VALUE", sentence)
    if named := re.match(rf"{value}(?:\w+\.)*(\w+)'", sentence):
        sentence = f"missing {named[1].upper()}: see {prog} --help"
    # What a configuration says of itself needs no mention of where tyro was when it said so.
    sentence = re.sub(r"^Error parsing (?:(?!-)[^:]*: )?", "", sentence)
    return sentence[:1].lower() + sentence[1:]
