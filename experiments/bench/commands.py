"""``rrplan bench``: check what is asked, measure, write, draw."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from rrplan.errors import InputError, unknown

# What each measures; a module of that name in this package holds its options and its function.
BENCHES: Mapping[str, str] = {
    "search": "What one simulation costs: rrplan, mctx, and the model and network alone.",
    "lanes": "Decisions a second: the lane engine against planners in lockstep.",
    "scaling": "How time grows with lanes, and with the largest budget at a steady mean.",
    "study": "A finished run: the engine against mctx in lockstep, and at other lanes.",
    "thinker": "Augmented steps a second: Thinker and Dynamic Thinker, and the networks alone.",
    "time": "A finished run: what its agents take by the clock, and what they earn in it.",
    "chunk": "A chunk of a planner's training, against the sum of its parts measured alone.",
    "sokoban": "Steps a second of Sokoban, beside jumanji's on the same levels.",
}
DRAW = "Draw the figures and tables of results again."


def bench(arguments: Sequence[str], report: Callable[[str], None]) -> list[str]:
    """Run one benchmark, or draw again; return lines for the terminal.

    Args:
        arguments: the command line after ``rrplan bench``.
        report: takes a line of progress.

    Raises:
        SystemExit: help was asked for, and printed.
        InputError: an argument is wrong, or a result would be overwritten, or the contestants
            did not do the same work.
    """
    names = (*BENCHES, "draw")
    if not arguments:
        raise InputError(f"expected a benchmark: {', '.join(names)} (rrplan bench --help)")
    name, rest = arguments[0], arguments[1:]
    if name in ("-h", "--help"):
        print(_help())
        raise SystemExit(0)  # as the commands whose help tyro prints
    if name not in names:
        raise unknown("benchmark", name, names)
    if name == "draw":
        return _draw_again(rest)
    return _measure(name, rest, report)


def _measure(name: str, arguments: Sequence[str], report: Callable[[str], None]) -> list[str]:
    from experiments.cli.options import parse

    module = import_module(f"experiments.bench.{name}")
    kind = getattr(module, f"{name.capitalize()}Options")
    options = parse(kind, arguments, f"rrplan bench {name}")
    from experiments.bench import report as reports

    reports.claim(options.out, name, overwrite=options.overwrite)
    start = reports.begin()
    for warning in start["warnings"]:
        report(f"warning: {warning}")
    results: dict[str, Any] = getattr(module, f"run_{name}")(options, report)
    data = reports.write(options.out, name, reports.config_of(options), start, results)
    return [*_show(options.out, name, data), f"result: {reports.result_path(options.out, name)}"]


def _draw_again(arguments: Sequence[str]) -> list[str]:
    from experiments.cli.options import DirectoryOptions, parse

    directory = parse(DirectoryOptions, arguments, "rrplan bench draw").directory
    from experiments.bench import report as reports

    lines = []
    for name in BENCHES:
        if reports.result_path(directory, name).exists():
            lines += _show(directory, name, reports.load(directory, name))
    if not lines:
        raise InputError(f"{directory} holds no results of benchmarks")
    return lines


def _show(directory: Path, name: str, data: Mapping[str, Any]) -> list[str]:
    """Write a result's table and figure, if it has one; return the table and where that is."""
    from experiments.bench import figures, tables

    text = tables.write(directory, name, data)
    return [text, *(f"figure: {path}" for path in figures.draw(directory, name, data))]


def _help() -> str:
    width = 10
    lines = ["usage: rrplan bench BENCHMARK [options]", ""]
    lines += [f"  {name:<{width}}{text}" for name, text in {**BENCHES, "draw": DRAW}.items()]
    return "\n".join([*lines, "", "`rrplan bench BENCHMARK --help` shows a benchmark's options."])
