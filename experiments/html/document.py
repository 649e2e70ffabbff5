"""The report of runs: a page for each kind of study, written as one file."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from experiments import runs, studies
from experiments.html.page import Page, render
from experiments.studies import Study
from rrplan.errors import InputError

NEEDED = {"altair": "altair", "vl_convert": "vl-convert-python"}
"""Modules that draw the figures, and the packages that have them."""
INSTALL = f"pip install {' '.join(NEEDED.values())}"
NAME = "report.html"


def find_missing() -> list[str]:
    """Return the packages that a report needs and that are not installed."""
    return [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]


def write_report(directories: Sequence[Path], out: Path | None = None) -> Path:
    """Write the report of one run or several of one environment, and return its place.

    Args:
        directories: of runs that have ended.
        out: the file; ``report.html`` in the directory of the run if None, or, of several runs,
            where the command is run.

    Raises:
        InputError: a package is missing; a directory holds no finished run, or one of another
            study or environment than the first.
    """
    if missing := find_missing():
        raise InputError(f"a report needs {' and '.join(missing)}: {INSTALL}")
    directories = [Path(directory) for directory in directories]
    if out is None:
        out = directories[0] / NAME if len(directories) == 1 else Path(NAME)
    page: Page = _study_of(directories).get("report")
    text = render(page, page.collect(directories))
    try:
        runs.write_text(out, text)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None
    return out


def _study_of(directories: Sequence[Path]) -> Study:
    """Return the study that all directories are of."""
    found = [studies.of_results(runs.load_results(directory)) for directory in directories]
    for directory, study in zip(directories, found, strict=True):
        if study is not found[0]:
            raise InputError(
                f"{directory} is a study of {study.name}, {directories[0]} of {found[0].name}: "
                "only runs of one study can be compared"
            )
    return found[0]
