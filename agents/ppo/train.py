"""One round of PPO after the other, wherever the experience comes from."""

from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp

from agents.ppo import learner as ppo
from agents.ppo.config import LearningConfig
from agents.ppo.optimizer import make_optimizer, make_schedule
from rrplan.engine.meta_steps import Looks
from rrplan.types import Array, PyTree


class Harvest(Protocol):
    """What a chunk of experience brought: of it all, PPO learns from the looks."""

    @property
    def looks(self) -> Looks:
        """The record ``[R, B]``; its ``aux`` holds a :class:`agents.ppo.learner.Recorded`."""
        ...


@runtime_checkable
class SeveralRewards(Harvest, Protocol):
    """Experience with several rewards beside each other."""

    @property
    def channels(self) -> ppo.Channels:
        """They, ``[R, B, C]``; ``config.channel_weights`` says what each counts."""
        ...


Brought = TypeVar("Brought", bound=Harvest)


def generalised(harvest: Harvest, config: LearningConfig, shares: ppo.Shares) -> ppo.Batch:
    """Return the looks of a harvest with their generalised advantages."""
    channels = harvest.channels if isinstance(harvest, SeveralRewards) else None
    return ppo.to_batch(harvest.looks, config, channels, shares.channels)


class Source(NamedTuple, Generic[Brought]):
    """Where experience comes from, as pure functions.

    The episodes' key is the same in every chunk: what is drawn comes from it and from numbers
    that the episodes under way keep.
    """

    actor: ppo.Actor  # that learns; its parameters are those of the functions below
    start: Callable[[PyTree, Array], PyTree]  # (params, key) -> episodes under way
    collect: Callable[[PyTree, Array, PyTree], tuple[PyTree, Brought]]
    """``(params, key, episodes) -> (episodes, Harvest)``"""
    estimate: Callable[[Brought, LearningConfig, ppo.Shares], ppo.Batch] = generalised
    """``(harvest, config, shares) -> Batch``: what is learned from, with its advantages."""


class Learner(NamedTuple):
    """A training by PPO under way."""

    params: PyTree  # of the actor: ``weights`` are learned
    opt_state: PyTree
    episodes: PyTree  # under way, of the source
    key: Array  # [] never changes: chunks fold their number into it
    chunk: Array  # [] int32, chunks done


class Round(NamedTuple, Generic[Brought]):
    """What a chunk brought and what was learned from it."""

    harvest: Brought
    batch: ppo.Batch
    losses: ppo.Losses
    learning_rate: Array  # [] of the last gradient step


def begin(source: Source, config: LearningConfig, key: Array, params: PyTree) -> Learner:
    """Return a training that has learned nothing yet.

    Args:
        source: where experience comes from.
        config: how it is trained.
        key: scalar key of the whole training.
        params: of the actor, a dict whose ``weights`` are learned.
    """
    return Learner(
        params=params,
        opt_state=make_optimizer(config).init(params["weights"]),
        episodes=source.start(params, split_key(key)[0]),
        key=key,
        chunk=jnp.int32(0),
    )


def advance(
    source: Source[Brought], config: LearningConfig, learner: Learner
) -> tuple[Learner, Round[Brought]]:
    """Collect one chunk of experience and learn from it.

    In the first ``config.idle_chunks`` nothing is kept of what was learned; the losses are told.
    """
    params, opt_state, episodes, key, chunk = learner
    episodes_key, learn_key = split_key(key)
    episodes, harvest = source.collect(params, episodes_key, episodes)
    shares = ppo.shares(config, chunk)
    batch = source.estimate(harvest, config, shares)
    learned = ppo.learn(
        source.actor,
        config,
        make_optimizer(config),
        shares,
        jax.random.fold_in(learn_key, chunk),
        params,
        opt_state,
        batch,
    )
    kept, losses = learned[:2], learned[2]
    if config.idle_chunks:
        kept = jax.tree.map(
            lambda new, old: jnp.where(chunk < config.idle_chunks, old, new),
            kept,
            (params, opt_state),
        )
    following = Learner(kept[0], kept[1], episodes, key, chunk + 1)
    updates = (following.chunk - config.idle_chunks) * config.epochs * config.minibatches
    rate = jnp.asarray(make_schedule(config)(jnp.maximum(updates - 1, 0)))
    return following, Round(harvest, batch, losses, rate)


def split_key(key: Array) -> tuple[Array, Array]:
    """Return the key of a training's episodes, and that of its learning."""
    return jax.random.fold_in(key, 0), jax.random.fold_in(key, 1)
