"""Seconds by the clock, as a run's ``timings.jsonl`` has them."""

import json
import re
from pathlib import Path
from typing import Any

from experiments import roster
from experiments.analysis.entries import Entry

_HELD_OUT = re.compile(r"held-out-(?P<acting>visits|completed_q)-seed\d+-(?P<name>.+)")


def seconds_an_episode(path: Path, acting: str) -> dict[str, float]:
    """Return the mean seconds of an episode in each held-out evaluation, by its name.

    Training seeds are pooled. Of an evaluation that was run more than once, the last counts.
    Lines that do not tell their episodes, as those of older runs, are passed over.

    Args:
        path: of the file; there may be none.
        acting: the rule of acting under which the evaluations were run.
    """
    last = {}
    for line in _read(path):
        match = _HELD_OUT.fullmatch(str(line.get("evaluation")))
        if match and match["acting"] == acting and line.get("episodes"):
            last[match[0]] = (match["name"], line["seconds"], line["episodes"])
    pooled: dict[str, tuple[float, int]] = {}
    for name, seconds, episodes in last.values():
        before = pooled.get(name, (0.0, 0))
        pooled[name] = (before[0] + seconds, before[1] + episodes)
    return {name: seconds / episodes for name, (seconds, episodes) in pooled.items()}


def evaluation_of(entry: Entry) -> str:
    """Return the name of the evaluation that an entry's episodes come from."""
    if "evaluation" in entry:
        return entry["evaluation"]
    if entry["k"] is not None:
        return f"fixed-{entry['k']}"
    agent = entry["agent"]
    alike = roster.ROSTER[agent].family not in roster.CHOSEN  # older results know no others
    return agent if alike else f"{agent}-{entry['price']:g}"


def _read(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file that hold a record: a kill may have cut the last one short."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text().splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records
