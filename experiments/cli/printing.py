"""How commands print: progress to standard error, tables to standard output, warnings in a line."""

import sys


def console():
    """Return where progress goes: standard error, so that results can be piped."""
    from rich.console import Console

    return Console(stderr=True)


def wide_console():
    """Return a console that cuts no table short where there is no terminal to fit it to."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=200)


def print_tables(results, directory=None) -> None:
    """Print all tables, with seconds by the clock where the run's directory is known; warnings."""
    from experiments import studies

    wide = wide_console()
    for rank, table in enumerate(studies.of_results(results).get("tables")(results, directory)):
        if rank:
            wide.print()
        wide.print(table)
    for line in results.get("warnings", ()):
        print(f"warning: {line}")


def show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    """Show a warning in one line, without the place in the code that it came from."""
    print(f"rrplan: warning: {message}", file=sys.stderr)
