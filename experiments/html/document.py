"""The report of runs as one HTML page: data, figures and scripts in a single file."""

import base64
import functools
import hashlib
import html
import importlib.util
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from experiments import runs, studies
from experiments.analysis import columns
from experiments.evaluation import Split, fixed_agent
from experiments.html import making, replaying, rows
from experiments.html.rows import Row
from experiments.report import bills, compare
from experiments.report.formatting import RULES
from experiments.runs import Run
from experiments.studies.planning_depth.evaluating import file_of
from rrplan.errors import InputError

NEEDED = {"altair": "altair", "vl_convert": "vl-convert-python"}
"""Modules that draw the figures, and the packages that have them."""
INSTALL = f"pip install {' '.join(NEEDED.values())}"
NAME = "report.html"
_SCRIPTS = (
    *("bill", "data", "theme", "elements", "figures", "returns", "front", "thinking"),
    *("tables", "pairs", "story", "settings", "main"),
)


def find_missing() -> list[str]:
    """Return the packages that a report needs and that are not installed."""
    return [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]


def write_report(directories: Sequence[Path], out: Path | None = None) -> Path:
    """Write the report of one run or several of one environment, and return its place.

    Args:
        directories: of runs of planning depth that have ended.
        out: the file; ``report.html`` in the directory of the run if None, or, of several runs,
            where the command is run.

    Raises:
        InputError: a package is missing; a directory holds no finished run of planning depth, or
            one of another environment.
    """
    if missing := find_missing():
        raise InputError(f"a report needs {' and '.join(missing)}: {INSTALL}")
    if out is None:
        out = Path(directories[0]) / NAME if len(directories) == 1 else Path(NAME)
    text = render(collect(directories))
    try:
        runs.write_text(out, text)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None
    return out


def collect(directories: Sequence[Path]) -> dict[str, Any]:
    """Return all that a report shows, as plain values.

    Raises:
        InputError: as :func:`write_report`.
    """
    directories = [Path(directory) for directory in directories]
    loaded = compare.load(directories)
    told, found, episodes_of = [], [], []
    for place, (directory, (name, results)) in enumerate(
        zip(directories, loaded.items(), strict=True)
    ):
        if studies.of_results(results) is not studies.PLANNING_DEPTH:
            raise InputError(
                f"{directory} is a study of {results['study']}: expected runs of "
                f"{studies.PLANNING_DEPTH.name}"
            )
        run = runs.load_run(directory)
        own = rows.load(run.episodes, results, place)
        told.append(_describe(run, directory, name, results, own))
        found += own
        config = run.config
        options = json.dumps(config.env_kwargs, sort_keys=True)
        episodes_of.append((config.env, options, config.seed, config.seeds))
    every = list(loaded.values())
    return {
        "runs": told,
        "rows": [rows.describe(row, every[row.run]) for row in found],
        "groups": rows.groups_of(found, episodes_of),
    }


def render(data: Mapping[str, Any]) -> str:
    """Return the page that shows what :func:`collect` has found. It loads nothing from anywhere."""
    from experiments.html import charts

    figures = {"figures": charts.specifications()}
    library, script = _bundle(), "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    script = _inline(f"(() => {{\n'use strict';\n{script}\n}})();\n")
    # Only these two scripts run: text that came into the data by whatever way does not.
    allowed = " ".join(f"'sha256-{_digest(text)}'" for text in (library, script))
    return Template(_asset("page.html")).substitute(
        title=html.escape(_title(data), quote=True),
        policy=f"default-src 'none'; script-src {allowed} 'unsafe-eval'; "
        "style-src 'unsafe-inline'; img-src data:",
        style=_asset("page.css"),
        data=_as_json({**data, **figures}),
        library=library,
        script=script,
    )


def _describe(
    run: Run, directory: Path, name: str, results: Mapping[str, Any], own: Sequence[Row]
) -> dict[str, Any]:
    """Return what is told of a run as a whole."""
    config, first = run.config, own[0]
    stories, note = replaying.tell_again(run, results)
    return {
        "name": name,
        "env": config.env,
        "options": making.as_text(config.env_kwargs),
        "label": config.return_label,
        "acting": RULES[results["acting"]],
        "prices": list(config.sweep.prices),
        "bill": results.get("bill", {}).get("kind", "simulations"),
        "caption": bills.caption(results),
        "seeds": first.table["length"].shape[0],
        "episodes": first.episodes,
        "best_fixed": results.get("best_fixed", []),
        "validation": _validation(run, results, own),
        "thinking": results.get("thinking", []),
        "stories": stories,
        "story_note": note,
        "warnings": results.get("warnings", []),
        "versions": list(run.versions.items()),
        "settings": making.settings(config),
        "commands": making.commands(run, directory),
    }


def _validation(run: Run, results: Mapping[str, Any], own: Sequence[Row]) -> list[dict[str, Any]]:
    """Return what each fixed k did on validation episodes; nothing if files are missing."""
    split = Split.validation(run.config.sweep)
    fixed = {
        row.k: row
        for row in own
        if row.agent == "fixed" and row.depth is None and row.k is not None
    }
    read = {}
    for k in fixed:
        name = fixed_agent("fixed", k).evaluation
        files = (
            file_of(run, split, results["acting"], seed, name) for seed in range(run.config.seeds)
        )
        tables = [columns.load_table(file, split.episodes) for file in files]
        found = [table for table in tables if table is not None]
        if len(found) < len(tables):
            return []
        read[k] = found
    return rows.validation_curve(read, fixed)


def _title(data: Mapping[str, Any]) -> str:
    first = data["runs"][0]
    return f"{first['env']} {first['options']}".strip()[:200] + " - rrplan report"


@functools.cache
def _bundle() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script."""
    import vl_convert

    return _inline(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def _asset(name: str) -> str:
    return resources.files("experiments.html").joinpath("assets", name).read_text()


def _inline(script: str) -> str:
    """Return a script in which nothing ends the element that it stands in."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _as_json(data: Any) -> str:
    """Return JSON that can stand inside an HTML page: no text in it looks like a tag."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
