"""What an evaluation is asked to do, checked before anything is compiled."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from rrplan.costs import Costs
from rrplan.errors import InputError
from rrplan.models import Learned, Perfect, Position, Settings
from rrplan.search import shapes
from rrplan.types import Array, Device, PyTree

_BATCH = 2  # lanes in a check of shapes: not one, so that a missing axis shows


def check_request(
    episodes: int | Array, costs: Costs, num_lanes: int, max_simulations: int, trace: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return episode ids and prices, ``[E]`` each; refuse what makes no sense."""
    told = np.asarray(episodes)
    ids = np.arange(told.item()) if told.ndim == 0 else told
    if ids.ndim != 1 or ids.size == 0 or ids.dtype.kind not in "iu" or ids.min() < 0:
        raise InputError(f"episodes is {episodes!r}: expected a number >= 1 or ids >= 0")
    if num_lanes < 1:
        raise InputError(f"num_lanes is {num_lanes}: expected 1 or more")
    if max_simulations < 0:
        raise InputError(f"max_simulations is {max_simulations}: expected 0 or more")
    if trace < 0:
        raise InputError(f"trace is {trace}: expected a number of decisions, 0 or more")
    check_costs(costs, ids.shape)
    prices = np.broadcast_to(np.asarray(costs.price, np.float32), ids.shape)
    return ids.astype(np.int32), prices


def check_costs(costs: Costs, episodes: tuple[int, ...] = ()) -> None:
    """Refuse costs that are negative, not finite, or of wrong shapes.

    Args:
        costs: of an evaluation or a training.
        episodes: the shape that prices may have beside ``[]``.
    """
    rates = {f"rates.{name}": rate for name, rate in costs.rates._asdict().items()}
    fields = {name: value for name, value in costs._asdict().items() if name != "rates"}
    for name, value in {**fields, **rates}.items():
        value = np.asarray(value)
        if not (np.isfinite(value).all() and (value >= 0).all()):
            raise InputError(f"{name} is {value.min()}: expected a finite number >= 0")
        if value.ndim and not (name == "price" and value.shape == episodes):
            raise InputError(
                f"{name} has shape {value.shape}: expected a number"
                + (f" or shape {episodes}, one for each episode" if name == "price" else "")
            )


def check_devices(devices: Sequence[Device] | None) -> list[Device]:
    """Return the devices to run on; refuse none, and those of another process."""
    mine = jax.local_devices()
    devices = mine if devices is None else list(devices)
    if not devices or len(set(devices)) < len(devices):
        raise InputError(f"devices is {devices}: expected one or more, each once")
    for device in devices:
        if device.process_index != jax.process_index():
            raise InputError(f"{device} belongs to another process: expected some of {mine}")
    return devices


def check_model(model: Perfect | Learned, settings: Settings) -> PyTree:
    """Return the shapes of what one lane's node holds; refuse outputs of wrong shapes.

    Nothing is computed. A function is traced here once for all calls with equal shapes.
    """
    environment = model.environment
    state, observation = jax.eval_shape(environment.reset, settings.key, settings.env_params)
    batch = jax.tree.map(_batched, observation)
    if not isinstance(model, Learned):
        evaluation = jax.eval_shape(model.network, settings.model_params, batch)
        shapes.check_fields("network", evaluation, _BATCH, environment.num_actions)
        moving, _ = model.division.divide(state)
        done: Any = jax.ShapeDtypeStruct((), bool)  # stands in for an array
        return Position(moving, done)
    functions, params = model.functions, settings.model_params
    root = jax.eval_shape(functions.root_fn, params, settings.key, batch)
    shapes.check_fields("root_fn", root, _BATCH, environment.num_actions)
    action = jax.ShapeDtypeStruct((_BATCH,), np.int32)
    output, embedding = jax.eval_shape(
        functions.recurrent_fn, params, settings.key, action, root.embedding
    )
    shapes.check_fields("recurrent_fn", output, _BATCH, environment.num_actions)
    shapes.check_embedding(embedding, root.embedding, _BATCH)
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), embedding)


def _batched(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((_BATCH, *leaf.shape), leaf.dtype)
