"""What can be checked of an environment without running it: types and signatures."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from gymnax.environments import spaces

from envs.checker.agreement import compare_observations, compare_states
from envs.checker.report import BrokenMethod, Findings
from envs.checker.subject import Leaf, Outcome, Subject, leaf_types, space_leaves
from rrplan.capabilities import Greedy, offers
from rrplan.types import PyTree


def check_actions(env: Any, params: PyTree, findings: Findings) -> int | None:
    """Check the action space; return the number of actions, or None if it is unusable."""
    space = Subject(env, params, 0).call("action_space", params)
    if not isinstance(space, spaces.Discrete):
        findings.problem(
            f"the action space is a {type(space).__name__}: expected Discrete, the suite searches "
            "over a finite set of actions"
        )
        return None
    try:
        num_actions = env.num_actions
    except Exception as error:
        raise BrokenMethod(f"num_actions raises {type(error).__name__}") from error
    if num_actions != space.n:
        findings.problem(
            f"num_actions is {num_actions} but the action space has {space.n}: expected the same"
        )
    if space.n < 1:
        findings.problem(f"the action space has {space.n} actions: expected 1 or more")
        return None
    return int(space.n)


def check_static(env: Any, findings: Findings) -> bool:
    """Check, and return, whether the environment can be a static argument of a program."""
    try:
        hash(env)
    except TypeError:
        findings.problem(
            "the environment cannot be hashed: expected a static object (a frozen dataclass, or "
            "a class without __eq__)"
        )
        return False
    return True


def check_types(subject: Subject, findings: Findings) -> bool:
    """Check everything that tracing shows; return whether episodes can be played."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    action = jax.ShapeDtypeStruct((), jnp.int32)
    traced: dict[str, Any] = {}

    def record_reset(key, params):
        observation, state, invalid = subject.reset(key, params)
        traced["reset"] = Outcome(observation, state, 0.0, False, False, invalid)
        _require_arrays(state, "reset_env")
        return state

    def record_step(key, state, params, action):
        outcome = subject.step(key, state, action, params)
        traced["step"] = outcome
        _require_arrays(outcome.state, "step_env")
        first = traced["reset"]
        # Each is looked at, whatever the others have shown.
        traced["usable"] = all(
            [
                compare_states(first.state, outcome.state, findings),
                compare_observations(first.observation, outcome.observation, findings),
                *(_check_observation(*named, findings) for named in _observations(subject, traced)),
                _check_scalars(outcome, findings),
                _check_greedy(subject, outcome.state, findings),
            ]
        )
        _check_mask(subject, first.invalid, "reset_env")
        _check_mask(subject, outcome.invalid, "step_env")
        return outcome.state

    first = jax.eval_shape(record_reset, key, subject.params)
    jax.eval_shape(record_step, key, first, subject.params, action)
    return traced["usable"]


def _require_arrays(state: PyTree, method: str) -> None:
    wrong = {name: leaf for name, leaf in leaf_types(state).items() if not leaf.is_array}
    if wrong:
        raise BrokenMethod(
            f"the state that {method} returns has leaves that are not arrays: {_listed(wrong)}; "
            "expected a pytree of arrays"
        )


def _observations(subject: Subject, traced: dict[str, Outcome]):
    """Yield the parts of the first and the next observation with their spaces."""
    space = subject.call("observation_space", subject.params)
    for method, name in (("reset_env", "reset"), ("step_env", "step")):
        yield method, space_leaves(space, traced[name].observation)


def _check_observation(method: str, leaves: list[tuple], findings: Findings) -> bool:
    """Compare an observation with its space; return whether it is made of arrays."""
    arrays = True
    for name, space, observation in leaves:
        leaf = leaf_types(observation).get("")
        if leaf is None or not leaf.is_array:
            arrays = False
            found = "None" if observation is None else f"a {type(observation).__name__}"
            findings.problem(
                f"{name} that {method} returns is {found}, not an array: its space says "
                f"{jnp.dtype(space.dtype)}{list(space.shape)}"
            )
            continue
        if leaf.shape != tuple(space.shape):
            findings.problem(
                f"{name} that {method} returns has shape {leaf.shape}: its space says "
                f"{tuple(space.shape)}"
            )
        if leaf.dtype != jnp.dtype(space.dtype):
            findings.mend(
                f"{name} that {method} returns is {leaf}: its space says {jnp.dtype(space.dtype)}"
            )
    return arrays


def _check_scalars(outcome: Outcome, findings: Findings) -> bool:
    """Check reward, terminated and truncated; return whether they can be cast to what they are."""
    expected = (
        ("the reward", outcome.reward, jnp.floating, "a float32 scalar"),
        ("terminated", outcome.terminated, jnp.bool_, "a bool scalar"),
        ("is_truncated's answer", outcome.truncated, jnp.bool_, "a bool scalar"),
    )
    return all(
        _check_scalar(name, value, kind, wanted, findings) for name, value, kind, wanted in expected
    )


def _check_scalar(name: str, value: Any, kind: Any, wanted: str, findings: Findings) -> bool:
    leaf = leaf_types(value).get("")
    castable = leaf is not None and leaf.is_array and math.prod(leaf.shape) == 1
    if leaf is not None and castable and not leaf.shape and jnp.issubdtype(leaf.dtype, kind):
        return True
    found = leaf or ("None" if value is None else f"a {type(value).__name__}")
    add = findings.mend if castable else findings.problem
    add(f"{name} is {found}: expected {wanted}")
    return castable


def _check_greedy(subject: Subject, state: PyTree, findings: Findings) -> bool:
    """Check the type of the greedy rule's action, where there is a rule."""
    if not offers(subject.env, Greedy):
        return True
    action = subject.call("greedy_action", state, subject.params)
    leaf = leaf_types(action).get("")
    if leaf is None or leaf.shape != () or not leaf.is_array:
        found = leaf or ("None" if action is None else f"a {type(action).__name__}")
        findings.problem(f"greedy_action returns {found}: expected an int32 scalar")
        return False
    if not jnp.issubdtype(leaf.dtype, jnp.integer):
        findings.mend(f"greedy_action returns {leaf}: expected an int32 scalar")
    return True


def _check_mask(subject: Subject, invalid: Any, method: str) -> None:
    if not subject.has_mask:
        return
    leaf = leaf_types(invalid).get("")
    if leaf is None or leaf.shape != (subject.num_actions,):
        # Without legal actions no episode can be played.
        raise BrokenMethod(
            f"invalid_actions after {method} is {leaf or type(invalid).__name__}: expected shape "
            f"({subject.num_actions},), a 0 or 1 for each action"
        )


def _listed(leaves: dict[str, Leaf]) -> str:
    return ", ".join(f"{name} ({leaf})" for name, leaf in leaves.items())
