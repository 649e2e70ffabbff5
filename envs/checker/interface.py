"""What can be checked of an environment without running it: types and signatures."""

from typing import Any

import jax
import jax.numpy as jnp
from gymnax.environments import spaces

from envs.checker.report import BrokenMethod, Findings
from envs.checker.subject import Leaf, Outcome, Subject, leaf_types, space_leaves
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
        _compare_states(traced["reset"].state, outcome.state, findings)
        _compare_observations(traced["reset"].observation, outcome.observation, findings)
        for name, leaves in _observations(subject, traced):
            _check_observation(name, leaves, findings)
        traced["scalars"] = _check_scalars(outcome, findings)
        _check_mask(subject, traced["reset"].invalid, "reset_env")
        _check_mask(subject, outcome.invalid, "step_env")
        return outcome.state

    first = jax.eval_shape(record_reset, key, subject.params)
    second = jax.eval_shape(record_step, key, first, subject.params, action)
    return traced["scalars"] and _alike(first, second)


def check_one_trace(subject: Subject, findings: Findings, *, steps: int = 8) -> None:
    """Check that a jitted step is traced once, over states as the author returns them."""
    traces = 0

    def step(key, state, params):
        nonlocal traces
        traces += 1
        return subject.step(key, state, jnp.int32(0), params).state

    # What is called is jit's own cache of traces; only nothing is compiled or run.
    jitted_step = jax.jit(step)
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = jax.eval_shape(lambda *args: subject.reset(*args).state, key, subject.params)
    for _ in range(steps):
        state = jitted_step.eval_shape(key, state, subject.params)
    if traces != 1:
        findings.problem(
            f"a jitted step was traced {traces} times in {steps} steps: expected once (the types "
            "of the state change on the way)"
        )


def check_retracing(subject: Subject, findings: Findings) -> None:
    """Check that tracing a method twice gives the same program: no hidden Python state."""
    key = jax.eval_shape(lambda: jax.random.key(0))

    def reset_text():
        # A new function each time, so that nothing comes from jit's cache.
        return jax.jit(lambda *args: subject.reset(*args)).lower(key, subject.params).as_text()

    def step_text():
        state = jax.eval_shape(lambda *args: subject.reset(*args).state, key, subject.params)
        step = jax.jit(lambda *args: subject.step(*args))
        return step.lower(key, state, jnp.int32(0), subject.params).as_text()

    for method, text in (("reset_env", reset_text), ("step_env", step_text)):
        if text() != text():
            findings.problem(
                f"{method} compiles to another program each time it is traced: expected a pure "
                "function (no Python or NumPy random numbers, no attribute that changes)"
            )


def _require_arrays(state: PyTree, method: str) -> None:
    wrong = {name: leaf for name, leaf in leaf_types(state).items() if not leaf.is_array}
    if wrong:
        raise BrokenMethod(
            f"the state that {method} returns has leaves that are not arrays: {_listed(wrong)}; "
            "expected a pytree of arrays"
        )


def _compare_states(first: PyTree, second: PyTree, findings: Findings) -> None:
    """Compare the types of the state after reset and after step."""
    before, after = leaf_types(first), leaf_types(second)
    if jax.tree.structure(first) != jax.tree.structure(second):
        findings.problem(
            f"step_env returns a state of another structure ({', '.join(after)}) than reset_env "
            f"({', '.join(before)}): expected the same"
        )
        return
    changed = {name: leaf for name, leaf in before.items() if not _same(leaf, after[name])}
    if changed:
        listed = ", ".join(f"{name} ({leaf}, then {after[name]})" for name, leaf in changed.items())
        findings.problem(
            "leaves of the state change their type between reset_env and step_env: "
            f"{listed}; expected arrays of one shape and one strong dtype"
        )


def _compare_observations(first: PyTree, second: PyTree, findings: Findings) -> None:
    """Compare the types of the observation after reset and after step."""
    before, after = leaf_types(first), leaf_types(second)
    changed = [
        f"{name} ({before.get(name, 'missing')}, then {after.get(name, 'missing')})".lstrip()
        for name in {**before, **after}
        if name not in before or name not in after or not _same(before[name], after[name])
    ]
    if changed:
        findings.problem(
            "the observation changes its type between reset_env and step_env: "
            f"{', '.join(changed)}; expected one shape and one strong dtype"
        )


def _observations(subject: Subject, traced: dict[str, Outcome]):
    """Yield the parts of the first and the next observation with their spaces."""
    space = subject.call("observation_space", subject.params)
    for method, name in (("reset_env", "reset"), ("step_env", "step")):
        yield method, space_leaves(space, traced[name].observation)


def _check_observation(method: str, leaves: list[tuple], findings: Findings) -> None:
    for name, space, observation in leaves:
        leaf = leaf_types(observation).get("")
        if leaf is None or not leaf.is_array:
            findings.problem(f"{name} that {method} returns is not an array")
            continue
        if leaf.shape != tuple(space.shape):
            findings.problem(
                f"{name} that {method} returns has shape {leaf.shape}: its space says "
                f"{tuple(space.shape)}"
            )
        if leaf.dtype != jnp.dtype(space.dtype):
            findings.problem(
                f"{name} that {method} returns is {leaf}: its space says {jnp.dtype(space.dtype)}"
            )


def _check_scalars(outcome: Outcome, findings: Findings) -> bool:
    """Check reward, terminated and truncated; return whether play can use them."""
    expected = (
        ("the reward", outcome.reward, jnp.floating, "a float32 scalar"),
        ("terminated", outcome.terminated, jnp.bool_, "a bool scalar"),
        ("is_truncated's answer", outcome.truncated, jnp.bool_, "a bool scalar"),
    )
    usable = True
    for name, value, kind, wanted in expected:
        leaf = leaf_types(value).get("")
        scalar = leaf is not None and leaf.is_array and leaf.shape == ()
        fits = leaf is not None and scalar and jnp.issubdtype(leaf.dtype, kind)
        # Whole numbers can be summed all the same; what is no truth value ends no episode.
        usable &= fits or (scalar and kind is jnp.floating)
        if not fits:
            findings.problem(f"{name} is {leaf or type(value).__name__}: expected {wanted}")
    return usable


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


def _same(a: Leaf, b: Leaf) -> bool:
    return str(a) == str(b) and not a.python


def _alike(first: PyTree, second: PyTree) -> bool:
    """Return whether two states have the same structure and shapes."""
    if jax.tree.structure(first) != jax.tree.structure(second):
        return False
    leaves = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(a.shape == b.shape for a, b in leaves)


def _listed(leaves: dict[str, Leaf]) -> str:
    return ", ".join(f"{name} ({leaf})" for name, leaf in leaves.items())
