"""What play shows: values, spaces, masks, the ends of episodes."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from gymnax.environments import spaces

from envs.checker.random_play import Player, Tick, choose_legal, lane_keys, to_numpy
from envs.checker.report import Findings
from envs.checker.subject import Subject, space_leaves
from rrplan.capabilities import Greedy, offers
from rrplan.types import Array, PyTree

TOLERANCE = 1e-5
ALONE = 4  # lanes whose step is taken alone as well

Predicate = Callable[[np.ndarray], np.ndarray]


def check_values(tick: Tick, findings: Findings) -> None:
    """Check that nothing is NaN, and that observations and rewards are finite."""
    _check_numbers("the state after reset_env or step_env", tick.state, _not_nan, findings)
    _check_numbers("the state after step_env", tick.outcome.state, _not_nan, findings)
    _check_numbers("the observation", tick.observation, np.isfinite, findings)
    _check_numbers("the observation", tick.outcome.observation, np.isfinite, findings)
    _check_numbers("the reward", tick.outcome.reward, np.isfinite, findings)


class SeenRange:
    """The smallest and largest value that each element of the observations took."""

    def __init__(self, space: spaces.Space):
        self._space = space
        self._seen: dict[str, tuple[spaces.Discrete | spaces.Box, np.ndarray, np.ndarray]] = {}

    def add(self, observation: PyTree) -> None:
        """Take in observations of all lanes, ``[B, ...]``."""
        for name, part, leaf in space_leaves(self._space, observation):
            leaf = np.asarray(leaf, np.float64)
            low, high = np.fmin.reduce(leaf), np.fmax.reduce(leaf)
            if name in self._seen:
                _, lowest, highest = self._seen[name]
                low, high = np.fmin(low, lowest), np.fmax(high, highest)
            self._seen[name] = part, low, high

    def check(self, findings: Findings) -> None:
        """Check that every observation lay in the declared space."""
        for name, part, lowest, highest in ((n, *seen) for n, seen in self._seen.items()):
            if isinstance(part, spaces.Discrete):
                low, high = 0, part.n - 1
            else:
                low, high = part.low, part.high
            _check_side(name, "below", "least", lowest, low, lowest < low - _slack(low), findings)
            _check_side(
                name, "above", "most", highest, high, highest > high + _slack(high), findings
            )


def check_masks(subject: Subject, ticks: Iterable[Tick], findings: Findings) -> None:
    """Check that masks hold 0 and 1 and leave something legal while the episode goes on."""
    if not subject.has_mask:
        findings.note("it has no invalid_actions: every action counts as legal in every state")
        return
    mask_lanes = jax.jit(jax.vmap(subject.mask, in_axes=(0, None)))
    for tick in ticks:
        values = np.unique(np.asarray(mask_lanes(tick.state, subject.params)))
        odd = values[~np.isin(values, (0, 1))]
        if odd.size:
            findings.problem(
                f"invalid_actions holds {odd[0]:g}: expected only 0 (legal) and 1 (illegal)"
            )
        if tick.invalid.all(axis=1).any():
            findings.problem(
                "a state in which the episode goes on has no legal action: expected at least one"
            )


def check_greedy(subject: Subject, ticks: Iterable[Tick], findings: Findings) -> None:
    """Check that the greedy rule, where there is one, takes a legal action."""
    if not offers(subject.env, Greedy):
        return
    greedy_lanes = jax.jit(jax.vmap(lambda *args: subject.call("greedy_action", *args), (0, None)))
    for tick in ticks:
        actions = np.asarray(greedy_lanes(tick.state, subject.params))
        outside = (actions < 0) | (actions >= subject.num_actions)
        if outside.any():
            findings.problem(
                f"greedy_action returns {actions[outside][0]}: expected an action from 0 to "
                f"{subject.num_actions - 1}"
            )
            return
        illegal = tick.invalid[np.arange(len(actions)), actions.astype(int)]
        some_legal = ~tick.invalid.all(axis=1)
        if (illegal & some_legal).any():
            findings.problem(
                f"greedy_action returns {actions[illegal & some_legal][0]} where invalid_actions "
                "says that it is illegal: expected a legal action"
            )
            return


def check_illegal_steps(player: Player, ticks: Iterable[Tick], findings: Findings) -> None:
    """Check that stepping an illegal action leaves finite values."""
    rng = np.random.default_rng(0)
    what = "after an illegal action (a batch may step one in a finished lane)"
    for tick in ticks:
        some = tick.invalid.any(axis=1)
        if not some.any():
            continue
        outcome = player.step_lanes(tick.key, tick.state, choose_legal(rng, ~tick.invalid))
        _check_numbers(f"the state {what}", outcome.state, _not_nan, findings, some)
        _check_numbers(f"the observation {what}", outcome.observation, np.isfinite, findings, some)
        _check_numbers(f"the reward {what}", outcome.reward, np.isfinite, findings, some)


def check_ends(subject: Subject, ended: np.ndarray, steps: int, findings: Findings) -> None:
    """Check that episodes end. ``ended`` is ``[B]``: the lanes that saw an end in ``steps``."""
    if ended.all():
        return
    limit = getattr(subject.params, "max_steps_in_episode", None)
    count = f"{(~ended).sum()} of {ended.size} episodes of random legal play did not end"
    if limit is not None and np.ndim(limit) == 0 and float(limit) > steps:
        findings.note(
            f"{count} in {steps} steps; the limit is {float(limit):g} steps, so the end of a long "
            "episode was not seen"
        )
        return
    declared = "" if limit is None else f", though max_steps_in_episode is {float(limit):g}"
    findings.problem(
        f"{count} in {steps} steps{declared}: expected them to be terminated, or truncated by "
        "is_truncated"
    )


def describe_terminal(player: Player, ticks: Iterable[Tick], findings: Findings) -> None:
    """Note whether stepping on from a terminal state stays there and pays nothing."""
    ended = [tick for tick in ticks if np.asarray(tick.outcome.terminated).any()]
    if not ended:
        findings.note("no terminal state was met: episodes were cut by the time limit, if at all")
        return
    changes: set[str] = set()
    for tick in ended:
        over = np.asarray(tick.outcome.terminated)
        after = player.step_lanes(tick.key, tick.outcome.state, tick.action)
        before, state = to_numpy(tick.outcome.state), to_numpy(after.state)
        moved = [
            name
            for name in state
            if name != "time" and not np.array_equal(before[name][over], state[name][over])
        ]
        happened = {
            "changes the state": bool(moved),
            "pays a reward": (np.asarray(after.reward)[over] != 0).any(),
            "is not terminated": not np.asarray(after.terminated)[over].all(),
        }
        changes |= {change for change, holds in happened.items() if holds}
    if changes:
        findings.note(
            f"terminal states do not absorb: a step on from one {', '.join(sorted(changes))}; the "
            "state must be kept frozen after the end"
        )
    else:
        findings.note("terminal states absorb: a step on from one changes nothing and pays nothing")


def check_lanes_alike(
    player: Player, key: Array, ticks: Iterable[Tick], findings: Findings
) -> None:
    """Check that a reset and a step alone equal the same in a batch."""
    params, keys = player.subject.params, lane_keys(key)
    batch = to_numpy(player.reset_lanes(keys)._replace(invalid=None))
    alone = to_numpy(player.reset_one(keys[0], params)._replace(invalid=None))
    _compare_lane("reset_env", alone, batch, 0, findings)
    for tick in ticks:
        batch = to_numpy(tick.outcome._replace(invalid=None))
        for lane in range(ALONE):
            state, step_key = jax.tree.map(lambda leaf, i=lane: leaf[i], (tick.state, tick.key))
            outcome = player.step_one(step_key, state, jnp.int32(tick.action[lane]), params)
            alone = to_numpy(outcome._replace(invalid=None))
            _compare_lane("step_env", alone, batch, lane, findings)


def close(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two arrays agree: exactly, or up to rounding where they are floats."""
    if not np.issubdtype(a.dtype, np.inexact):
        return np.array_equal(a, b)
    return np.allclose(a, b, rtol=1e-4, atol=TOLERANCE, equal_nan=True)


def _compare_lane(
    method: str,
    alone: dict[str, np.ndarray],
    batch: dict[str, np.ndarray],
    lane: int,
    findings: Findings,
) -> None:
    for name, value in alone.items():
        if not close(value, batch[name][lane]):
            findings.problem(f"{method} differs alone and under vmap ({name}): expected the same")


def _check_numbers(
    what: str, tree: PyTree, fits: Predicate, findings: Findings, lanes: Any = slice(None)
) -> None:
    for name, leaf in to_numpy(tree).items():
        leaf = leaf[lanes]
        if not np.issubdtype(leaf.dtype, np.inexact) or fits(leaf).all():
            continue
        found = "NaN" if np.isnan(leaf).any() else "infinite"
        where = f" ({name})" if name else ""
        findings.problem(f"{what}{where} is {found}: expected finite numbers")


def _check_side(name, side, most, seen, bound, outside, findings: Findings) -> None:
    """Report the first element that was seen outside its bound."""
    if not outside.any():
        return
    index = tuple(int(i) for i in np.argwhere(outside)[0])
    bound = np.broadcast_to(bound, np.shape(seen))
    where = f" at index {index}" if index else ""
    findings.problem(
        f"{name} goes {side} its space: {seen[index]:g}{where}, expected at {most} {bound[index]:g}"
    )


def _slack(bound: Any) -> np.ndarray:
    return TOLERANCE * (1 + np.abs(np.asarray(bound, np.float64)))


def _not_nan(leaf: np.ndarray) -> np.ndarray:
    return ~np.isnan(leaf)
