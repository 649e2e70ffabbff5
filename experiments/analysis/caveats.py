"""What to beware of in results, each in one plain line: kept in ``results.json``, and printed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.analysis import entries
from experiments.analysis.columns import Columns
from experiments.analysis.comparisons import as_json
from experiments.analysis.entries import Entry
from experiments.evaluation import Agent
from rrplan.statistics import paired_difference, simultaneous_ci

LEAST_SHARE = 1e-3
"""A bill of the largest k below such a share of the return is too small to matter."""
MANY_CIRCLES = 0.05
"""From such a share of episodes that go round in circles on, it is told."""
_PLANNING = ("fixed", "untuned", "rule", "learned")  # families whose k the planner runs

Results = Mapping[str, Any]


def measure(rows: Sequence[tuple[Agent, Columns]]) -> dict[str, Any] | None:
    """Return what search gains untimed, as ``results.json`` has it; None of fewer than two k's.

    ``difference`` is the untimed return of the largest k less that of the least, paired. ``alike``
    is whether no agent's untimed return differs from that of the least k by more than chance; the
    intervals hold for all agents together.

    Args:
        rows: agents with their tables ``[S, E]``, on the same episodes.
    """
    curve = {
        agent.k: table["untimed_return"].astype(float)
        for agent, table in rows
        if agent.name == "fixed" and agent.k is not None and not agent.depth
    }
    if len(curve) < 2:
        return None
    least, largest = min(curve), max(curve)
    others = {
        agent.evaluation: table["untimed_return"] - curve[least]
        for agent, table in rows
        if agent.family in _PLANNING and table["untimed_return"].shape == curve[least].shape
    }
    intervals = simultaneous_ci(np.stack(list(others.values())))
    return {
        "least_k": least,
        "largest_k": largest,
        "difference": as_json(paired_difference(curve[largest], curve[least])),
        "alike": all(interval.low <= 0.0 <= interval.high for interval in intervals),
    }


def find(results: Results) -> list[str]:
    """Return what to beware of in results, a line each; older results tell less."""
    looks = (
        *(_prices_of_no_gain, _lowers, _misleads, _circles, _alike),
        *(_best_is_largest, _random_is_better, _prices, _chance),
    )
    return [line for look in looks for line in look(results)]


def _prices_of_no_gain(results: Results) -> Iterator[str]:
    priced = results.get("priced")
    if priced and not priced["pays"]:
        yield priced["told"]


def _lowers(results: Results) -> Iterator[str]:
    search = results.get("search")
    if search and search["difference"]["ci95"][1] < 0:
        low, high = search["difference"]["ci95"]
        yield (
            f"search lowers the return: k = {search['largest_k']} earns "
            f"{-search['difference']['mean']:.3g} [{-high:.3g}, {-low:.3g}] less than k = "
            f"{search['least_k']}, before the bill"
        )


def _misleads(results: Results) -> Iterator[str]:
    """Tell of the k that earns least, where that is less than no search does."""
    search, acting = results.get("search"), results.get("acting")
    if not search or acting != "completed_q":
        return
    falls = [fall for fall in results.get("falls", ()) if fall["from_k"] == search["least_k"]]
    short = [fall for fall in falls if fall["to_k"] < search["largest_k"]]
    if short:
        worst = min(short, key=lambda fall: fall["difference"])
        floor = results["config"]["search"]["value_floor"]
        yield (
            f"a short search lowers the return: k = {worst['to_k']} earns "
            f"{-worst['difference']:.3g} less than k = {worst['from_k']}, before the bill; where "
            "the network's values err by that much, a larger --search.value-floor helps "
            f"(it is {floor:g})"
        )


def _circles(results: Results) -> Iterator[str]:
    """Tell of the agent that goes round in circles most, where any does so often."""
    worst = max(results.get("circles", ()), key=lambda one: one["episodes"], default=None)
    if worst and worst["episodes"] >= MANY_CIRCLES:
        yield (
            f"{worst['agent']} goes round in circles in {worst['episodes']:.0%} of the episodes: "
            "half of their decisions or more are in situations met before in the episode, where "
            "a planner without memory does again what it did"
        )


def _alike(results: Results) -> Iterator[str]:
    if _are_alike(results):
        earned = entries.by_price(results, "fixed")[0]["untimed"]["mean"]
        yield (
            f"all agents earn the same, {earned:.4g} before the bill, up to chance: thinking "
            "changes nothing here"
        )


def _best_is_largest(results: Results) -> Iterator[str]:
    budgets = results["config"]["sweep"]["budgets"]
    largest = max(budgets)
    prices = [c["price"] for c in results.get("best_fixed", ()) if c["k"] == largest]
    if prices and len(budgets) > 1:
        yield f"the best k is the largest, {largest}, {_at(prices)}: raise --k"


def _random_is_better(results: Results) -> Iterator[str]:
    prices = [
        entry["price"]
        for entry in entries.by_price(results, "random")
        if entry.get("difference") and entry["difference"]["ci95"][0] > 0
    ]
    if prices:
        yield f"random k earns more than the best fixed k {_at(prices)}: give --k more values"


def _prices(results: Results) -> Iterator[str]:
    """Tell of prices that are given, and too low or too high to find anything out."""
    best = {choice["price"]: choice["k"] for choice in results.get("best_fixed", ())}
    search = results.get("search")
    if results.get("priced") or not best or not search:
        return
    least, largest, highest = search["least_k"], search["largest_k"], max(best)
    curve = {(e["k"], e["price"]): e for e in _free(results)}
    dearest = curve[largest, highest]
    bill = dearest["untimed"]["mean"] - dearest["timed"]["mean"]
    size = max(abs(curve[k, highest]["untimed"]["mean"]) for k in (least, largest))
    if highest > 0 and bill < LEAST_SHARE * size:
        yield (
            f"prices are too low to matter: at c = {highest:g} k = {largest} pays {bill:.2g} an "
            f"episode, beside a return of {size:.3g}; give higher --prices"
        )
    gains = search["difference"]["ci95"][0] > 0
    if gains and set(best.values()) == {least} and not _thinks(results, curve):
        yield (
            f"prices are so high that nobody thinks, though k = {largest} gains "
            f"{search['difference']['mean']:.2g} before the bill; give lower --prices"
        )


def _chance(results: Results) -> Iterator[str]:
    if results.get("stochastic"):
        yield (
            "the environment is stochastic: a search takes what it has once sampled for an action "
            "to come again, and so is too hopeful"
        )


def _are_alike(results: Results) -> bool:
    return bool((results.get("search") or {}).get("alike"))


def _free(results: Results) -> list[Entry]:
    """Return the fixed agents' entries, without a limit of depth."""
    return [e for e in entries.by_price(results, "fixed") if e.get("depth") is None]


def _thinks(results: Results, curve: Mapping[tuple[int, float], Entry]) -> bool:
    """Return whether an agent that decides itself thinks a tenth as much as the least k above 0."""
    some = 0.1 * min(e["simulations"]["mean"] for (k, _), e in curve.items() if k > 0)
    return any(
        entry["simulations"]["mean"] >= some
        for name in entries.controlled(results)
        for entry in entries.by_price(results, name)
    )


def _at(prices: Sequence[float]) -> str:
    return f"at c = {', '.join(f'{price:g}' for price in sorted(prices))}"
