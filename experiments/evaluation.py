"""One agent on one set of episodes: what a study evaluates, and how."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

import envs
import rrplan
from agents import metapolicies, networks
from experiments.config import StudyConfig
from rrplan.types import Array, Environment, Episodes, MetaPolicy, Network, PyTree, Work

TRACED = 64
"""Decisions of an episode that are recorded of agents that control themselves."""


class Domain(enum.IntEnum):
    """What the study's seed is folded with, so that no two uses of it share a key."""

    TRAINING = 0
    VALIDATION = 1
    HELD_OUT = 2
    CONTROL = 3


class Split(NamedTuple):
    """A set of episodes that every agent meets."""

    name: str
    domain: Domain
    episodes: int


class Problem(NamedTuple):
    """The environment and the network of a study, built."""

    config: StudyConfig
    environment: Environment
    env_params: PyTree
    network: Network


@dataclass(frozen=True)
class Agent:
    """One row of the study: a way to decide how much to think."""

    name: str
    k: int | None
    evaluation: str
    """Name of the evaluation that its episodes come from; agents may share one."""
    kind: str
    """``"fixed"``, ``"random"``, ``"greedy"``, ``"tuned"``, ``"learned"`` or
    ``"oracle"``: how it is run."""
    price: float | None = None
    """The one price at which it plays so, and is told; None where it plays alike at all."""
    controller: str | None = None
    """Name of its meta-policy among the seed's, where it is tuned or learned."""


class TrainedSeed(NamedTuple):
    """What one training seed has brought forth."""

    params: PyTree  # of the network
    controllers: Mapping[str, tuple[MetaPolicy, PyTree]] = {}


def study_key(config: StudyConfig, domain: Domain, index: int = 0) -> Array:
    """Return the key for one use of the study's seed."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(config.seed), domain), index)


def build_problem(config: StudyConfig) -> Problem:
    """Build the environment and the network that a configuration names.

    Raises:
        rrplan.InputError: one of them cannot be built.
    """
    env, env_params = envs.make(config.env, **config.env_kwargs)
    environment = envs.adapt(env)
    network, _ = networks.build(config.network, environment, env_params, jax.random.key(0))
    return Problem(config, environment, env_params, network)


def list_agents(problem: Problem) -> list[Agent]:
    """Return the study's agents: the fixed sweep, then the baselines it is compared with."""
    budgets = problem.config.sweep.budgets
    agents = [fixed_agent("fixed", k) for k in budgets]
    agents.append(fixed_agent("reactive", 0))
    agents.append(Agent("random", None, "random", "random"))
    if problem.environment.has_greedy:
        agents.append(Agent("greedy", None, "greedy", "greedy"))
    return agents


def evaluate_agent(
    problem: Problem,
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
    if agent.kind == "greedy":
        return rrplan.rollout(
            problem.environment,
            problem.env_params,
            _GreedyPolicy(problem.environment),
            problem.env_params,
            key=key,
            episodes=split.episodes,
        )
    meta_policy, meta_params = _meta_policy(agent, trained, config)
    return rrplan.evaluate(
        problem.environment,
        problem.env_params,
        problem.network,
        trained.params,
        meta_policy,
        meta_params,
        key=key,
        episodes=split.episodes,
        costs=rrplan.Costs(price=agent.price or 0.0),
        search=search_of(config, acting),
        num_lanes=config.sweep.num_lanes,
        max_simulations=config.sweep.max_budget,
        trace=TRACED if agent.controller and split.domain == Domain.HELD_OUT else 0,
        progress=report,
        on_work=on_work,
    )


def search_of(config: StudyConfig, acting: str) -> rrplan.Search:
    """Return how a study's planners search, under a rule of acting."""
    return rrplan.Search(
        acting=acting,
        c_init=config.search.c_init,
        c_base=config.search.c_base,
        discount=config.search.discount,
    )


@dataclass(frozen=True)
class _GreedyPolicy:
    """The environment's greedy rule as a policy for :func:`rrplan.rollout`.

    A dataclass rather than a closure: equal ones share a compiled program.
    """

    environment: Environment

    def __call__(self, env_params, state, observation, invalid_actions) -> Array:
        return jax.vmap(self.environment.greedy_action, in_axes=(0, None))(state, env_params)


def fixed_agent(name: str, k: int) -> Agent:
    """Return the agent that always runs ``k`` simulations."""
    return Agent(name, k, f"fixed-{k}", "fixed")


def _meta_policy(
    agent: Agent, trained: TrainedSeed, config: StudyConfig
) -> tuple[MetaPolicy, PyTree]:
    if agent.controller:
        return trained.controllers[agent.controller]
    if agent.kind == "fixed":
        return metapolicies.fixed(), jnp.int32(agent.k)
    return metapolicies.random_k(), jnp.asarray(config.sweep.budgets, jnp.int32)
