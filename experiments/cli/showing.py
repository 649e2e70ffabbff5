"""Where the commands print, and how they show tables and warnings."""

import sys
from collections.abc import Iterable
from typing import Any


def console() -> Any:
    """Return where progress goes: standard error, so that results can be piped."""
    from rich.console import Console

    return Console(stderr=True)


def wide_console() -> Any:
    """Return a console that cuts no table short where there is no terminal to fit it to."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=200)


def say(line: str) -> None:
    """Print a line of progress."""
    console().print(line, highlight=False, markup=False, soft_wrap=True)


def print_tables(tables: Iterable[Any]) -> None:
    """Print tables of :mod:`rich`, with an empty line between them."""
    console = wide_console()
    for rank, table in enumerate(tables):
        if rank:
            console.print()
        console.print(table)


def print_results(results: Any, directory: Any = None) -> None:
    """Print all tables, with seconds by the clock where the run's directory is known; warnings."""
    from experiments import studies

    print_tables(studies.of_results(results).get("tables")(results, directory))
    for line in results.get("warnings", ()):
        print(f"warning: {line}")


def show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    """Show a warning in one line, without the place in the code that it came from."""
    print(f"rrplan: warning: {message}", file=sys.stderr)
