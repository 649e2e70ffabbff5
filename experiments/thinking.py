"""Where an agent thinks: simulations by decision and by choice, and one episode told in full."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rrplan.types import Trace

GROUPINGS = ("decision", "legal_actions")
_STORY = "story_"
_FIRST = 256  # episodes among which the one to tell is chosen


def summarize(
    valid: np.ndarray, simulations: np.ndarray, legal_actions: np.ndarray
) -> dict[str, np.ndarray]:
    """Return how many decisions there were in each group, and their simulations and squares.

    Args:
        valid: ``[E, D]`` bool, the episode had this decision.
        simulations: ``[E, D]``.
        legal_actions: ``[E, D]``, how many there were.
    """
    decision = np.broadcast_to(np.arange(valid.shape[1]), valid.shape)
    groups = {"decision": decision, "legal_actions": legal_actions}
    thought = simulations[valid].astype(float)
    columns = {}
    for name in GROUPINGS:
        at = np.asarray(groups[name])[valid]
        columns[f"{name}_count"] = np.bincount(at).astype(float)
        columns[f"{name}_sum"] = np.bincount(at, thought)
        columns[f"{name}_squares"] = np.bincount(at, thought**2)
    return columns


def of_trace(trace: Trace | None) -> dict[str, np.ndarray]:
    """Return what is kept of a trace ``[E, N]``: the sums, and one episode's decisions ``[D]``."""
    if trace is None:
        return {}
    trace = Trace(*(np.asarray(column) for column in trace))
    episode = _most_telling(trace)
    length = trace.valid[episode].sum()
    story = {
        f"{_STORY}{name}": column[episode, :length]
        for name, column in trace._asdict().items()
        if name != "valid"
    }
    sums = summarize(trace.valid, trace.simulations, trace.legal_actions)
    return {**sums, **story, f"{_STORY}episode": np.int64(episode)}


def describe(
    agent: str, price: float | None, tables: Sequence[Mapping[str, np.ndarray]]
) -> list[dict[str, Any]]:
    """Return mean simulations in each group, pooled over training seeds, as JSON.

    ``error`` is the standard error of the mean over decisions.
    """
    described = []
    for by in GROUPINGS:
        if any(f"{by}_count" not in table for table in tables):
            continue
        count, total, squares = (
            _add([table[f"{by}_{name}"] for table in tables])
            for name in ("count", "sum", "squares")
        )
        at = np.flatnonzero(count)
        mean = total[at] / count[at]
        variance = np.maximum(squares[at] / count[at] - mean**2, 0.0)
        described.append(
            {
                "agent": agent,
                "price": price,
                "by": by,
                "at": at.tolist(),
                "decisions": count[at].astype(int).tolist(),
                "mean": mean.tolist(),
                "error": np.sqrt(variance / count[at]).tolist(),
            }
        )
    return described


def tell(agent: str, price: float | None, table: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """Return one episode of an agent, decision by decision, as JSON; None if none is kept."""
    columns = {
        name.removeprefix(_STORY): column
        for name, column in table.items()
        if name.startswith(_STORY)
    }
    if not columns:
        return None
    episode = int(columns.pop("episode"))
    decisions = [
        {name: column[i].item() for name, column in columns.items()}
        for i in range(len(columns["action"]))
    ]
    return {"agent": agent, "price": price, "episode": episode, "decisions": decisions}


def _most_telling(trace: Trace) -> int:
    """Return, of the first episodes, one in which thinking comes and goes and changes the mind."""
    valid = trace.valid[:_FIRST]
    changed = ((trace.action != trace.prior_action)[:_FIRST] & valid).sum(axis=1)
    thought = trace.simulations[:_FIRST] > 0
    both = np.minimum((thought & valid).sum(axis=1), (~thought & valid).sum(axis=1))
    return int(np.argmax(changed + both))


def _add(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return the sum of vectors, of which shorter ones are continued with zeros."""
    length = max(len(column) for column in columns)
    return np.sum([np.pad(column, (0, length - len(column))) for column in columns], axis=0)
