"""The quick part of the check: types, and a short play. A run does it before anything else."""

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs.adapters.gymnax_adapter import Adapter, adapt
from envs.checker import interface
from envs.checker.report import Findings, Report
from envs.checker.run_check import attempt, begin, name_of
from rrplan.capabilities import Greedy, offers
from rrplan.types import Array, PyTree

LANES = 8
_AT_LEAST = 10_000
"""Steps after which an episode that declares a shorter limit is taken to have no end."""
_SECONDS = 2.0  # of play; then it is left open whether episodes end
_FIRST, _MOST = 64, 4096  # steps between looks at the clock
# The program is run for a moment only: compiling it takes longest.
_HASTE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}

_SAYINGS = {
    "observation": "the observation is NaN or infinite: expected finite numbers",
    "reward": "the reward is NaN or infinite: expected finite numbers",
    "masked": "a state in which the episode goes on has no legal action: expected at least one",
    "greedy": "greedy_action returns an action that is out of range or illegal",
}


class _Lanes(NamedTuple):
    """Episodes side by side, each played once; ``B`` is :data:`LANES`."""

    key: Array  # []
    state: PyTree  # [B, ...]
    ended: Array  # [B] bool
    flaws: dict[str, Array]  # [] bool each, by what they are


def check_quickly(env: Any, params: PyTree = None, *, play: bool = True) -> Report:
    """Check what keeps an environment from being planned in at all, in a second or two.

    It is traced, and one episode is played in each of eight lanes, for two seconds at most. Types,
    shapes, NaN, masks, the greedy rule and the ends of episodes are looked at;
    :func:`envs.check` looks at the rest.

    Args:
        env: a gymnax environment (not an adapter).
        params: its parameters; by default its ``default_params``.
        play: whether to play; else it is only traced, which compiles nothing.

    Returns:
        The findings. A method that raises is a finding: nothing is raised here.
    """
    findings = Findings()
    subject = begin(env, params, findings)
    if (
        subject is not None
        and attempt(findings, "the check of types", interface.check_types, subject, findings)
        and play
    ):
        attempt(findings, "random play", _play, env, subject.params, findings)
    return findings.report(name_of(env))


def _play(env: Any, params: PyTree, findings: Findings) -> None:
    environment = adapt(env)
    params = jax.tree.map(jnp.asarray, params)
    limit = getattr(params, "max_steps_in_episode", None)
    limit = None if limit is None or np.ndim(limit) else float(limit)
    enough = _AT_LEAST if limit is None else max(_AT_LEAST, limit + 1)
    lanes = _begin(environment, params)
    began, done, chunk = None, 0, _FIRST
    while True:
        lanes = _advance(environment, params, lanes, jnp.int32(chunk))
        done += chunk
        # The clock starts when the program is compiled.
        began = began or time.perf_counter()
        flaws = [name for name, holds in lanes.flaws.items() if holds]
        for name in flaws:
            findings.problem(_SAYINGS[name])
        ended = np.asarray(lanes.ended)
        if flaws or ended.all() or done >= enough or time.perf_counter() - began > _SECONDS:
            break
        chunk = min(2 * chunk, _MOST)
    if not flaws and not ended.any():
        _tell_no_end(limit, done, done >= enough, findings)


def _tell_no_end(limit: float | None, steps: int, enough: bool, findings: Findings) -> None:
    found = f"no episode of random legal play ended in {steps:,} steps"
    if enough and limit is not None:
        findings.problem(
            f"{found}, though max_steps_in_episode is {limit:g}: expected an end, by terminated, "
            "or by is_truncated, which reads the state's time"
        )
    else:
        findings.note(f"{found}: expected an end of every episode")


@functools.partial(jax.jit, static_argnames="environment", compiler_options=_HASTE)
def _begin(environment: Adapter, params: PyTree) -> _Lanes:
    key, reset_key = jax.random.split(jax.random.key(0))
    reset_keys = jax.random.split(reset_key, LANES)
    state, observation = jax.vmap(environment.reset, (0, None))(reset_keys, params)
    flaws = dict.fromkeys(_SAYINGS, jnp.zeros((), bool))
    flaws["observation"] = _odd(observation, jnp.ones(LANES, bool))
    return _Lanes(key, state, jnp.zeros(LANES, bool), flaws)


@functools.partial(jax.jit, static_argnames="environment", compiler_options=_HASTE)
def _advance(environment: Adapter, params: PyTree, lanes: _Lanes, steps: Array) -> _Lanes:
    """Play on until each lane has ended its episode, or something is wrong, or ``steps`` times."""

    def go_on(carry: tuple[Array, _Lanes]) -> Array:
        index, lanes = carry
        broken = jnp.stack(list(lanes.flaws.values())).any()
        return (index < steps) & ~lanes.ended.all() & ~broken

    def step(carry: tuple[Array, _Lanes]) -> tuple[Array, _Lanes]:
        index, lanes = carry
        return index + 1, _step(environment, params, lanes)

    return jax.lax.while_loop(go_on, step, (jnp.int32(0), lanes))[1]


def _step(environment: Adapter, params: PyTree, lanes: _Lanes) -> _Lanes:
    key, action_key, step_key = jax.random.split(lanes.key, 3)
    going = ~lanes.ended
    invalid = jax.vmap(environment.invalid_actions, (0, None))(lanes.state, params)
    scores = jax.random.uniform(action_key, invalid.shape)
    action = jnp.where(invalid, -1.0, scores).argmax(-1).astype(jnp.int32)
    step_keys = jax.random.split(step_key, LANES)
    after = jax.vmap(environment.step, (0, 0, 0, None))(step_keys, lanes.state, action, params)
    greedy, actions = jnp.zeros((), bool), environment.num_actions
    if offers(environment, Greedy):
        rule = jax.vmap(environment.greedy_action, (0, None))(lanes.state, params)
        inside = (rule >= 0) & (rule < actions)
        illegal = jnp.take_along_axis(invalid, jnp.where(inside, rule, 0)[:, None], 1)[:, 0]
        greedy = (going & (~inside | illegal)).any()
    masked = (going & invalid.all(-1)).any()
    found = {
        "observation": _odd(after.observation, going),
        "reward": _odd(after.reward, going),
        "masked": masked,
        "greedy": greedy & ~masked,
    }

    def select(new, old):
        return jnp.where(going.reshape(going.shape + (1,) * (old.ndim - 1)), new, old)

    return _Lanes(
        key=key,
        state=jax.tree.map(select, after.state, lanes.state),
        ended=lanes.ended | after.terminated | after.truncated,
        flaws={name: lanes.flaws[name] | holds for name, holds in found.items()},
    )


def _odd(tree: PyTree, going: Array) -> Array:
    """Return whether something is not finite in a lane that goes on, ``[]`` bool."""
    finite = [jnp.isfinite(leaf).reshape(LANES, -1).all(-1) for leaf in jax.tree.leaves(tree)]
    return (going & ~jnp.stack(finite).all(0)).any()
