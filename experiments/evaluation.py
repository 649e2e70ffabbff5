"""One agent on one set of episodes: what a study evaluates, and how."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import envs
import rrplan
from agents import declarations, metapolicies, networks
from agents.alphazero.train import make_train
from agents.declarations import OneStep, Player, Probe, Untuned
from agents.greedy_rule import GreedyPolicy
from agents.model_learning.network import ModelNetwork, learned_model
from agents.model_learning.train import make_model_train
from agents.training import fit
from agents.training.protocol import TrainableEvaluator, Training
from experiments import memory, modelling, roster
from experiments.runs import Run
from experiments.seeds import Domain as Domain
from experiments.seeds import study_key as study_key
from experiments.studies.planning_depth.config import StudyConfig
from experiments.sweep import SweepConfig
from rrplan.capabilities import FromFiles, Greedy, Initializable, offers, require
from rrplan.engine.rollouts import SearchingPolicy
from rrplan.planner import Planner
from rrplan.types import Environment, Episodes, MetaPolicy, PyTree, Work

TRACED = 64
"""Decisions of an episode that are recorded of agents that control themselves."""


class Split(NamedTuple):
    """A set of episodes that every agent meets."""

    name: str
    domain: Domain
    episodes: int

    @classmethod
    def validation(cls, sweep: SweepConfig) -> "Split":
        """Return the episodes on which agents are chosen and tuned."""
        return cls("validation", Domain.VALIDATION, sweep.validation_episodes)

    @classmethod
    def held_out(cls, episodes: int) -> "Split":
        """Return the first of the episodes on which agents are compared."""
        return cls("held-out", Domain.HELD_OUT, episodes)


class StudyProblem(NamedTuple):
    """The environment and the network of a study, built."""

    config: StudyConfig
    environment: Environment
    env_params: PyTree
    network: TrainableEvaluator
    model: ModelNetwork | None = None  # that planners search in, in place of the environment


@dataclass(frozen=True)
class Agent:
    """One row of the study: a way to decide how much to think."""

    name: str
    k: int | None
    evaluation: str
    """Name of the evaluation that its episodes come from; agents may share one."""
    family: str
    """How it is run: as :attr:`agents.declarations.Agent.family` says it."""
    price: float | None = None
    """The one price at which it plays so, and is told; None where it plays alike at all."""
    meta_policy: str | None = None
    """Name of its meta-policy among the seed's, where it is tuned or learned."""
    depth: int | None = None
    """Limit of depth of a fixed agent; None where there is none, or where it varies."""
    look: float = 0.0
    """Operations of one of its looks."""
    rates: rrplan.Rates = rrplan.Rates()
    """What it is charged for each count, in multiples of the price."""
    pays_as: str | None = None
    """Name of the meta-policy among the seed's for whose looks it is charged; its own if None."""
    turns: Callable[[rrplan.Trace], np.ndarray] | None = None
    """``(trace) -> [E]``: turns of loops in its looks, where these depend on data."""
    traced: bool = False
    """Whether its decisions are recorded wherever it is run."""
    bounded: bool = True
    """Whether the oracle bounds what it earns."""


class TrainedSeed(NamedTuple):
    """What one training seed has brought forth."""

    params: PyTree  # of the network
    meta_policies: Mapping[str, tuple[MetaPolicy, PyTree]] = {}
    probes: Mapping[str, Probe] = {}  # of learned agents that predict gains


def build_problem(config: StudyConfig, *, trains: bool = False) -> StudyProblem:
    """Build the environment and the network that a configuration names.

    Where the size of returns is to be measured, the problem's configuration holds what was found.
    Agents that need the true model are left out of it where planners have a learned one.
    Agents of the user's own are imported, so that what is wrong with them is told at once.

    Args:
        config: of the study.
        trains: whether planners will be trained, which takes memory of its own.

    Raises:
        rrplan.InputError: one of them cannot be built, or the study does not fit into memory.
    """
    config.check_prices(config.control.learned())
    env, env_params = envs.make_checked(config.env, **config.env_kwargs)
    environment = envs.adapt(env)
    config = dataclasses.replace(
        config,
        network=config.network.measured(environment, env_params),
        reference=config.reference.measured(environment, env_params),
    )
    config = config.without_left_out()
    network, _ = networks.build(config.network, environment, env_params, jax.random.key(0))
    model = modelling.build(config, environment, env_params, network)
    problem = StudyProblem(config, environment, env_params, network, model)
    memory.check(memory.estimate(*problem), config, trains=trains)
    return problem


def list_agents(problem: StudyProblem) -> list[Agent]:
    """Return the study's agents: the fixed sweep, then the baselines it is compared with."""
    agents = []
    for declared in roster.ROSTER.values():
        if isinstance(declared, OneStep):
            if problem.model is not None:
                continue  # it would try actions in the environment itself
            agents.append(_unpriced(declared, declared.name))
        elif isinstance(declared, declarations.Fixed):
            budgets = declared.budgets or problem.config.sweep.budgets
            agents += [fixed_agent(declared.name, k) for k in budgets]
            if declared.budgets is None:
                limited = problem.config.sweep.limited
                agents += [fixed_agent(declared.name, k, depth) for k, depth in limited]
        elif isinstance(declared, Untuned):
            # It may play otherwise where the sweep holds other budgets.
            evaluation = "-".join(map(str, (declared.name, *problem.config.sweep.budgets)))
            agents.append(_unpriced(declared, evaluation))
        elif isinstance(declared, declarations.Greedy) and offers(problem.environment, Greedy):
            agents.append(_unpriced(declared, declared.name))
    return agents


def _unpriced(declared: declarations.Agent, evaluation: str) -> Agent:
    """Return an agent that plays alike at all prices."""
    return Agent(declared.name, None, evaluation, declared.family, bounded=declared.bounded)


def evaluate_agent(
    problem: StudyProblem,
    trained: TrainedSeed,
    agent: Agent,
    split: Split,
    acting: str,
    report: Callable[[int, int, int], None] | None = None,
    on_work: Callable[[Work], None] | None = None,
) -> Episodes:
    """Run one agent, on one training seed's planner, over a split's episodes.

    Every agent of a split meets the same instances: they share the evaluation key. What controls
    itself is traced, decision by decision.
    """
    config = problem.config
    key = study_key(config, split.domain)
    if agent.family == declarations.Greedy.family:
        return rrplan.rollout(
            problem.environment,
            problem.env_params,
            GreedyPolicy(problem.environment),
            problem.env_params,
            key=key,
            episodes=split.episodes,
        )
    planner = make_planner(problem, trained.params, acting)
    costs = rrplan.Costs(price=agent.price or 0.0, rates=agent.rates)
    if agent.family == OneStep.family:
        return rrplan.rollout_searching(
            planner.environment,
            planner.env_params,
            *_one_step(agent, planner),
            key=key,
            episodes=split.episodes,
            costs=costs,
            num_lanes=config.sweep.num_lanes,
        )
    return play(
        planner,
        *meta_policy_of(agent, trained, config),
        key=key,
        episodes=split.episodes,
        costs=costs,
        num_lanes=config.sweep.num_lanes,
        trace=TRACED if _is_traced(agent, split) else 0,
        progress=report,
        on_work=on_work,
    )


def play(
    planner: Planner, meta_policy: MetaPolicy | Player, meta_params: PyTree, **options: Any
) -> Episodes:
    """Run an agent by the engine's search, or as it plays by itself.

    Arguments and options are those of :func:`rrplan.evaluate`.
    """
    if isinstance(meta_policy, Player):
        return meta_policy.evaluate(planner, meta_params, **options)
    return rrplan.evaluate(planner, meta_policy, meta_params, **options)


def _is_traced(agent: Agent, split: Split) -> bool:
    told = agent.meta_policy is not None and split.domain == Domain.HELD_OUT
    return told or agent.traced or agent.turns is not None


def base_training(problem: StudyProblem) -> Training:
    """Return the training of a study's base planner, which its environment tells from others."""
    config = problem.config
    train = make_train(problem.environment, problem.env_params, problem.network, config.train)
    options = ", ".join(f"{name}={value!r}" for name, value in sorted(config.env_kwargs.items()))
    identity = {"env": config.env, "env_options": options}
    if offers(problem.environment, FromFiles) and problem.environment.files_digest:
        identity["env_files"] = problem.environment.files_digest
    return train._replace(identity=identity)


def load_params(problem: StudyProblem, run: Run, seed: int) -> PyTree:
    """Return the parameters that a run has trained from a seed: of the network, or of the model.

    Raises:
        InputError: a training has left no intact checkpoint, or one of another run lies there.
    """
    key = study_key(problem.config, Domain.TRAINING, seed)
    fit.check_belongs(base_training(problem), key, run.training(seed))
    shapes = jax.eval_shape(require(problem.network, Initializable).init, jax.random.key(0))
    params = fit.load_params(run.training(seed), shapes)
    if problem.model is None:
        return params
    training = model_training(problem, params)
    return modelling.load_params(problem.config, training, run, seed)


def model_training(problem: StudyProblem, params: PyTree) -> Training:
    """Return the training of a study's model, on the play of a planner with these parameters."""
    assert problem.model is not None  # as its study asks for one
    planner = make_planner(problem._replace(model=None), params, modelling.ACTING)
    return make_model_train(planner, problem.model, problem.config.learned)


def make_planner(problem: StudyProblem, params: PyTree, acting: str) -> Planner:
    """Return a training seed's planner, under a rule of acting.

    ``params`` are those of the learned model where the problem has one, else of the network.
    """
    return Planner(
        problem.environment,
        problem.env_params,
        problem.network if problem.model is None else learned_model(problem.model),
        params,
        dataclasses.replace(problem.config.search, acting=acting),
        problem.config.sweep.max_budget,
    )


def _one_step(agent: Agent, planner: Planner) -> tuple[SearchingPolicy, PyTree]:
    declared = roster.find(agent.name)
    assert isinstance(declared, OneStep)
    return declarations.build(declared.make)(planner)


def fixed_agent(name: str, k: int, depth: int | None = None) -> Agent:
    """Return the agent that always runs ``k`` simulations, down to a depth if there is a limit."""
    limit = "" if depth is None else f"-depth{depth}"
    return Agent(name, k, f"fixed-{k}{limit}", declarations.Fixed.family, depth=depth)


def meta_policy_of(
    agent: Agent, trained: TrainedSeed, config: StudyConfig
) -> tuple[MetaPolicy, PyTree]:
    """Return an agent's meta-policy and its parameters; for families that have one."""
    if agent.meta_policy:
        return trained.meta_policies[agent.meta_policy]
    if agent.k is not None:
        k = jnp.int32(agent.k)
        return metapolicies.fixed(), k if agent.depth is None else (k, jnp.int32(agent.depth))
    declared = roster.find(agent.name)
    assert isinstance(declared, Untuned)
    return declarations.build(declared.make)(config.sweep.budgets)
