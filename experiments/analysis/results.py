"""From episodes to ``results.json``: one entry per agent and price, with intervals."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from agents.metapolicies.tuning import tune
from experiments import roster, studies
from experiments.analysis import chains, comparisons, seeds, thinking
from experiments.analysis.columns import Columns, counts_of, stack_tables, timed_return
from experiments.analysis.comparisons import Yardstick, as_json
from experiments.analysis.evaluated import Evaluated, Key
from experiments.bill import Bill
from experiments.evaluation import Agent, fixed_agent
from experiments.runs.codec import to_dict
from experiments.studies.planning_depth.config import StudyConfig
from rrplan import costs
from rrplan.statistics import mean_ci


class BestFixed(NamedTuple):
    """The fixed k that earns most at a price, and what it earned where it was chosen."""

    price: float
    k: int
    timed: float


class Replaced(NamedTuple):
    """A learned agent in whose place the best fixed k stands, at one price."""

    agent: Agent
    k: int
    seeds: tuple[int, ...]
    """Training seeds in which it does."""
    validation_timed: Sequence[float]
    """What the agent earned on validation episodes, ``[S]``."""
    validation_timed_fixed: Sequence[float]
    """What the fixed k earned there, ``[S]``."""
    tables: Sequence[Columns]
    """What the agent itself did on the held-out episodes, each seed's."""


def best_fixed(
    curve: Mapping[int, Columns], prices: Sequence[float], rates: costs.Rates
) -> list[BestFixed]:
    """Return the best k for each price; of equals, the smallest.

    Args:
        curve: the table of each k.
        prices: in units of return.
        rates: what a fixed k is charged, in multiples of the price.
    """
    choices = tune(curve.__getitem__, sorted(curve), prices, lambda k: rates)
    return [BestFixed(choice.price, choice.candidate, choice.timed) for choice in choices]


def summarize(
    config: StudyConfig,
    versions: Mapping[str, str],
    frame: pl.DataFrame,
    acting: str,
    best: Sequence[BestFixed],
    rows: Sequence[tuple[Agent, Sequence[Columns]]],
    bill: Bill,
    replaced: Mapping[tuple[str, float], Replaced] | None = None,
    bills: Mapping[str, Bill] | None = None,
) -> dict[str, Any]:
    """Return what ``results.json`` holds: plain values, the same whenever it is made.

    Args:
        config: of the study.
        versions: that the run was begun with.
        frame: one row per agent, training seed and episode.
        acting: the rule of acting that every agent follows.
        best: the best fixed k for each price, chosen on validation episodes.
        rows: each agent with its own seeds' tables, for what their traces sum up to.
        bill: of the study.
        replaced: by name and price, learned agents in whose place a fixed k stands in ``frame``.
        bills: by name, those of agents that are planners of their own.
    """
    evaluated = Evaluated.of_frame(frame, (agent for agent, _ in rows))
    prices, curve = config.sweep.prices, evaluated.curve
    known = roster.describe(config.control.agents)
    compared = [name for name, a in known.items() if a["family"] in roster.COMPARED]
    controlled = [name for name in compared if known[name]["family"] in roster.CONTROLLED]
    subjects = [name for name in compared if roster.is_subject(name, known[name])]
    timed = {price: _timed(evaluated, compared, price) for price in prices}
    # Nothing is claimed over a planner at k = 0: its best k was chosen of 0 and others.
    claimed = {
        price: {name: returns for name, returns in found.items() if known[name].get("k") is None}
        for price, found in timed.items()
    }
    yardsticks = [_yardstick(choice, evaluated) for choice in best]
    return {
        "study": studies.PLANNING_DEPTH.name,
        "config": to_dict(config),
        "versions": dict(versions),
        "acting": acting,
        "bill": bill.describe(),
        "roster": known,
        "best_fixed": [
            {"price": choice.price, "k": choice.k, "validation_timed": choice.timed}
            for choice in best
        ],
        "falls": comparisons.falls({k: table["untimed_return"] for k, table in curve.items()}),
        "agents": _agents(evaluated, bill, bills or {}, prices, yardsticks, replaced or {}),
        **_chains(evaluated, yardsticks, timed),
        "fronts": comparisons.fronts(evaluated.priced(controlled), curve),
        "pairs": comparisons.pairs(timed),
        "claims": seeds.claims(claimed, {y.price: y.best_fixed for y in yardsticks}, subjects),
        "thinking": [
            group
            for agent, of_seeds in rows
            for group in thinking.describe(agent.name, agent.price, of_seeds)
        ],
        "circles": [
            found
            for agent, of_seeds in rows
            if (found := thinking.circles(agent.name, agent.price, of_seeds))
        ],
        "stories": [
            {**story, "timed": _timed_of(agent, of_seeds[0], story)}
            for agent, of_seeds in rows
            if agent.family == "learned"
            and (story := thinking.tell(agent.name, agent.price, of_seeds[0]))
        ],
    }


def _agents(
    evaluated: Evaluated,
    bill: Bill,
    bills: Mapping[str, Bill],
    prices: Sequence[float],
    yardsticks: Sequence[Yardstick],
    replaced: Mapping[tuple[str, float], Replaced],
) -> list[dict[str, Any]]:
    """Return the entries of all agents, one for each price."""
    entries = []
    for key, table in evaluated.tables.items():
        agent, paid = evaluated.agents[key], bills.get(key.name, bill)
        asked = prices if key.price is None else (key.price,)
        entries += _entries(agent, paid, table, asked, evaluated.curve, yardsticks)
    for (name, price), one in replaced.items():
        table = stack_tables(one.tables)
        (own,) = _entries(one.agent, bill, table, (price,), evaluated.curve, yardsticks)
        entry = next(e for e in entries if (e["agent"], e["price"]) == (name, price))
        entry |= _of_replaced(one, entry, own)
    return entries


def _of_replaced(one: Replaced, entry: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the entry of a fixed k that stands in for an agent says of it."""
    told = {
        "k": one.k,
        "seeds": list(one.seeds),
        "validation_timed": list(one.validation_timed),
        "validation_timed_fixed": list(one.validation_timed_fixed),
        "own": own,
    }
    whole = len(one.seeds) == entry["seeds"]
    evaluation = fixed_agent("fixed", one.k).evaluation if whole else entry["evaluation"]
    return {"evaluation": evaluation, "replaced": told}


def _timed_of(agent: Agent, table: Columns, story: Mapping[str, Any]) -> float:
    """Return the timed return of the episode that a story tells."""
    assert agent.price is not None  # as who learns
    return float(timed_return(table, agent.price, agent.rates)[story["episode"]])


def _timed(evaluated: Evaluated, names: Sequence[str], price: float) -> dict[str, np.ndarray]:
    """Return the timed returns of the agents that are held against each other at a price."""
    keys = [Key(name, price=price) for name in names]
    return {key.name: evaluated.timed(key, price) for key in keys if key in evaluated.tables}


def _chains(
    evaluated: Evaluated,
    yardsticks: Sequence[Yardstick],
    timed: Mapping[float, Mapping[str, np.ndarray]],
) -> dict[str, Any]:
    """Return where gains come from at each price where that can be told; nothing if at none."""
    found, reactive = [], Key("reactive", 0)
    if reactive not in evaluated.tables:
        return {}
    for price, best_fixed, _ in yardsticks:
        tables = {name: evaluated.tables[Key(name, price=price)] for name in timed[price]}
        spent = {
            name: (
                float(tables[name]["simulations"].mean()),
                float((tables[name]["untimed_return"] - own).mean()),
            )
            for name, own in timed[price].items()
        }
        least = evaluated.timed(reactive, price)
        found.append(chains.describe(price, timed[price], best_fixed, least, spent))
    return {"chains": [chain for chain in found if chain]} if any(found) else {}


def _yardstick(choice: BestFixed, evaluated: Evaluated) -> Yardstick:
    price, oracle = choice.price, Key("oracle", price=choice.price)
    ceiling = evaluated.timed(oracle, price) if oracle in evaluated.tables else None
    return Yardstick(price, evaluated.timed(Key("fixed", choice.k), price), ceiling)


def _first(curve: Mapping[int, Columns], episodes: int) -> dict[int, Columns]:
    """Return the curve on its first episodes."""
    return {
        k: {name: column[:, :episodes] for name, column in table.items()}
        for k, table in curve.items()
    }


def _entries(
    agent: Agent,
    bill: Bill,
    table: Columns,
    prices: Sequence[float],
    curve: Mapping[int, Columns],
    yardsticks: Sequence[Yardstick],
) -> list[dict[str, Any]]:
    rates = bill.every_rate(agent)
    same_for_all = {
        "untimed": _estimate(table["untimed_return"]),
        "fixed_simulations": comparisons.fixed_simulations(
            _first(curve, table["length"].shape[1]), float(table["untimed_return"].mean())
        ),
        "simulations": _estimate(table["simulations"]),
        "length": _estimate(table["length"]),
        "looks": _estimate(table["looks"]),
        "levels": _estimate(table["levels"]),
        "operations": _estimate(bill.operations_of(agent, counts_of(table))),
        "rates": {kind: own and own._asdict() for kind, own in rates.items()},
        "evaluation": agent.evaluation,
    }
    num_seeds, num_episodes = table["length"].shape
    by_price = {yardstick.price: yardstick for yardstick in yardsticks}
    entries = []
    for price in prices:
        timed_by = {
            kind: own and _estimate(timed_return(table, price, own)) for kind, own in rates.items()
        }
        timed = timed_return(table, price, agent.rates)
        entry = {
            "agent": agent.name,
            "k": agent.k,
            "depth": agent.depth,
            "price": price,
            "seeds": num_seeds,
            "episodes": num_episodes,
            "timed": timed_by[bill.kind],
            "timed_by": timed_by,
            **comparisons.compare(timed, by_price.get(price), bounded=agent.bounded),
            **same_for_all,
        }
        entries.append(entry)
    return entries


def _estimate(values: np.ndarray) -> dict[str, Any]:
    return as_json(mean_ci(values))
