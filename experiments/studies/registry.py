"""The registry of studies: what `rrplan run` and `rrplan ablate` can run, declared once.

It is plain data: what belongs to a study is named, and imported when it is needed.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rrplan.errors import InputError, unknown
from rrplan.imports import import_name


class Study(NamedTuple):
    """A kind of study. Fields but the first are names, ``"package.module:attribute"``."""

    name: str
    """As ``config.json`` and ``results.json`` call it."""
    accepts: str
    """``(environment's name) -> bool``: whether it is for this environment."""
    config: str
    """Its configuration, a dataclass."""
    preset: str
    """``(environment's name, preset's name) -> config``."""
    options: str
    """The command's options, a dataclass: its docstring is the command's help."""
    run: str
    """``(config, directory, *, resume, console) -> results``."""
    train: str | None
    """The same, for the training of base planners alone; None where it has none."""
    conflict: str | None
    """``(config of a run, another config) -> words or None``: what the other lacks, or has
    otherwise. Where it is None ``--resume`` adds what is new. No name: no run can be extended."""
    figures: str
    """By name, what draws each figure of its results."""
    tables: str
    """``(results, directory or None) -> tables`` for the terminal."""
    report: str
    """An ``experiments.html.page:Page``: the page of its runs."""
    best: str
    """What the best fixed choice is, in words: it is marked in tables."""

    def get(self, field: str) -> Any:
        """Return what a field names."""
        return import_name(getattr(self, field))


METAREASONING = Study(
    name="metareasoning",
    accepts="envs:is_metareasoning",
    config="experiments.studies.metareasoning.config:MetalevelConfig",
    preset="experiments.studies.metareasoning.config:preset",
    options="experiments.cli.options:MetalevelRunOptions",
    run="experiments.studies.metareasoning.study:run_study",
    train=None,
    conflict=None,
    figures="experiments.report.figures:METAREASONING",
    tables="experiments.studies.metareasoning.tables:terminal_tables",
    report="experiments.html.scores:PAGE",
    best="the best fixed number of computations",
)
PLANNING_DEPTH = Study(
    name="planning depth",
    accepts="experiments.studies:any_environment",
    config="experiments.studies.planning_depth.config:StudyConfig",
    preset="experiments.studies.presets:preset",
    options="experiments.cli.options:RunOptions",
    run="experiments.studies.planning_depth.study:run_study",
    train="experiments.studies.planning_depth.study:train_only",
    conflict="experiments.studies.planning_depth.checks:conflict",
    figures="experiments.report.figures:FIGURES",
    tables="experiments.report.tables:terminal_tables_of",
    report="experiments.html.depth:PAGE",
    best="the fixed k that was best on validation episodes",
)
STUDIES: Mapping[str, Study] = {study.name: study for study in (METAREASONING, PLANNING_DEPTH)}
"""In the order in which they are asked whether an environment is theirs."""


class Ablation(NamedTuple):
    """One training with one thing changed at a time. Fields but the first two are names."""

    name: str
    help: str
    """One sentence: what is changed."""
    arms: str
    """``() -> arms``: the settings, each with a label of its own; the first is the one that the
    others are compared with."""
    prepare: str
    """``(arms, options) -> experiments.studies.ablations.harness.Bench``."""
    options: str
    """The command's options, a dataclass: its docstring is the command's help."""
    figure: str | None = None
    """``(what FILE holds) -> matplotlib's Figure``, drawn beside it at the end; None for none."""

    def get(self, field: str) -> Any:
        """Return what a field names."""
        return import_name(getattr(self, field))


def _of_metapolicy(name: str, help: str, arms: str = "metapolicy") -> Ablation:
    rooms, options = "experiments.studies.ablations", "experiments.cli.ablate:MetapolicyOptions"
    return Ablation(name, help, f"{rooms}.{arms}:{name}", f"{rooms}.metapolicy:prepare", options)


def _of_planner(name: str, help: str) -> Ablation:
    module = "experiments.studies.ablations.planner"
    options = "experiments.cli.ablate:AblationOptions"
    return Ablation(name, help, f"{module}:{name}", f"{module}:prepare", options)


ABLATIONS: Mapping[str, Ablation] = {
    ablation.name: ablation
    for ablation in (
        _of_metapolicy("start", "Meta-policy: where its training starts from."),
        _of_metapolicy("inputs", "Meta-policy: what it sees, one group less or predicted gains."),
        _of_metapolicy("heads", "Meta-policy: smaller networks, and gains as inputs.", "heads"),
        _of_metapolicy("depths", "Meta-policy: whether it chooses a depth limit too.", "heads"),
        _of_metapolicy("advantages", "Meta-policy: how advantages are estimated."),
        _of_metapolicy("menus", "Meta-policy: what it may answer, and how often it looks."),
        _of_metapolicy("widths", "Meta-policy: how large it is, and what a look then costs."),
        _of_metapolicy("learning", "Meta-policy: how fast, how long and how freely it learns."),
        _of_metapolicy(
            "lengths", "Meta-policy: trained for longer, and in smaller steps.", "heads"
        ),
        Ablation(
            "learners",
            "Meta-policy: who teaches it, PPO or one of its rivals.",
            "experiments.studies.ablations.learners:learners",
            "experiments.studies.ablations.learners:prepare",
            "experiments.cli.ablate:LearnersOptions",
            "experiments.report.figures.learning:draw_learning",
        ),
        _of_planner("networks", "Planner: architectures and sizes of its network."),
        _of_planner("targets", "Planner: what its policy learns from."),
        _of_planner("optimum", "Planner: environments whose best return is known to be 1."),
        _of_planner("long", "Planner: a larger network, trained twelve times as long."),
        Ablation(
            "thinker",
            "Thinker: without planning reward, kept tree or resets; other K and L.",
            "experiments.studies.ablations.thinker:thinker",
            "experiments.studies.ablations.thinker:prepare",
            "experiments.cli.ablate:ThinkerAblationOptions",
        ),
        Ablation(
            "yardstick",
            "Planner: beside PPO without a search, trained for as long by the clock.",
            "experiments.studies.ablations.yardstick:yardstick",
            "experiments.studies.ablations.yardstick:prepare",
            "experiments.cli.ablate:YardstickOptions",
        ),
    )
}


def any_environment(name: str) -> bool:
    """Return that a study is for every environment."""
    del name
    return True


def of_environment(name: str) -> Study:
    """Return the study of an environment: the first that accepts it.

    Raises:
        InputError: an import path that leads nowhere.
    """
    return next(study for study in STUDIES.values() if study.get("accepts")(name))


def of_results(results: Mapping[str, Any]) -> Study:
    """Return the study that results are of.

    Raises:
        InputError: there is no such study.
    """
    if results["study"] not in STUDIES:
        raise unknown("study", results["study"], STUDIES)
    return STUDIES[results["study"]]


def of_config(config: Any) -> Study:
    """Return the study that a configuration is of.

    Raises:
        InputError: it is of none.
    """
    for study in STUDIES.values():
        module, _, attribute = study.config.partition(":")
        if (type(config).__module__, type(config).__name__) == (module, attribute):
            return study
    raise InputError(f"a {type(config).__name__} is no study's configuration")
