"""Agents that decide how long to think: rules tuned, and networks trained, for a study."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from agents import fit, learned, meta_networks, tuning
from agents.meta_training import Planner, make_meta_train
from agents.tuning import Candidate, Choice
from experiments import distributed
from experiments.config import LEARNED, TUNED, StudyConfig
from experiments.evaluation import Agent, Domain, Problem, TrainedSeed, search_of, study_key
from experiments.progress import Progress
from experiments.results import BestFixed
from experiments.runs import Run

Evaluate = Callable[[Candidate], Mapping[str, Any]]


def candidates(problem: Problem, name: str, acting: str) -> list[Candidate]:
    """Return the grid on which a tuned rule is looked for."""
    sweep, num_actions = problem.config.sweep, problem.environment.num_actions
    if name == "entropy":
        return tuning.entropy_candidates(sweep.budgets, tuning.entropy_thresholds(num_actions))
    if name == "margin":
        return tuning.margin_candidates(sweep.budgets)
    return tuning.vet_candidates(sweep.max_budget, num_actions, search_of(problem.config, acting))


def tune(
    problem: Problem, acting: str, evaluate: Callable[[str], Evaluate]
) -> dict[str, list[Choice]]:
    """Return the best of each tuned rule for each price of the sweep.

    ``evaluate(name)`` returns what runs that rule's candidates on the validation episodes, pooled
    over training seeds.
    """
    return {
        name: tuning.tune(
            evaluate(name), candidates(problem, name, acting), problem.config.sweep.prices
        )
        for name in problem.config.control.agents
        if name in TUNED
    }


def list_agents(config: StudyConfig, tuned: Mapping[str, Sequence[Choice]]) -> list[Agent]:
    """Return the agents that control themselves, each at each of its prices.

    A tuned rule plays alike at prices for which the same candidate was chosen: it is run once.
    """
    agents = []
    for name, choices in tuned.items():
        for choice in choices:
            candidate = choice.candidate.name
            agents.append(Agent(name, None, candidate, "tuned", choice.price, candidate))
    for name in config.control.agents:
        if name in LEARNED:
            for price in prices_of(config, name):
                label = f"{name}-{price:g}"
                controller = name if name.endswith("-priced") else label
                agents.append(Agent(name, None, label, "learned", price, controller))
    return agents


def prices_of(config: StudyConfig, name: str) -> tuple[float, ...]:
    """Return the prices at which a learned agent is evaluated."""
    return config.sweep.prices if name.endswith("-priced") else config.trained_prices


def train_all(
    problem: Problem,
    run: Run,
    params: Sequence[Any],
    tuned: Mapping[str, Sequence[Choice]],
    acting: str,
    best_fixed: Sequence[BestFixed],
    progress: Progress,
) -> list[TrainedSeed]:
    """Train each seed's learned meta-policies, or go on from their last checkpoints.

    Returns:
        For each seed its planner with all its controllers, tuned ones among them.
    """
    shared = {
        choice.candidate.name: (choice.candidate.meta_policy, choice.candidate.params)
        for choices in tuned.values()
        for choice in choices
    }
    trained = []
    for seed, seed_params in enumerate(params):
        own = {
            controller: _train(
                problem, run, seed, seed_params, name, prices, acting, best_fixed, progress
            )
            for controller, name, prices in _trainings(problem.config)
        }
        trained.append(TrainedSeed(seed_params, shared | own))
    return trained


def _trainings(config: StudyConfig) -> list[tuple[str, str, tuple[float, float]]]:
    """Return name, agent and price range of every training."""
    trainings = []
    for name in config.control.agents:
        if name not in LEARNED:
            continue
        if name.endswith("-priced"):
            ppo = config.control.ppo
            trainings.append((name, name, (ppo.lowest_price, ppo.highest_price)))
        else:
            prices = config.trained_prices
            trainings += [(f"{name}-{price:g}", name, (price, price)) for price in prices]
    return trainings


def _train(
    problem: Problem,
    run: Run,
    seed: int,
    params: Any,
    name: str,
    prices: tuple[float, float],
    acting: str,
    best_fixed: Sequence[BestFixed],
    progress: Progress,
):
    config = problem.config
    control = config.control
    ppo = dataclasses.replace(control.ppo, lowest_price=prices[0], highest_price=prices[1])
    network = meta_networks.build(
        control.meta(name),
        problem.environment,
        problem.env_params,
        problem.network,
        params,
    )
    planner = Planner(
        problem.environment,
        problem.env_params,
        problem.network,
        params,
        search_of(config, acting),
        config.sweep.max_budget,
    )
    train = make_meta_train(planner, network, ppo, _start(best_fixed, prices))
    label = name if name.endswith("-priced") else f"{name}-{prices[0]:g}"
    # Whichever others are trained; agents for one price differ in it alone.
    key = jax.random.fold_in(study_key(config, Domain.CONTROL, seed), LEARNED.index(name))
    with progress.training(seed, config.seeds, ppo.num_chunks, label) as report:
        directory = run.training(seed) / "control" / label
        trained = fit.fit(train, key, directory, resume=True, report=report)
    return learned.greedy(network), distributed.hand_over(trained)


def _start(best_fixed: Sequence[BestFixed], prices: tuple[float, float]) -> int:
    """Return the fixed k to start from: the best at the price nearest to the range's middle."""
    logarithms = [math.log(max(price, 1e-12)) for price in prices]
    middle = sum(logarithms) / 2
    return min(best_fixed, key=lambda best: abs(math.log(max(best.price, 1e-12)) - middle)).k
