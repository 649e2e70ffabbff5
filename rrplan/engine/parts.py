"""A planner's parts and its meta-policy, traced: do they return what the engine builds on?"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from rrplan import operations
from rrplan.capabilities import SEVERAL_PLAYERS, CurrentPlayer, Priced, name_of, offers
from rrplan.costs import Costs, traced
from rrplan.engine.validation import check_arrays, check_kind, check_whole
from rrplan.errors import InputError, unknown
from rrplan.models import Learned, Perfect, Position, Settings, make_model
from rrplan.planner import Planner, Search
from rrplan.search import shapes
from rrplan.tracing import is_kind, shapes_of, told, told_all
from rrplan.types import (
    Control,
    Environment,
    Evaluation,
    LearnedModel,
    MetaPolicy,
    PyTree,
    Transition,
)

_BATCH = 11  # lanes in a check of shapes: unlike any other size, so that a wrong axis shows
_LOOKS = ("never", "once", "every")


def check_planner(planner: Planner) -> PyTree:
    """Refuse a planner with a part of a wrong kind; return its environment's parameters, arrays."""
    check_kind("planner", planner, Planner, "rrplan.Planner")
    check_kind("planner.search", planner.search, Search, "rrplan.Search")
    network = planner.network
    if not callable(network) and not isinstance(network, LearnedModel):
        raise InputError(
            f"planner.network is {told(network)}: expected a function "
            "(params, observation) -> rrplan.Evaluation, or a rrplan.LearnedModel"
        )
    check_static("planner.network", network)
    check_arrays("planner.params", planner.params)
    return check_environment(planner.environment, planner.env_params)


def check_environment(environment: Environment, env_params: PyTree) -> PyTree:
    """Refuse an environment that is broken, as tracing shows; return its parameters, arrays.

    Nothing is computed. A method is traced here once for all calls with equal shapes.

    Raises:
        InputError: one line that names the environment, what was found and what was expected.
    """
    if isinstance(environment, type):
        raise InputError(
            f"planner.environment is the class {environment.__name__}: expected an object of it"
        )
    methods = ("reset", "step", "invalid_actions")
    if not all(callable(getattr(environment, name, None)) for name in methods):
        raise InputError(
            f"planner.environment is {told(environment)}: expected one as envs.adapt returns "
            "it, with reset, step and invalid_actions"
        )
    check_static("planner.environment", environment)
    check_arrays("planner.env_params", env_params)
    env_params = jax.tree.map(jnp.asarray, env_params)
    try:
        _check_methods(environment, env_params)
    except InputError as error:
        raise InputError(f"environment {name_of(environment)}: {error}") from error
    return env_params


def _check_methods(environment: Environment, env_params: PyTree) -> None:
    if offers(environment, CurrentPlayer):
        raise InputError(SEVERAL_PLAYERS)
    actions = environment.num_actions
    check_whole("num_actions", actions, 0)
    if actions < 1:
        raise InputError(f"it has {actions} actions: expected 1 or more")
    key = jax.eval_shape(jax.random.key, 0)
    first = shapes_of("reset", environment.reset, key, env_params)
    if not isinstance(first, tuple) or len(first) != 2:
        raise InputError(f"reset returns {told(first)}: expected a pair, state and observation")
    state, observation = first
    action: Any = jax.ShapeDtypeStruct((), jnp.int32)  # stands in for an array
    after = shapes_of("step", environment.step, key, state, action, env_params)
    if not isinstance(after, Transition):
        raise InputError(f"step returns {told(after)}: expected a rrplan.Transition")
    for what, new, old in (
        ("state", after.state, state),
        ("observation", after.observation, observation),
    ):
        if not _alike(new, old):
            raise InputError(
                f"step returns the {what} {told_all(new)}, but reset {told_all(old)}: expected the "
                "same"
            )
    if not jax.tree.leaves(observation):
        raise InputError("reset returns an observation without an array: expected one or more")
    for name, kinds, wanted in (
        ("reward", "fiub", "float32[]"),
        ("terminated", "b", "bool[]"),
        ("truncated", "b", "bool[]"),
    ):
        field = getattr(after, name)
        if getattr(field, "shape", None) != () or not is_kind(field, kinds):
            raise InputError(f"step returns {name} {told(field)}: expected {wanted}")
    mask = shapes_of("invalid_actions", environment.invalid_actions, state, env_params)
    if getattr(mask, "shape", None) != (actions,) or not is_kind(mask, "b"):
        raise InputError(f"invalid_actions returns {told(mask)}: expected bool[{actions}]")
    if offers(environment, Priced):
        factor = shapes_of("price_factor", environment.price_factor, state, env_params)
        if getattr(factor, "shape", None) != () or not is_kind(factor, "fiu"):
            raise InputError(f"price_factor returns {told(factor)}: expected float32[]")


def check_model(model: Perfect | Learned, settings: Settings) -> PyTree:
    """Return the shapes of what one lane's node holds; refuse outputs of wrong shapes.

    Nothing is computed. A function is traced here once for all calls with equal shapes.
    """
    environment = model.environment
    actions, params = environment.num_actions, settings.model_params
    state, observation = jax.eval_shape(environment.reset, settings.key, settings.env_params)
    batch = jax.tree.map(_batched, observation)
    if not isinstance(model, Learned):
        evaluation = shapes_of("network", model.network, params, batch)
        _check_evaluation(evaluation, actions)
        moving, _ = model.division.divide(state)
        done: Any = jax.ShapeDtypeStruct((), bool)  # stands in for an array
        return Position(moving, done)
    functions = model.functions
    root = shapes_of("root_fn", functions.root_fn, params, settings.key, batch)
    shapes.check_root_fn(root, _BATCH, actions)
    embedding = shapes.check_recurrent_fn(
        functions.recurrent_fn, params, settings.key, root.embedding, _BATCH, actions
    )
    if functions.features_fn is not None:
        features = shapes_of("features_fn", functions.features_fn, embedding)
        _check_features("features_fn returned", features)
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), embedding)


def check_meta_policy(
    meta_policy: MetaPolicy, meta_params: PyTree, model: Perfect | Learned, settings: Settings
) -> None:
    """Refuse a meta-policy that does not answer as the engine asks, by tracing it.

    Args:
        meta_policy: as it was given.
        meta_params: its parameters, arrays.
        model: of the planner, checked.
        settings: of the evaluation.

    Raises:
        InputError: one line that says what was found and what was expected.
    """
    check_kind("meta_policy", meta_policy, MetaPolicy, "rrplan.MetaPolicy")
    for name in ("init", "apply"):
        if not callable(getattr(meta_policy, name)):
            found = told(getattr(meta_policy, name))
            raise InputError(f"meta_policy.{name} is {found}: expected a function")
    if meta_policy.looks not in _LOOKS:
        raise unknown("meta_policy.looks", meta_policy.looks, _LOOKS)
    check_static("meta_policy", meta_policy)
    carry = shapes_of("meta_policy.init", lambda: meta_policy.init(_BATCH))
    if any(leaf.shape[:1] != (_BATCH,) for leaf in jax.tree.leaves(carry)):
        raise InputError(
            f"meta_policy.init({_BATCH}) returns the carry {told_all(carry)}: expected arrays with "
            f"{_BATCH} rows, one for each lane"
        )
    keys: Any = jax.ShapeDtypeStruct((_BATCH,), settings.key.dtype)  # stand in for arrays
    seen = operations.shapes_shown(model, settings, _BATCH)
    control = shapes_of("meta_policy.apply", meta_policy.apply, meta_params, keys, carry, seen)
    if not isinstance(control, Control):
        raise InputError(f"meta_policy.apply returns {told(control)}: expected a rrplan.Control")
    for name in ("extra_simulations", "max_depth"):
        field = getattr(control, name)
        if not _is_whole_row(field, _BATCH):
            raise InputError(
                f"meta_policy.apply returns a Control whose {name} is {told(field)}: expected "
                f"int32[{_BATCH}], a whole number for each lane (of {_BATCH} here)"
            )
    if not _alike(control.carry, carry):
        raise InputError(
            f"meta_policy.apply returns the carry {told_all(control.carry)}, but init returns "
            f"{told_all(carry)}: expected the same"
        )
    if meta_policy.act is not None:
        _check_act(meta_policy.act, carry)


def check_agent(planner: Planner, meta_policy: MetaPolicy, meta_params: PyTree) -> None:
    """Refuse an agent that :func:`rrplan.evaluate` would refuse for its parts; nothing is run.

    Raises:
        InputError: one line that says what was found and what was expected.
    """
    env_params = check_planner(planner)
    check_arrays("meta_params", meta_params, nan=False)
    settings = Settings(
        env_params=env_params,
        model_params=planner.params,
        meta_params=jax.tree.map(jnp.asarray, meta_params),
        key=jax.random.key(0),
        costs=traced(Costs()),
        **planner.traced_search(),
    )
    model = make_model(planner.environment, env_params, planner.network)
    check_model(model, settings)
    check_meta_policy(meta_policy, settings.meta_params, model, settings)


def check_policy(
    policy: Callable[..., Any], arguments: tuple[PyTree, ...], lanes: int, kind: Any
) -> None:
    """Refuse a policy of a rollout that does not answer for each lane, by tracing it.

    Args:
        policy: as it was given.
        arguments: that it will be called with, arrays or shapes; its parameters first.
        lanes: how many there are, ``B``.
        kind: a named tuple of whole numbers ``[B]`` that it must return; None for actions ``[B]``.

    Raises:
        InputError: one line that says what was found and what was expected.
    """
    if not callable(policy):
        raise InputError(f"policy is {told(policy)}: expected a function")
    check_arrays("policy_params", arguments[0])
    answer = shapes_of("policy", policy, *arguments)
    if kind is None:
        fields = {f"policy returns {told(answer)}": answer}
    elif isinstance(answer, kind):
        named = zip(kind._fields, answer, strict=True)
        fields = {f"policy returns {name} {told(field)}": field for name, field in named}
    else:
        raise InputError(f"policy returns {told(answer)}: expected a rrplan.{kind.__name__}")
    for found, field in fields.items():
        if not _is_whole_row(field, lanes):
            raise InputError(f"{found}: expected int32[{lanes}], a whole number for each lane")


def _check_act(act: Callable[..., Any], carry: PyTree) -> None:
    """Refuse a meta-policy's own choice of actions that returns no action for each lane."""
    if not callable(act):
        raise InputError(f"meta_policy.act is {told(act)}: expected a function or None")
    whole: Any = jax.ShapeDtypeStruct((_BATCH,), jnp.int32)  # stands in for an array
    action = shapes_of("meta_policy.act", act, carry, whole, whole)
    if not _is_whole_row(action, _BATCH):
        raise InputError(
            f"meta_policy.act returns {told(action)}: expected int32[{_BATCH}], an action for "
            f"each lane (of {_BATCH} here)"
        )


def _check_evaluation(evaluation: Any, num_actions: int) -> None:
    if not isinstance(evaluation, Evaluation):
        raise InputError(f"network returns {told(evaluation)}: expected a rrplan.Evaluation")
    shapes.check_fields("network", evaluation, ("prior_logits", "value"), _BATCH, num_actions)
    _check_features("network returned features of", evaluation.features)


def _check_features(returned: str, features: Any) -> None:
    shape = getattr(features, "shape", ())
    if len(shape) != 2 or shape[0] != _BATCH or not is_kind(features, "f"):
        raise InputError(
            f"{returned} {told(features)} for a batch of {_BATCH}: expected float32[{_BATCH},F], "
            "a row for each"
        )


def check_static(name: str, thing: Any) -> None:
    """Refuse what cannot be hashed: ``jit`` keys on it."""
    try:
        hash(thing)
    except TypeError:
        raise InputError(
            f"{name} cannot be hashed: expected a static object (a frozen dataclass, or a function)"
        ) from None


def _is_whole_row(field: Any, lanes: int) -> bool:
    """Return whether a traced answer is a whole number for each lane."""
    return getattr(field, "shape", None) == (lanes,) and is_kind(field, "iu")


def _alike(a: PyTree, b: PyTree) -> bool:
    """Return whether two pytrees of shapes are built alike, with the same types."""
    if jax.tree.structure(a) != jax.tree.structure(b):
        return False
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all((x.shape, x.dtype) == (y.shape, y.dtype) for x, y in pairs)


def _batched(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((_BATCH, *leaf.shape), leaf.dtype)
