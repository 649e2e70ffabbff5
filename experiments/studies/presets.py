"""Presets of studies of planning depth: settings that were found by measurement."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from agents.metapolicies.learned.config import PPOConfig
from agents.presets import train_preset
from experiments import roster
from experiments.studies.planning_depth.config import ControlConfig, StudyConfig
from experiments.sweep import SweepConfig
from rrplan.planner import Search


class _Known(NamedTuple):
    """What presets say of an environment, beside how its planner is trained."""

    label: str = "return"
    prices: tuple[float, ...] = ()
    """1.5, 4.5 and 9 times the scale of the quick preset's planner, to one digit (pricing.py).
    Where there are none, a run works them out."""
    more_budgets: tuple[int, ...] = ()
    """So that the best k at the least prices is not the largest."""
    env_kwargs: Mapping[str, Any] = {}
    """Options of the environment, where none are given."""
    value_floor: float = Search.value_floor
    """Differences of Q-values that completed Q does not stretch."""
    ppo: Mapping[str, Any] = {}
    """How meta-policies are trained, where that was measured."""


# After 100 rounds gates and stoppers earn 0.003 less on the knapsack (rrplan ablate lengths), and
# 0.003 and 0.002 less on traps.
_LONG: Mapping[str, Any] = {"num_chunks": 400, "minibatches": 16}

_KNOWN: Mapping[str, _Known] = {
    "knapsack": _Known("return (share of the optimum)", (3e-4, 1e-3, 2e-3), ppo=_LONG),
    "traps": _Known(
        "return (random play 0, the optimum 1)", (3e-4, 1e-3, 2e-3), (48, 64), ppo=_LONG
    ),
    "sliding_tiles": _Known(
        "return (minus the share of moves used)",
        (2e-4, 5e-4, 1e-3),
        (48, 64, 96, 128),
        # Three tenths of 0.25 is what two or three moves cost. Below that, values of this planner
        # differ by its errors: with 0.05, one simulation took k = 0 from -0.40 to -0.70.
        value_floor=0.3,
    ),
    "sokoban": _Known(
        "return (10 for solving, 1 for each box)",
        # About 1, 2 and 4.5 times the scale: from the middle of the usual ones on, k = 0 is best.
        (1e-3, 2e-3, 4e-3),
        (48, 64, 96, 128),
        # A box that is stuck ends nothing. With 120 steps most of what a planner learns from is
        # play after that, in levels that take eight moves.
        {"max_steps_in_episode": 40, "show_dead": True},
    ),
    "tardiness": _Known("return (minus the total tardiness, scaled)"),
    # A brick is worth 1, and values a step apart disagree by 0.4. With 0.05, four simulations took
    # k = 0 from 22 to 2.
    "Breakout-MinAtar": _Known(value_floor=1.0),
}


def preset(env: str, name: str) -> StudyConfig:
    """Return the study of an environment as a preset has it.

    ``quick`` is for two CPU cores and minutes; ``full`` for figures of a paper.

    Raises:
        InputError: no such preset. (Whether there is such an environment, ``envs.make`` says.)
    """
    network, train = train_preset(env, name)
    known = _KNOWN.get(env, _Known())
    # Where episodes are short and their prices known, more of them tell small gains apart.
    budgets = (*SweepConfig.budgets, *known.more_budgets)
    quick = SweepConfig(budgets, known.prices, episodes=4096 if known.prices else 1024)
    full = dataclasses.replace(quick, budgets=(*quick.budgets, 64), episodes=8192)
    rounds = 100 if name == "quick" else 400
    ppo = PPOConfig(**{"gamma": train.gamma, "num_chunks": rounds, **known.ppo})
    agents = ("entropy", "vet", "schedule", "gate", "stopper", "self-aware", "oracle")
    control = ControlConfig(agents, ppo=ppo)
    if name == "full":
        agents = roster.choosable(depth=False)
        control = ControlConfig(agents, num_prices=2, oracle_episodes=1024, ppo=ppo)
    return StudyConfig(
        env=env,
        env_kwargs=dict(known.env_kwargs),
        network=network,
        train=train,
        # Values were learned under this discount, so search and meta-policies must use it too.
        search=Search(acting="validate", discount=train.gamma, value_floor=known.value_floor),
        sweep=quick if name == "quick" else full,
        control=control,
        reference=train_preset(env, "quick").network,
        seeds=1 if name == "quick" else 5,
        return_label=known.label,
    )
