"""``rrplan report``: the page of finished runs."""

import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from experiments.cli.options import ReportOptions, parse
from experiments.html import INSTALL, find_missing, write_report
from rrplan.errors import InputError


def report(arguments: Sequence[str]) -> None:
    """Write a report, print its place, and open it if that is asked for.

    Args:
        arguments: the command line after ``rrplan report``.

    Raises:
        InputError: an argument is wrong, or a report cannot be made of these directories.
    """
    options = parse(ReportOptions, arguments, "rrplan report")
    path = write_report(options.directories, options.out)
    print(f"report: {path}")
    if options.open and not webbrowser.open(path.resolve().as_uri()):
        raise InputError(f"no browser was found to open {path} with")


def at_the_end(directory: Path) -> None:
    """Write the report of a run that has just ended, or say in one line why there is none."""
    if missing := find_missing():
        why = f"it needs {' and '.join(missing)}: {INSTALL}"
        print(f"rrplan: no report.html, as {why}", file=sys.stderr)
        return
    try:
        print(f"report:  {write_report([directory])}")
    except InputError as error:
        print(f"rrplan: warning: no report.html: {error}", file=sys.stderr)
