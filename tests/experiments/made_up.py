"""Results as ``results.json`` has them, made up: for what is drawn and printed of them."""

from experiments.runs.codec import to_dict
from experiments.studies.planning_depth.config import (
    ControlConfig,
    StudyConfig,
    SweepConfig,
)

PRICES = (3e-4, 2e-3)
BUDGETS = (0, 2, 8)
ALL = ("entropy", "stopper", "stopper-priced", "oracle")


def around(mean, half_width=0.002):
    """Return an estimate and its interval as JSON."""
    return {"mean": mean, "ci95": [mean - half_width, mean + half_width]}


def entry(agent, price, untimed, simulations, k=None, **others):
    """Return one agent at one price."""
    return {
        "agent": agent,
        "k": k,
        "price": price,
        "seeds": 1,
        "episodes": 1024,
        "timed": around(untimed - price * simulations),
        "difference": around(0.003, 0.001),
        "gap_closed": around(0.5, 0.2),
        "untimed": around(untimed),
        "simulations": around(simulations, 0.1 * simulations),
        "length": around(6.0, 0.0),
        "looks": around(9.5 if agent.startswith("stopper") else 0.0),
        **others,
    }


def results(agents=ALL, prices=PRICES):
    """Return results of a sweep, random k, and those of ``ALL`` that are named."""
    fixed = [
        entry("fixed", price, 0.92 + 0.04 * k / (k + 4), 6.0 * k, k)
        for k in BUDGETS
        for price in prices
    ]
    alike = [entry("random", price, 0.94, 20.0) for price in prices]
    own = {
        "entropy": [entry("entropy", price, 0.945, 10.0) for price in prices],
        "stopper": [entry("stopper", prices[0], 0.95, 9.0)],
        "stopper-priced": [
            entry("stopper-priced", price, 0.95 - 5 * price, 8.0 - 1e3 * price) for price in prices
        ],
        "oracle": [
            entry("oracle", price, 0.96 - 5 * price, 5.0 - 1e3 * price, episodes=128)
            for price in prices
        ],
    }
    config = StudyConfig(
        env="knapsack",
        sweep=SweepConfig(budgets=BUDGETS, prices=prices),
        control=ControlConfig(agents=tuple(agents)),
    )
    return {
        "study": "planning depth",
        "config": to_dict(config),
        "acting": "visits",
        "best_fixed": [{"price": p, "k": k} for p, k in zip(prices, (8, 2), strict=False)],
        "agents": [*fixed, *alike, *(item for name in agents for item in own[name])],
        "thinking": [
            group
            for name in agents
            for item in own[name]
            for group in thinking(name, item["price"])
        ],
        "stories": [story(name, prices[0]) for name in agents if name.startswith("stopper")],
    }


def thinking(agent, price, decisions=(1024, 900, 300, 19)):
    """Return where an agent thinks, by either grouping; the last group is too small to show."""
    size = len(decisions)
    for by, at in (("decision", range(size)), ("legal_actions", range(size, 0, -1))):
        yield {
            "agent": agent,
            "price": price,
            "by": by,
            "at": list(at),
            "decisions": list(decisions),
            "mean": [3.0 - 0.5 * place for place in range(size)],
            "error": [0.1] * size,
        }


def story(agent, price, length=4):
    """Return an episode in which the agent changes its mind once."""
    decisions = [
        {
            "action": 3 if place else 7,
            "prior_action": 3,
            "reward": 0.9 / length,
            "simulations": 0 if place else 6,
            "looks": 1 if place else 3,
            "levels": 0 if place else 9,
            "raw_value": 0.9 - 0.9 * place / length,
            "search_value": 0.91 - 0.9 * place / length,
            "legal_actions": length - place,
            "prior_entropy": 0.3,
        }
        for place in range(length)
    ]
    return {"agent": agent, "price": price, "episode": 17, "decisions": decisions}


def older(results):
    """Return results as they were before agents controlled themselves."""
    new = ("difference", "gap_closed", "looks")
    agents = [{k: v for k, v in e.items() if k not in new} for e in results["agents"]]
    return {
        **{key: value for key, value in results.items() if key not in ("thinking", "stories")},
        "agents": agents,
    }
