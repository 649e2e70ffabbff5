"""Results of benchmarks as Markdown tables, made from the result files alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments import runs
from experiments.bench.chunk import table as chunk
from experiments.bench.report import machine_line
from experiments.bench.sokoban import table as sokoban
from experiments.bench.thinker import table as thinker
from experiments.bench.time import table as times
from experiments.report.formatting import format_estimate, format_spread

_CONTESTANTS = ("rrplan", "mctx", "floor")


def write(directory: Path, bench: str, data: Mapping[str, Any]) -> str:
    """Write ``BENCH.md`` beside a result, and return it."""
    text = table(bench, data)
    path = Path(directory) / f"{bench}.md"
    runs.write_text(path, text + "\n")
    return text


def table(bench: str, data: Mapping[str, Any]) -> str:
    """Return a result as Markdown: the table, what is missing from it, and the machine."""
    makers = {"search": _search, "lanes": _lanes, "scaling": _scaling, "study": _study}
    makers |= {"time": times.table, "chunk": chunk.table, "sokoban": sokoban.table}
    makers["thinker"] = thinker.table
    notes = [machine_line(data), *(f"Warning: {warning}" for warning in data["warnings"])]
    return "\n\n".join([*makers[bench](data), *notes])


def _search(data: Mapping[str, Any]) -> list[str]:
    rows = []
    for cell in data["cells"]:
        cost, agreement = cell["us_per_simulation"], cell["agreement"]
        rows.append(
            [
                cell["problem"],
                f"{cell['lanes']:,}",
                f"{cell['simulations']}",
                *(_spread(cost[name]) for name in _CONTESTANTS),
                _times(cell["mctx_over_rrplan"]),
                _times(cell["rrplan_over_floor"]),
                f"{agreement['lanes'] - agreement['differing']:,} of {agreement['lanes']:,}",
            ]
        )
    header = ["problem", "lanes", "simulations", "rrplan, µs", "mctx, µs", "floor, µs"]
    header += ["mctx / rrplan", "rrplan / floor", "lanes with equal visits"]
    parts = [
        _markdown(header, rows, left=1),
        "Microseconds per simulation and lane: median (least to most).",
    ]
    if data["left_out"]:
        cells = ", ".join(
            f"{cell['problem']} {cell['lanes']:,} lanes with {cell['simulations']} simulations"
            f" (about {cell['mctx_seconds_expected']:.0f} s)"
            for cell in data["left_out"]
        )
        parts.append(f"Left out, because one search of mctx would take too long: {cells}.")
    return parts


def _lanes(data: Mapping[str, Any]) -> list[str]:
    rows = []
    for cell in data["workloads"]:
        speed = cell["decisions_per_second"]
        rows.append(
            [
                cell["workload"],
                f"{cell['mean']:.3g}",
                *(
                    f"{speed[name]['median']:,.0f}"
                    for name in ("rrplan", "rrplan_largest", "mctx_largest", "mctx_every_option")
                ),
                f"{cell['rrplan_over']['mctx_largest']:.1f}",
                f"{cell['rrplan_over']['mctx_every_option']:.1f}",
                f"{100 * cell['work']['useful_while_queued']:.1f}%",
                f"{100 * cell['work']['useful']:.1f}%",
            ]
        )
    header = ["workload", "mean budget", "rrplan lanes", "rrplan lockstep", "mctx lockstep"]
    header += ["mctx every option", "lanes / mctx lockstep", "lanes / every option"]
    header += ["useful while queued", "useful in all"]
    lanes = data["config"]["lanes"]
    return [
        _markdown(header, rows, left=1),
        f"Decisions per second at {lanes:,} lanes, medians; lockstep is at the largest budget.",
    ]


def _scaling(data: Mapping[str, Any]) -> list[str]:
    rows = [
        [
            "search" if cell["kind"] == "search" else "engine",
            f"{cell['lanes']:,}",
            f"{cell['largest']}",
            f"{cell['mean']}",
            _spread(cell["us_per_tick_and_lane"]),
            _spread(cell["us_per_decision"]),
        ]
        for part in ("over_lanes", "over_largest")
        for cell in data[part]
    ]
    header = ["what", "lanes", "largest budget", "mean", "µs a tick and lane", "µs a decision"]
    return [_markdown(header, rows, left=1), "Medians (least to most)."]


def _study(data: Mapping[str, Any]) -> list[str]:
    study, total, lanes = data["study"], data["lockstep"]["total"], data["lanes"]
    rows = [
        [
            f"{cell['k']}",
            *(_spread(cell["seconds"][name]) for name in ("engine", "lockstep")),
            f"{cell['lockstep_over_engine']:.1f}",
            *(format_estimate(cell["untimed"][name]) for name in ("engine", "lockstep")),
            format_estimate(cell["difference"]),
            _percent(cell["differing"]),
        ]
        for cell in data["lockstep"]["cells"]
    ]
    seconds, compiling = total["seconds"], total["compile_seconds"]
    sums = [_short(seconds[name]) for name in ("engine", "lockstep")]
    rows.append(["all", *sums, f"{total['lockstep_over_engine']:.1f}", *[""] * 4])
    header = ["k", "engine, s", "lockstep, s", "lockstep / engine", "return, engine"]
    header += ["return, lockstep", "difference", "episodes that differ"]
    seeds = "" if study["seeds"] == 1 else f" x {study['seeds']} training seeds"
    counts = [f"{cell['lanes']:,}" for cell in lanes["cells"]]
    matrix = [
        [f"{cell['lanes']:,}", format_estimate(cell["untimed"]), *map(_percent, shares)]
        for cell, shares in zip(lanes["cells"], lanes["differing"], strict=True)
    ]
    return [
        _markdown(header, rows, left=0),
        f"{study['env']}, {data['config']['episodes']:,} held-out episodes{seeds},"
        f" {study['lanes']:,} lanes. Seconds: median (least to most), without compilation."
        f" Compilation took {_short(compiling['engine'])} s (engine, once) and"
        f" {_short(compiling['lockstep'])} s (lockstep, for each k); with it, lockstep takes"
        f" {total['lockstep_over_engine_with_compilation']:.1f} times as long as the engine."
        " ± half of the 95% interval; the difference is engine - lockstep, paired.",
        _markdown(["lanes", "return", *counts], matrix, left=0),
        "The engine on the same episodes: the share that differs between two numbers of lanes,"
        f" k = {lanes['k']}.",
    ]


def _spread(cost: Mapping[str, float]) -> str:
    return format_spread(cost, _short)


def _times(ratio: Mapping[str, float]) -> str:
    return f"{_short(ratio['median'])}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def _short(number: float) -> str:
    """Return a number with three digits, never as a power of ten."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Return a table whose first ``left`` columns are aligned left, the others right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells):
        padded = (
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = ["-" * w if index < left else "-" * (w - 1) + ":" for index, w in enumerate(widths)]
    return "\n".join([line(header), line(rule), *map(line, rows)])
