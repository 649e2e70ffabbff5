"""Agents that decide how long to think: rules tuned, and networks trained, for a study."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agents import declarations
from agents.declarations import Learned, Request, Rule, Trainable
from agents.metapolicies import tuning
from agents.metapolicies.tuning import Candidate, Choice
from agents.training import fit
from experiments import runs
from experiments.analysis.results import BestFixed
from experiments.bill import Bill
from experiments.cluster import processes
from experiments.evaluation import (
    Agent,
    Domain,
    StudyProblem,
    TrainedSeed,
    make_planner,
    study_key,
)
from experiments.runs import Run
from experiments.runs.progress import Progress
from experiments.seeds import name_key
from experiments.studies.planning_depth import yoking
from experiments.studies.planning_depth.config import StudyConfig
from rrplan.capabilities import Priced, offers
from rrplan.costs import Rates
from rrplan.errors import InputError
from rrplan.planner import Planner
from rrplan.tracing import explain
from rrplan.types import MetaPolicy, PyTree

Evaluate = Callable[[Candidate], Mapping[str, Any]]


class LearnedCase(NamedTuple):
    """One training of a learned agent: for one price, or for a range of them."""

    agent: Learned
    label: str  # of the agent at these prices: a folder's name
    prices: tuple[float, float]


def candidates(problem: StudyProblem, rule: Rule, params: PyTree, acting: str) -> list[Candidate]:
    """Return the grid on which a rule is looked for.

    Args:
        problem: of the study.
        rule: as it is declared.
        params: of the network, of one training seed.
        acting: rule of acting.

    Raises:
        InputError: the builder of a user's own rule fails, or returns something else; there is no
            candidate, or two have the same name.
    """
    planner = make_planner(problem, params, acting)
    sweep = problem.config.sweep
    budgets = sweep.pairs if rule.chooses_depth else sweep.budgets
    builder = declarations.build(rule.candidates)
    try:
        grid = list(builder(planner, budgets))
    except InputError:
        raise
    except Exception as error:
        told = explain(f"candidates(planner, {budgets})", error)
        raise InputError(f"agent {rule.name}: {told}") from error
    for candidate in grid:
        if not isinstance(candidate, Candidate):
            raise InputError(
                f"agent {rule.name} has a candidate that is a {type(candidate).__name__}: expected "
                "agents.Candidate(name, meta_policy, params)"
            )
    if not grid:
        raise InputError(f"agent {rule.name} has no candidates: expected at least one")
    # Evaluations are kept by these names, so they must be of this rule alone.
    named = [
        c if c.name.startswith(f"{rule.name}-") else c._replace(name=f"{rule.name}-{c.name}")
        for c in grid
    ]
    for place, candidate in enumerate(named):
        if candidate.name in (other.name for other in named[:place]):
            raise InputError(
                f"agent {rule.name} has two candidates called {candidate.name!r}: expected a name "
                "for each"
            )
    return named


def tune(
    config: StudyConfig,
    grids: Mapping[str, Sequence[Candidate]],
    evaluate: Callable[[str], Evaluate],
    rates: Callable[[Candidate, Mapping[str, Any]], Rates],
) -> dict[str, list[Choice]]:
    """Return the best of each rule for each price of the sweep.

    Args:
        config: of the study.
        grids: candidates by the rule's name.
        evaluate: ``(name)`` returns what runs that rule's candidates on the validation episodes,
            pooled over training seeds.
        rates: ``(candidate, its columns)``: what it is charged, in multiples of the price.
    """
    chosen = {}
    for name, grid in grids.items():
        run, tables = evaluate(name), {}

        def keep(candidate, run=run, tables=tables):
            tables[candidate.name] = run(candidate)
            return tables[candidate.name]

        def charged(candidate, tables=tables):
            return rates(candidate, tables[candidate.name])

        chosen[name] = tuning.tune(keep, grid, config.sweep.prices, charged)
    return chosen


def make_grids(problem: StudyProblem, params: PyTree, acting: str) -> dict[str, list[Candidate]]:
    """Return the candidates of each rule of the study, by its name."""
    rules = (agent for agent in problem.config.control.declared() if isinstance(agent, Rule))
    return {rule.name: candidates(problem, rule, params, acting) for rule in rules}


def list_agents(config: StudyConfig, tuned: Mapping[str, Sequence[Choice]]) -> list[Agent]:
    """Return the agents that control themselves, each at each of its prices.

    A tuned rule plays alike at prices for which the same candidate was chosen: it is run once.
    """
    agents = []
    bounded = {agent.name: agent.bounded for agent in config.control.declared()}
    for name, choices in tuned.items():
        for choice in choices:
            candidate = choice.candidate.name
            own = {"meta_policy": candidate, "bounded": bounded[name]}
            agents.append(Agent(name, None, candidate, Rule.family, choice.price, **own))
    for case in list_cases(config):
        agent = case.agent
        for price in config.sweep.prices if agent.priced else case.prices[:1]:
            evaluation = f"{agent.name}-{price:g}"
            own = {"meta_policy": case.label, "bounded": agent.bounded}
            agents.append(Agent(agent.name, None, evaluation, agent.family, price, **own))
    return [*agents, *yoking.list_agents(config)]


def list_cases(config: StudyConfig) -> list[LearnedCase]:
    """Return every training of the study's learned agents."""
    ppo = config.control.ppo
    cases = []
    for agent in config.control.learned():
        if agent.priced:
            cases.append(LearnedCase(agent, agent.name, (ppo.lowest_price, ppo.highest_price)))
        else:
            cases += [
                LearnedCase(agent, f"{agent.name}-{price:g}", (price, price))
                for price in config.trained_prices
            ]
    return cases


def begin(config: StudyConfig, run: Run, acting: str, best_fixed: Sequence[BestFixed]) -> Run:
    """Return the run with what its learned agents are begun with, which is written down."""
    starts = starts_of(config, run, best_fixed)
    return runs.write_found(run, begun={"acting": acting, "starts": starts}) if starts else run


def starts_of(config: StudyConfig, run: Run, best_fixed: Sequence[BestFixed]) -> dict[str, int]:
    """Return the fixed k that each learned agent starts from, by label; those written down stay."""
    found = {case.label: _start(best_fixed, case.prices) for case in list_cases(config)}
    return found | run.begun.get("starts", {})


def train_all(
    problem: StudyProblem,
    run: Run,
    params: Sequence[Any],
    tuned: Mapping[str, Sequence[Choice]],
    acting: str,
    bill: Bill,
    progress: Progress,
) -> list[TrainedSeed]:
    """Train each seed's learned meta-policies, or go on from their last checkpoints.

    Returns:
        For each seed its planner with all its meta-policies, tuned ones among them.
    """
    shared = {
        choice.candidate.name: (choice.candidate.meta_policy, choice.candidate.params)
        for choices in tuned.values()
        for choice in choices
    }
    trained = []
    for seed, seed_params in enumerate(params):
        planner = make_planner(problem, seed_params, acting)
        own, probes = {}, {}
        for case in list_cases(problem.config):
            made = make_trainable(problem.config, planner, case, run.begun["starts"], bill)
            params_found = _train(problem.config, run, seed, case, made, progress)
            own[case.label] = made.meta_policy, params_found
            if made.probe is not None:
                probes[case.label] = made.probe
        tied = TrainedSeed(seed_params, own)
        own |= yoking.find_all(problem, run, tied, seed, acting, bill, progress)
        trained.append(TrainedSeed(seed_params, shared | own, probes))
    return trained


def make_trainable(
    config: StudyConfig,
    planner: Planner,
    case: LearnedCase,
    starts: Mapping[str, int],
    bill: Bill,
) -> Trainable:
    """Return a learned agent's training for a planner, and how its result acts.

    Args:
        config: of the study.
        planner: of a training seed.
        case: which training.
        starts: the fixed k that each starts from, by label.
        bill: of the study.
    """

    def rates(meta_policy: MetaPolicy, params: PyTree) -> Rates:
        return bill.rates(bill.look_of(case.label, planner, meta_policy, params))

    return build_case(config, planner, case, starts[case.label], rates)


def build_case(
    config: StudyConfig,
    planner: Planner,
    case: LearnedCase,
    start: int,
    rates: Callable[[MetaPolicy, PyTree], Rates],
) -> Trainable:
    """Return the same from the fixed k that it starts from and from what it is charged."""
    lowest, highest = case.prices
    ppo = dataclasses.replace(config.control.ppo, lowest_price=lowest, highest_price=highest)
    meta = config.control.meta(case.agent, price_varies=offers(planner.environment, Priced))
    control = config.control
    request = Request(
        *(meta, ppo, control.gains, start, rates, control.thinker, control.learner),
        learned=config.learned,
    )
    return declarations.build(case.agent.make)(planner, request)


def training_directory(run: Run, seed: int, case: LearnedCase) -> Path:
    """Return where a learned agent's training keeps its metrics and checkpoints."""
    return run.training(seed) / "control" / case.label


def _train(
    config: StudyConfig,
    run: Run,
    seed: int,
    case: LearnedCase,
    made: Trainable,
    progress: Progress,
) -> PyTree:
    """Return a learned agent's parameters, trained or read."""
    # By name, so that it is the same whichever others are trained; trainings of one agent for
    # several prices differ in the price alone.
    key = name_key(study_key(config, Domain.CONTROL, seed), case.agent.name)
    chunks = made.training.config.num_chunks
    with progress.training(seed, config.seeds, chunks, case.label) as report:
        directory = training_directory(run, seed, case)
        trained = fit.fit(made.training, key, directory, resume=True, report=report)
    return processes.hand_over(trained)


def _start(best_fixed: Sequence[BestFixed], prices: tuple[float, float]) -> int:
    """Return the fixed k to start from: the best at the price nearest to the range's middle."""
    logarithms = [math.log(max(price, 1e-12)) for price in prices]
    middle = sum(logarithms) / 2
    return min(best_fixed, key=lambda best: abs(math.log(max(best.price, 1e-12)) - middle)).k
