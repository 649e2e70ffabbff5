"""What trainings of meta-policies share: prices, held-out evaluation, what names a planner."""

import dataclasses
import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from rrplan.costs import Costs
from rrplan.planner import Planner
from rrplan.types import Array, MetaPolicy, PyTree

# Held-out episodes have keys of their own, the same for every training seed.
EVALUATION_SEED = 0x7E58


def timed_returns(
    planner: Planner,
    meta_policy: MetaPolicy,
    params: PyTree,
    *,
    costs: Costs,
    prices: tuple[float, float],
    episodes: int,
    num_lanes: int,
) -> Array:
    """Return timed returns ``[E]`` at prices spread evenly, in logarithms, over a range.

    Args:
        planner: that is controlled.
        meta_policy: that controls it.
        params: of the meta-policy.
        costs: all but the price.
        prices: the range, the lower end first; both may be equal.
        episodes: ``E``.
        num_lanes: episodes that run side by side.
    """
    ids, spread = spread_prices(prices, episodes)
    return rrplan.evaluate(
        planner,
        meta_policy,
        params,
        key=jax.random.key(EVALUATION_SEED),
        episodes=ids,
        costs=costs._replace(price=spread),
        num_lanes=num_lanes,
    ).timed_return


def spread_prices(prices: tuple[float, float], episodes: int) -> tuple[Array, Array]:
    """Return ids and prices ``[E]`` each, the latter spread evenly, in logarithms, over a range.

    Args:
        prices: the range, the lower end first; both may be equal.
        episodes: ``E``.
    """
    lowest, highest = prices
    ids = jnp.arange(episodes)
    ratio = highest / max(lowest, 1e-12)
    share = (ids + 0.5) / episodes
    return ids, lowest * ratio**share if ratio > 1 else lowest + 0.0 * share


def draw_prices(lowest: Array, highest: Array, keys: Array) -> Array:
    """Return prices ``[n]`` drawn log-uniformly, one from each key; all alike if both are equal.

    Zero is a price, but the lower end of no range.
    """
    share = jax.vmap(jax.random.uniform)(keys)
    least = jnp.maximum(lowest, 1e-12)
    drawn = least * jnp.exp(share * jnp.log(jnp.maximum(highest, 1e-12) / least))
    return jnp.where(lowest == highest, lowest, drawn)


def identity(planner: Planner, costs: Costs) -> dict[str, Any]:
    """Return what of a planner and of costs makes a training another one, as JSON."""
    return {
        "search": dataclasses.asdict(planner.search),
        "max_simulations": planner.max_simulations,
        "costs": _plain(costs._replace(price=0.0)),
        "planner": _digest((planner.env_params, planner.params)),
    }


def _digest(tree: PyTree) -> str:
    """Return what tells parameters from others."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        array = np.asarray(leaf)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _plain(costs: Costs) -> dict[str, Any]:
    """Return costs as JSON has them."""
    numbers = {name: float(np.asarray(value)) for name, value in costs.rates._asdict().items()}
    rest = {name: value for name, value in costs._asdict().items() if name != "rates"}
    return {name: float(np.asarray(value)) for name, value in rest.items()} | {"rates": numbers}
