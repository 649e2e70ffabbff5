"""Random numbers by episode: what is drawn never depends on lanes, devices or order.

Every episode has its own key, ``fold_in(key, episode_id)``, and each use of it a domain of
its own, so that no simulation can share a key with the real step it imagines.
"""

import enum

import jax

from rrplan.types import Array, Environment, PyTree


class Domain(enum.IntEnum):
    """What an episode's key is drawn for."""

    RESET = 0
    STEP = 1  # index: decision
    SEARCH = 2  # indices: decision, simulation
    META = 3  # indices: decision, simulation
    PRICE = 4
    ROOT = 5  # index: decision; a learned model's root


def draw(key: Array, episodes: Array, domain: Domain | Array, *indices: Array) -> Array:
    """Return one key for each episode id, ``[B]``.

    Args:
        key: scalar key of the evaluation.
        episodes: ``[B]`` int32 episode ids.
        domain: one for all, or int32 ``[B]``.
        *indices: ``[B]`` int32 each, folded in in turn.
    """

    def one(episode, *folds):
        result = jax.random.fold_in(key, episode)
        for fold in folds:
            result = jax.random.fold_in(result, fold)
        return result

    folds = [jax.numpy.broadcast_to(fold, episodes.shape) for fold in (domain, *indices)]
    return jax.vmap(one)(episodes, *folds)


def first_states(
    environment: Environment, env_params: PyTree, key: Array, episodes: Array
) -> tuple[PyTree, PyTree]:
    """Return first states and observations ``[B, ...]``: with equal keys all meet the same.

    Args:
        environment: static.
        env_params: its parameters.
        key: scalar key of the evaluation.
        episodes: ``[B]`` int32 episode ids.
    """
    reset_keys = draw(key, episodes, Domain.RESET)
    return jax.vmap(environment.reset, (0, None))(reset_keys, env_params)
