"""What is checked before a study runs: its agents, and whether it may go on with what is there."""

import dataclasses

import jax

from agents.declarations import Rule
from experiments import roster, runs
from experiments.evaluation import StudyProblem, make_planner
from experiments.runs.codec import first_difference, to_dict
from experiments.runs.progress import Progress
from experiments.studies.planning_depth.config import ControlConfig, StudyConfig
from experiments.studies.planning_depth.training import build_case, candidates, list_cases
from rrplan.capabilities import Initializable, require
from rrplan.costs import Rates
from rrplan.engine import parts
from rrplan.errors import InputError
from rrplan.planner import Planner
from rrplan.search.final_action import RULES
from rrplan.types import PyTree


def check_agents(problem: StudyProblem) -> None:
    """Refuse agents that would fail later, on a planner with fresh parameters; nothing is run.

    The meta-policies of a user's own rules are traced, and the trainings of learned agents built.

    Raises:
        InputError: one line that names the agent.
    """
    if not problem.config.control.agents:
        return
    network = problem.model or problem.network
    params = require(network, Initializable).init(jax.random.key(0))
    planner = make_planner(problem, params, RULES[0])
    _check_own_rules(problem, planner, params)
    _check_learned(problem, planner)


def _check_own_rules(problem: StudyProblem, planner: Planner, params: PyTree) -> None:
    own = (name for name in problem.config.control.agents if ":" in name)
    for rule in roster.find_all(list(own)):
        if not isinstance(rule, Rule):
            continue
        for candidate in candidates(problem, rule, params, RULES[0]):
            try:
                parts.check_agent(planner, candidate.meta_policy, candidate.params)
            except InputError as error:
                raise InputError(
                    f"agent {rule.name}, candidate {candidate.name}: {error}"
                ) from error


def _check_learned(problem: StudyProblem, planner: Planner) -> None:
    config = problem.config
    # Prices may still have to be worked out; which ones they are changes nothing here.
    sweep = dataclasses.replace(
        config.sweep, prices=config.sweep.prices or (config.control.ppo.highest_price,)
    )
    config = dataclasses.replace(config, sweep=sweep)
    for case in list_cases(config):
        try:
            build_case(config, planner, case, config.sweep.budgets[0], lambda *_: Rates())
        except InputError as error:
            raise InputError(f"agent {case.agent.name}: {error}") from error


def conflict(there: StudyConfig, here: StudyConfig) -> str | None:
    """Return in words what keeps a study from being extended to another; None where nothing does.

    It may be extended by agents, prices, budgets and depths, by prices that agents are trained for,
    and by seconds of the clock. Where no agent is learned, how they are learned may change as well.

    Raises:
        InputError: it may, but learned agents that are there would have to be trained anew.
    """
    learned = there.control.learned()
    how = there.control if learned else _taught_as(there.control, here.control)
    there = dataclasses.replace(there, control=how)
    same = dataclasses.replace(
        here,
        sweep=dataclasses.replace(
            here.sweep,
            budgets=there.sweep.budgets,
            prices=there.sweep.prices,
            depths=there.sweep.depths,
            depth_budgets=there.sweep.depth_budgets,
        ),
        control=dataclasses.replace(
            here.control, agents=there.control.agents, num_prices=there.control.num_prices
        ),
        calibrate=here.calibrate and there.calibrate,
    )
    if difference := first_difference(to_dict(there), to_dict(same)):
        return difference
    added = (
        (there.sweep.budgets, here.sweep.budgets),
        (there.sweep.prices, here.sweep.prices),
        (there.sweep.pairs, here.sweep.pairs),
        (there.control.agents, here.control.agents),
    )
    if any(set(before) - set(after) for before, after in added):
        return first_difference(to_dict(there), to_dict(here))
    before, after = there.sweep.max_budget, here.sweep.max_budget
    if learned and before != after:
        raise InputError(
            f"{learned[0].name} was trained with at most {before} simulations a decision, and the "
            f"largest k is {after} now: choose another --out"
        )
    trained = there.trained_prices
    by_price = [agent for agent in learned if not agent.priced]
    if by_price and not set(trained) <= set(here.trained_prices):
        least = here.sweep.prices.index(max(trained)) + 1
        raise InputError(
            f"{by_price[0].name} was trained for the price {max(trained):g}, and now it would not "
            f"be: expected --control.num-prices of at least {least}, or another --out"
        )
    return None


def _taught_as(control: ControlConfig, other: ControlConfig) -> ControlConfig:
    """Return what controls agents, with the other's settings of all that is learned."""
    own = ("agents", "num_prices", "oracle_episodes", "depths")
    return dataclasses.replace(other, **{name: getattr(control, name) for name in own})


def warn_of_other_versions(run: runs.Run, progress: Progress) -> None:
    """Say which packages, or what machine, are others than when the run was begun."""
    now = runs.versions()
    for name, version in run.versions.items():
        if now.get(name) != version:
            progress.print(
                f"warning: this run was begun with {name} {version}, now it is {now.get(name)}; "
                "numbers may differ in their last digits"
            )
