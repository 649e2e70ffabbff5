"""Operations: what one model step, one evaluation and one look take, counted and not measured.

They are counted on the program as it is lowered for the CPU, before any compiler works on it, so
that they are the same on every machine. An operation is one floating-point or integer operation
on one number, as XLA's own analysis counts it, or one transcendental function of it (``exp``,
``tanh``). Counts are those of a batch of 64 rows divided by 64.

The work on the search tree is left out: selection and back-up move memory rather than compute, and
what they take depends on the implementation. By the clock they are most of a simulation where the
network is small.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax.extend import core

from rrplan.costs import Costs
from rrplan.errors import InputError
from rrplan.models import Learned, Perfect, Position, Settings, make_model
from rrplan.planner import Planner
from rrplan.search.final_action import Acting
from rrplan.types import Array, LearnedModel, MetaObservation, MetaPolicy, PyTree

ROWS = 64
"""The batch size at which operations are counted."""


class Operations(NamedTuple):
    """Operations of a planner, a row each."""

    # One step of the model. A learned model's comes with its evaluation: what it takes beyond an
    # evaluation of a root, which may be less than nothing.
    step: float
    evaluation: float  # one evaluation by the network, with the mask of illegal actions

    @property
    def simulation(self) -> float:
        """One simulation: a step and the evaluation of where it leads."""
        return self.step + self.evaluation


def count(function: Callable[..., Any], *arguments: PyTree, turns: float = 1.0) -> float:
    """Return the operations of a call.

    Args:
        function: of arrays; it is traced and lowered, never compiled or run.
        *arguments: pytrees of arrays or ``jax.ShapeDtypeStruct``.
        turns: of every loop whose length depends on data (``while_loop``). Loops of a fixed length
            (``scan``, ``fori_loop`` with static bounds) are counted at their length. Of the
            branches of a condition (``cond``, ``switch``) the dearest is counted.
    """
    return _count(jax.make_jaxpr(function)(*arguments), turns)


def of_planner(planner: Planner) -> Operations:
    """Return the operations of a planner's simulation and of its evaluation at a root.

    Args:
        planner: its arrays may be shapes.
    """
    model, settings = _model(planner), _settings(planner)
    key, state, observation = _first(planner, ROWS)
    action = _stand_in((ROWS,), jnp.int32)
    position = Position(state, _stand_in((ROWS,), bool))
    root = jax.eval_shape(model.root, settings, key, position, observation)

    def evaluate(params: PyTree, key: Array, position: Position, observation: PyTree) -> PyTree:
        return model.root(settings._replace(model_params=params), key, position, observation)

    evaluation = count(evaluate, planner.params, key, position, observation) / ROWS
    if isinstance(planner.network, LearnedModel):

        def imagine(params: PyTree, key: Array, action: Array, embedding: PyTree) -> PyTree:
            assert isinstance(planner.network, LearnedModel)
            return planner.network.recurrent_fn(params, key, action, embedding)

        one = jax.eval_shape(lambda: jax.random.key(0))
        step = count(imagine, planner.params, one, action, root.embedding) / ROWS
        # What it imagines comes with its value and prior: there is nothing more to evaluate.
        return Operations(step - evaluation, evaluation)

    def move(env_params: PyTree, keys: Array, state: PyTree, action: Array) -> PyTree:
        step = jax.vmap(planner.environment.step, (0, 0, 0, None))
        return step(keys, state, action, env_params)

    return Operations(count(move, planner.env_params, key, state, action) / ROWS, evaluation)


def of_look(
    planner: Planner, meta_policy: MetaPolicy, meta_params: PyTree, turns: float = 1.0
) -> float:
    """Return the operations of one answer of a meta-policy; 0 where it never looks.

    Args:
        planner: that it controls; its arrays may be shapes.
        meta_policy: static.
        meta_params: its parameters, or their shapes.
        turns: of loops whose length depends on data, on average and a look.
    """
    if meta_policy.looks == "never":
        return 0.0
    seen = shapes_seen(planner, ROWS)
    carry = jax.eval_shape(lambda: meta_policy.init(ROWS))
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), ROWS))
    meta_params = jax.tree.map(jnp.asarray, meta_params) if _numbers(meta_params) else meta_params
    return count(meta_policy.apply, meta_params, keys, carry, seen, turns=turns) / ROWS


def shapes_seen(planner: Planner, batch: int) -> MetaObservation:
    """Return the shapes of what a meta-policy sees, without computing anything.

    Args:
        planner: its arrays may be shapes.
        batch: the number of lanes shown, ``B``.
    """
    return shapes_shown(_model(planner), _settings(planner), batch)


def shapes_shown(model: Perfect | Learned, settings: Settings, batch: int) -> MetaObservation:
    """Return the shapes of what a meta-policy sees of ``batch`` lanes of a model."""
    return _show.eval_shape(model, settings, batch)


@functools.partial(jax.jit, static_argnames=("model", "batch"))
def _show(model: Perfect | Learned, settings: Settings, batch: int) -> MetaObservation:
    """Return what is seen of fresh roots, as far as its shape goes; only ever traced."""
    keys = jax.random.split(settings.key, batch)
    state, observation = jax.vmap(model.environment.reset, (0, None))(keys, settings.env_params)
    root = model.root(settings, keys, Position(state, jnp.zeros(batch, bool)), observation)
    whole, number = jnp.zeros(batch, jnp.int32), jnp.zeros(batch, jnp.float32)
    edges = jnp.zeros(root.prior_logits.shape, jnp.float32)
    return MetaObservation(
        observation=observation,
        features=root.features,
        prior_logits=root.prior_logits,
        invalid_actions=root.invalid_actions,
        visit_counts=edges.astype(jnp.int32),
        qvalues=edges,
        qvalue_variances=edges,
        raw_value=root.value,
        search_value=number,
        simulations=whole,
        simulations_left=whole,
        decision=whole,
        price=number,
        budget_left=whole,
        max_depth=whole,
    )


def _stand_in(shape: tuple[int, ...], dtype: Any) -> Any:
    """Return a shape and a type, to stand where an array would."""
    return jax.ShapeDtypeStruct(shape, dtype)


def _model(planner: Planner) -> Any:
    return make_model(planner.environment, planner.env_params, planner.network)


def _settings(planner: Planner) -> Settings:
    """Return settings that are good enough to be traced."""
    number, no_costs = jnp.float32(0.0), cast("Costs", ())  # what a step costs is not looked at
    return Settings(
        env_params=planner.env_params,
        model_params=planner.params,
        meta_params=(),
        key=jax.eval_shape(lambda: jax.random.key(0)),
        costs=no_costs,
        acting=Acting.by("visits", 0.0),
        c_init=number,
        c_base=number,
        discount=number,
    )


def _first(planner: Planner, batch: int) -> tuple[Array, PyTree, PyTree]:
    """Return the shapes of keys, first states and observations of ``batch`` lanes."""

    def reset(env_params: PyTree) -> tuple[Array, PyTree, PyTree]:
        keys = jax.random.split(jax.random.key(0), batch)
        return keys, *jax.vmap(planner.environment.reset, (0, None))(keys, env_params)

    return jax.eval_shape(reset, planner.env_params)


def _numbers(tree: PyTree) -> bool:
    return any(isinstance(leaf, int | float) for leaf in jax.tree.leaves(tree))


def _count(jaxpr: core.ClosedJaxpr, turns: float) -> float:
    """Return the operations of a traced function, each loop at its length."""
    return _count_once(jaxpr) + _count_more(jaxpr.jaxpr, turns)


def _count_once(jaxpr: core.ClosedJaxpr) -> float:
    """Return the operations of a traced function, as if every loop were run once."""
    shapes = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in jaxpr.jaxpr.invars]
    traced = jax.jit(core.jaxpr_as_fun(jaxpr)).trace(*shapes)
    analysis = traced.lower(lowering_platforms=("cpu",)).cost_analysis()
    if analysis is None:
        raise InputError("this backend does not count operations: expected one that XLA analyses")
    return float(analysis.get("flops", 0.0)) + float(analysis.get("transcendentals", 0.0))


def _count_more(jaxpr: core.Jaxpr, turns: float) -> float:
    """Return what the loops of a traced function take beyond their first turns."""
    more = 0.0
    for equation in jaxpr.eqns:
        name, params = equation.primitive.name, equation.params
        if name == "scan":
            more += params["length"] * _count(params["jaxpr"], turns)
            more -= _count_once(params["jaxpr"])
        elif name == "while":
            more += turns * _count(params["body_jaxpr"], turns) - _count_once(params["body_jaxpr"])
        elif name == "cond":  # counted as its dearest branch, which its loops may change
            branches = params["branches"]
            more += max(_count(branch, turns) for branch in branches)
            more -= max(_count_once(branch) for branch in branches)
        else:
            for inner in params.values():  # of a call, such as jit; checkpoint's is an open one
                inner = inner.jaxpr if isinstance(inner, core.ClosedJaxpr) else inner
                if isinstance(inner, core.Jaxpr):
                    more += _count_more(inner, turns)
    return more
