"""Where an agent thinks: simulations by decision and by choice, and one episode told in full."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rrplan.types import Trace

GROUPINGS = ("decision", "legal_actions")
_SUMS = ("count", "sum")
_CIRCLES = ("noted_decisions", "repeated_decisions", "noted_episodes", "circling_episodes")
_STORY = "story_"
_FIRST = 256  # episodes among which the one to tell is chosen


def summarize(
    valid: np.ndarray, simulations: np.ndarray, legal_actions: np.ndarray
) -> dict[str, np.ndarray]:
    """Return how many decisions there were in each group, and their simulations.

    Sums of products of an episode's two numbers come with them: decisions of one episode are no
    independent draws, so that errors are worked out over episodes.

    Args:
        valid: ``[E, D]`` bool, the episode had this decision.
        simulations: ``[E, D]``.
        legal_actions: ``[E, D]``, how many there were.
    """
    decision = np.broadcast_to(np.arange(valid.shape[1]), valid.shape)
    groups = {"decision": decision, "legal_actions": legal_actions}
    thought = simulations[valid].astype(float)
    episode = np.nonzero(valid)[0]
    columns = {}
    for name in GROUPINGS:
        at = np.asarray(groups[name])[valid]
        count, total = (
            _by_episode(len(valid), episode, at, weights) for weights in (np.ones(len(at)), thought)
        )
        columns[f"{name}_count"], columns[f"{name}_sum"] = count.sum(axis=0), total.sum(axis=0)
        columns[f"{name}_counts_squared"] = (count**2).sum(axis=0)
        columns[f"{name}_sums_squared"] = (total**2).sum(axis=0)
        columns[f"{name}_products"] = (count * total).sum(axis=0)
    return columns


def of_trace(trace: Trace | None) -> dict[str, np.ndarray]:
    """Return what is kept of a trace ``[E, N]``: the sums, and one episode's decisions ``[D]``."""
    if trace is None:
        return {}
    columns: Any = Trace._make(map(np.asarray, trace))
    episode = _most_telling(columns)
    length = columns.valid[episode].sum()
    story = {
        f"{_STORY}{name}": column[episode, :length]
        for name, column in columns._asdict().items()
        if name != "valid"
    }
    sums = summarize(columns.valid, columns.simulations, columns.legal_actions)
    sums |= _count_repeated(columns.valid, columns.repeated)
    return {**sums, **story, f"{_STORY}episode": np.asarray(episode, np.int64)}


def _count_repeated(valid: np.ndarray, repeated: np.ndarray) -> dict[str, np.ndarray]:
    """Return how many decisions were in situations met before, and how many episodes went round.

    An episode goes round in circles where at least half of its decisions are so.
    """
    decisions, again = valid.sum(axis=1), repeated.sum(axis=1)
    circling = (decisions > 0) & (2 * again >= decisions)
    counts = decisions.sum(), again.sum(), np.int64(len(valid)), circling.sum()
    return dict(zip(_CIRCLES, map(np.asarray, counts), strict=True))


def circles(
    agent: str, price: float | None, tables: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, Any] | None:
    """Return how often an agent is in a situation that it has met before in its episode, as JSON.

    ``decisions`` is the share of its decisions, ``episodes`` the share of episodes of which at
    least half of the decisions are so; pooled over training seeds. None where it was not noted.
    """
    if any(name not in table for table in tables for name in _CIRCLES):
        return None
    decisions, again, episodes, circling = (
        sum(int(table[name]) for table in tables) for name in _CIRCLES
    )
    shares = {"decisions": again / max(1, decisions), "episodes": circling / max(1, episodes)}
    return {"agent": agent, "price": price, **shares}


def describe(
    agent: str, price: float | None, tables: Sequence[Mapping[str, np.ndarray]]
) -> list[dict[str, Any]]:
    """Return mean simulations in each group, pooled over training seeds, as JSON.

    ``error`` is the standard error of the mean: over training seeds, or where there is one only,
    over its episodes.
    """
    described = []
    for by in GROUPINGS:
        if any(f"{by}_count" not in table for table in tables):
            continue
        count, total = (_stack([table[f"{by}_{name}"] for table in tables]) for name in _SUMS)
        at = np.flatnonzero(count.sum(axis=0))
        count, total = count[:, at], total[:, at]
        mean = total.sum(axis=0) / count.sum(axis=0)
        several = len(tables) > 1
        error = _over_seeds(count, total) if several else _over_episodes(tables[0], by, at, mean)
        described.append(
            {
                "agent": agent,
                "price": price,
                "by": by,
                "at": at.tolist(),
                "decisions": count.sum(axis=0).astype(int).tolist(),
                "mean": mean.tolist(),
                "error": error.tolist(),
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


def _by_episode(
    episodes: int, episode: np.ndarray, at: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return sums of weights of decisions, by episode and group ``[E, G]``."""
    groups = at.max(initial=-1) + 1
    flat = np.bincount(episode * groups + at, weights, minlength=episodes * groups)
    return flat.reshape(episodes, groups)


def _over_episodes(
    table: Mapping[str, np.ndarray], by: str, at: np.ndarray, mean: np.ndarray
) -> np.ndarray:
    """Return the standard error of a ratio of sums over independent episodes."""
    sums, counts, products = (
        table[f"{by}_{name}"][at] for name in ("sums_squared", "counts_squared", "products")
    )
    residual = sums - 2.0 * mean * products + mean**2 * counts
    return np.sqrt(np.maximum(residual, 0.0)) / table[f"{by}_count"][at]


def _over_seeds(count: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return the standard error of the mean of the seeds' own means; ``[S, G]`` each."""
    own = total / np.maximum(count, 1)
    weight = count / count.sum(axis=0)
    spread = (weight * (own - (weight * own).sum(axis=0)) ** 2).sum(axis=0)
    return np.sqrt(spread / max(1, len(count) - 1))


def _stack(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return vectors as rows, of which shorter ones are continued with zeros."""
    length = max(len(column) for column in columns)
    return np.stack([np.pad(column, (0, length - len(column))) for column in columns])
