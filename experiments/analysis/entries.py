"""Reading results: which agents are in ``results.json``, and what they did at which price."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments import roster

Entry = Mapping[str, Any]
"""One agent at one price, as ``results.json`` has it."""


def names(results: Mapping[str, Any], *families: str) -> list[str]:
    """Return the names of agents of some families, in the order in which they are listed."""
    known = roster.of_results(results)
    return [name for name, agent in known.items() if agent["family"] in families]


def controlled(results: Mapping[str, Any]) -> list[str]:
    """Return the names of agents that decide themselves how long to think."""
    return names(results, *roster.CONTROLLED)


def compared(results: Mapping[str, Any]) -> list[str]:
    """Return the names of agents that are held against the best fixed k, and each other."""
    return names(results, *roster.COMPARED)


def prices(results: Mapping[str, Any]) -> list[float]:
    """Return the prices at which there are entries, the least first."""
    return sorted({entry["price"] for entry in results["agents"]})


def find(results: Mapping[str, Any], agent: str, price: float) -> Entry | None:
    """Return an agent's entry at a price; None if it has none. For agents without a k."""
    return next((entry for entry in by_price(results, agent) if entry["price"] == price), None)


def by_price(results: Mapping[str, Any], agent: str) -> list[Entry]:
    """Return all entries of an agent, the one at the least price first."""
    entries = (entry for entry in results["agents"] if entry["agent"] == agent)
    return sorted(entries, key=lambda entry: entry["price"])


def find_all(results: Mapping[str, Any], agents: Sequence[str], price: float) -> list[Entry]:
    """Return the entries at a price of those agents that have one."""
    found = (find(results, agent, price) for agent in agents)
    return [entry for entry in found if entry is not None]


def best_fixed(results: Mapping[str, Any], price: float) -> Entry | None:
    """Return the entry of the k that was best at a price on validation episodes, if any was."""
    best = {choice["price"]: choice["k"] for choice in results.get("best_fixed", ())}
    for entry in by_price(results, "fixed"):
        free = entry.get("depth") is None  # of any depth; older results know no other
        if free and entry["price"] == price and entry["k"] == best.get(price):
            return entry
    return None


def name(entry: Entry) -> str:
    """Return what to call an agent in a list where the fixed k is one among others."""
    return f"fixed k = {entry['k']}" if entry["agent"] == "fixed" else entry["agent"]


def episodes_of_oracle(results: Mapping[str, Any]) -> int | None:
    """Return how many of the first episodes the oracle stands for; None where it is all."""
    oracle = by_price(results, "oracle")
    if not oracle or oracle[0]["episodes"] == results["agents"][0]["episodes"]:
        return None
    return oracle[0]["episodes"]


def least_learned(results: Mapping[str, Any]) -> tuple[float, list[str]] | None:
    """Return the least price that an agent has learned for, and who has; None if nobody has.

    Agents that have learned for all prices stand in only where there are no others.
    """
    known = roster.of_results(results)
    for priced in (False, True):
        learned = [name for name in names(results, "learned") if known[name]["priced"] == priced]
        found = [entry for name in learned for entry in by_price(results, name)]
        if found:
            price = min(entry["price"] for entry in found)
            return price, [entry["agent"] for entry in found if entry["price"] == price]
    return None


def means(curve: Sequence[Entry], field: str) -> list[float]:
    """Return the mean of a field in each entry."""
    return [entry[field]["mean"] for entry in curve]


def errors(entries: Sequence[Entry], field: str) -> np.ndarray:
    """Return how far the intervals of a field reach below and above its means, ``[2, N]``."""
    return np.abs([np.subtract(entry[field]["ci95"], entry[field]["mean"]) for entry in entries]).T


def fixed_curve(results: Mapping[str, Any], price: float) -> list[Entry]:
    """Return the fixed-k entries at one price, by k; without a limit of depth."""
    return sorted(_fixed(results, price, limited=False), key=lambda entry: entry["k"])


def depth_curves(results: Mapping[str, Any], price: float) -> dict[int, list[Entry]]:
    """Return for each k at which depths were swept its entries at a price, by depth.

    The entry without a limit comes last.
    """
    limited = _fixed(results, price, limited=True)
    free = {entry["k"]: entry for entry in fixed_curve(results, price)}
    curves: dict[int, list[Entry]] = {}
    for entry in sorted(limited, key=lambda entry: (entry["k"], entry["depth"])):
        curves.setdefault(entry["k"], []).append(entry)
    return {k: [*curve, free[k]] for k, curve in curves.items()}


def _fixed(results: Mapping[str, Any], price: float, *, limited: bool) -> list[Entry]:
    """Return the fixed agents' entries at a price; older results know no depth."""
    return [
        entry
        for entry in results["agents"]
        if entry["agent"] == "fixed"
        and entry["price"] == price
        and (entry.get("depth") is not None) == limited
    ]
