"""The page of metareasoning problems: what each policy earns, beside the exact optimum."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments import runs, studies
from experiments.html import making
from experiments.html.page import Page
from experiments.report import compare
from experiments.report.figures import scores as figures
from experiments.runs import Run
from experiments.studies.metareasoning.scores import NOTHING, OPTIMUM
from experiments.studies.metareasoning.study import TRAINED

HELP: Mapping[str, str] = {
    OPTIMUM: "The best that is possible, by backward induction.",
    NOTHING: "Computes nothing; its score is 0.",
    TRAINED: "The trained policy, made for one cost.",
    "fixed": "So many computations in turn, then it stops; the best number for the cost.",
    "myopic": "Does what gains most if it stops right after.",
    "blinkered": "As myopic, with the best use of related computations.",
    "vpi": "Expects of a computation what all related ones would tell.",
    "bmps": "Mixes three such expectations, with weights that are fitted for each cost.",
    "weitzman": "Opens the box with the largest reservation value; optimal.",
}
"""What each policy does, in one sentence."""
_STYLE_OF_NOTHING = {"color": "#767676", "marker": "x", "linestyle": ":"}


def collect(directories: Sequence[Path]) -> dict[str, Any]:
    """Return all that the page shows, as plain values.

    Raises:
        InputError: a directory holds no finished run of a metareasoning problem, or one of another
            problem.
    """
    told, rows = [], []
    loaded = compare.load(directories)
    for place, (directory, (name, results)) in enumerate(
        zip(directories, loaded.items(), strict=True)
    ):
        run = runs.load_run(directory, studies.METAREASONING)
        told.append(_describe(run, directory, name, results))
        rows += _rows(results, place)
    return {"runs": told, "rows": rows}


def _describe(run: Run, directory: Path, name: str, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told of a run as a whole."""
    return {
        **making.describe(run, directory, name, results),
        "title": results["title"],
        "unit": results["cost_unit"],
        "acting": results["acting"],
        "prices": sorted({entry["price"] for entry in results["agents"]}),
        "seeds": run.config.seeds,
    }


def _rows(results: Mapping[str, Any], run: int) -> list[dict[str, Any]]:
    """Return each policy at each cost once: where policies were trained, and around."""
    found = {}
    for entry in (*results["agents"], *results["curve"]):
        found.setdefault((entry["agent"], entry["price"]), _row(entry, run))
    return list(found.values())


def _row(entry: Mapping[str, Any], run: int) -> dict[str, Any]:
    agent = entry["agent"]
    numbers = ("k", "price", "seeds", "timed", "untimed", "simulations", "score", "scores")
    chosen = {name: float(f"{value:.3g}") for name, value in entry["setting"].items()}
    return {
        "run": run,
        "agent": agent,
        "help": HELP.get(agent, ""),
        "style": figures.STYLE.get(agent, _STYLE_OF_NOTHING),
        "trained": agent == TRAINED,
        "rank": {OPTIMUM: "optimum", NOTHING: "nothing", "fixed": "fixed"}.get(agent, ""),
        "setting": ", ".join(f"{name} = {value:g}" for name, value in chosen.items()),
        **{name: entry[name] for name in numbers},
    }


PAGE = Page(
    body="scores/body.html",
    scripts=tuple(f"scores/{name}.js" for name in ("data", "lines", "table", "main")),
    figures="experiments.html.score_charts:specifications",
    collect=collect,
)
