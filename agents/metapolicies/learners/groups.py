"""Baselines that are other runs of the same episode: ReMax and leave-one-out.

An advantage is the return of a whole run less a baseline, and is shared by all looks of the run.
The baseline is what another run of the same instance, with the same luck, has earned. No value is
learned.

* ReMax (Li et al. 2023, arXiv 2310.10505): the return of the run that gives the likeliest answers.
* Leave-one-out (Kool et al. 2019; Ahmadian et al. 2024, arXiv 2402.14740): the mean return of the
  other runs.

Advantages of a chunk are divided by their root mean square, and nothing is taken off: where all
runs of an episode earn alike, there is no gradient. Gradient steps are PPO's.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from agents.metapolicies import heldout
from agents.metapolicies.learned.metrics import MetaMetrics, summarize
from agents.metapolicies.learned.train import (
    Given,
    Spec,
    as_training,
    divide,
    engine_of,
    measured,
    prefer,
    settings_of,
)
from agents.metapolicies.learners.config import GroupConfig, from_ppo
from agents.metapolicies.learners.making import Task
from agents.metapolicies.learners.playing import Manner, Played, play, running
from agents.ppo import train as ppo_train
from agents.ppo.learner import Batch, Shares
from agents.ppo.train import Learner, Source
from agents.training.protocol import Training
from rrplan import keys
from rrplan.engine.meta_steps import Looks
from rrplan.types import Array, PyTree


def remax(task: Task) -> Training:
    """Return the training by ReMax: each episode is run once greedily and once by drawing.

    Its states are :class:`agents.ppo.train.Learner`, its metrics
    :class:`agents.metapolicies.learned.metrics.MetaMetrics`, as those of :func:`leave_one_out`.

    Raises:
        InputError: as :func:`agents.metapolicies.learned.train.make_meta_train`.
    """
    return _make(task, runs=2, greedy_runs=1)


def leave_one_out(task: Task) -> Training:
    """Return the training with several drawn runs of each episode.

    Raises:
        InputError: as :func:`agents.metapolicies.learned.train.make_meta_train`.
    """
    return _make(task, runs=task.settings.runs, greedy_runs=0)


def against_greedy(returns: Array) -> Array:
    """Return advantages ``[G, n]`` of runs over the first one, which was greedy, itself 0.

    Args:
        returns: ``[G, n]``, of ``G`` runs of each of ``n`` episodes.
    """
    return returns - returns[0]


def against_others(returns: Array) -> Array:
    """Return advantages ``[G, n]`` of runs over the mean of the others; exactly 0 where all tie.

    Args:
        returns: ``[G, n]``, of ``G`` runs of each of ``n`` episodes.
    """
    differences = returns[:, None] - returns[None]
    return differences.sum(axis=1) / (returns.shape[0] - 1)


def returns_of(looks: Looks, place: Array, episodes: int, gamma: float) -> Array:
    """Return what each of ``L`` episodes earned from its first look on, ``[L]``.

    What came before the first look is the same in all runs of an episode.

    Args:
        looks: the record ``[R, B]``; all rows in use are of whole episodes.
        place: ``[R, B]``, of the episode of each row.
        episodes: ``L``.
        gamma: discount of a real step.
    """
    used = _used(looks)
    before = jnp.cumsum(looks.acts, axis=0) - looks.acts  # real steps of the lane
    same = jnp.concatenate([jnp.zeros_like(used[:1]), place[1:] == place[:-1]])
    # The count at each episode's first row: it is the largest so far, as counts only grow.
    begun = jax.lax.cummax(jnp.where(same, 0, before), axis=0)
    earned = jnp.where(used, jnp.power(jnp.float32(gamma), before - begun) * looks.reward, 0.0)
    return jnp.zeros(episodes).at[place.ravel()].add(earned.ravel())


def to_batch(played: Played, config: GroupConfig, advantages: Callable[[Array], Array]) -> Batch:
    """Return the looks of the runs that are learned from, padded to ``config.batch_rows``.

    Episodes of which a run was not finished, or a look was not recorded, are left out. So are the
    last ones, whole, where there is no room for all.

    Args:
        played: all runs.
        config: how it is learned from.
        advantages: ``(returns [G, n]) -> [G, n]``.
    """
    looks, (place, _, lost) = played.looks, played.marks
    runs, number = config.runs, config.instances
    returns = returns_of(looks, place, runs * number, config.gamma).reshape(runs, number)
    advantage = advantages(returns).ravel()[place]
    whole = ((played.episodes.length > 0) & ~lost).reshape(runs, number).all(axis=0)
    instance, drawn = place % number, place // number >= config.greedy_runs
    kept = _used(looks) & drawn & whole[instance]
    rows = jnp.zeros(number, jnp.int32).at[instance.ravel()].add(kept.ravel().astype(jnp.int32))
    kept &= (jnp.cumsum(rows) <= config.batch_rows)[instance]
    (index,) = jnp.nonzero(kept.ravel(), size=config.batch_rows, fill_value=0)

    def take(leaf: Array) -> Array:
        return leaf.reshape(place.size, *leaf.shape[2:])[index]

    choice = jax.tree.map(take, looks.aux)
    weight = (jnp.arange(config.batch_rows) < kept.sum()).astype(jnp.float32)
    return Batch(choice, take(advantage), choice.value, weight)


def _used(looks: Looks) -> Array:
    return jnp.arange(looks.reward.shape[0])[:, None] < looks.count


def _make(task: Task, *, runs: int, greedy_runs: int) -> Training:
    settings = task.settings
    config = from_ppo(
        GroupConfig, task.ppo, runs=runs, greedy_runs=greedy_runs, episodes=settings.episodes
    )
    given = (task.planner, task.network, config, task.start, task.costs)
    spec, traced = divide(*given)
    init, advance = (functools.partial(step, spec, traced) for step in (_init, _advance))
    return as_training(init, advance, *given, settings.kind)


def _source(spec: Spec, given: Given) -> Source[Played]:
    config = spec.config
    assert isinstance(config, GroupConfig)
    manner = Manner(greedy_runs=config.greedy_runs)
    engine = engine_of(spec, given, running(spec.meta_network, manner))
    advantages = against_greedy if config.greedy_runs else against_others

    def start(params: PyTree, key: Array) -> Array:
        """Return the id of the next episode: none is under way between chunks."""
        del params, key
        return jnp.int32(0)

    def collect(params: PyTree, key: Array, next_id: Array) -> tuple[Array, Played]:
        ids = next_id + jnp.arange(config.instances, dtype=jnp.int32)
        price_keys = keys.draw(key, ids, keys.Domain.PRICE)
        prices = heldout.draw_prices(given.lowest_price, given.highest_price, price_keys)
        played = play(engine, settings_of(given, key, params), ids, prices, config.runs)
        return next_id + config.instances, played

    def estimate(played: Played, _: object, shares: Shares) -> Batch:
        del shares
        return to_batch(played, config, advantages)

    return Source(spec.meta_network, start, collect, estimate)


@functools.partial(jax.jit, static_argnums=0)
def _init(spec: Spec, given: Given, key: Array, params: PyTree) -> Learner:
    return ppo_train.begin(_source(spec, given), spec.config, key, prefer(given, params))


@functools.partial(jax.jit, static_argnums=0)
def _advance(spec: Spec, given: Given, state: Learner) -> tuple[Learner, MetaMetrics]:
    config = spec.config
    assert isinstance(config, GroupConfig)
    learner, done = ppo_train.advance(_source(spec, given), config, state)
    batch, played = done.batch, done.harvest
    params = measured(learner.params, state.chunk, batch)
    # What is told of episodes is of those with drawn answers.
    drawn = jnp.arange(played.prices.shape[0]) >= config.greedy_runs * config.instances
    episodes = played.episodes._replace(length=jnp.where(drawn, played.episodes.length, 0))
    stops = spec.meta_network.stops(batch.choice.answer)
    harvest = played._replace(episodes=episodes)
    told = summarize(harvest, batch, stops, done.losses, done.learning_rate, given.costs)
    looks = played.episodes.looks.sum().astype(jnp.float32)
    return learner._replace(params=params), told._replace(looks=looks)
