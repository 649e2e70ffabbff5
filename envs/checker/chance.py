"""What matters when the environment is its own model: chance, and hidden state."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs.checker.behaviour import close
from envs.checker.random_play import LANES, Player, Tick, lane_keys, to_numpy
from envs.checker.report import Findings
from envs.checker.subject import Outcome
from rrplan.types import Array, Environment, PyTree

MAX_ACTIONS = 8  # actions tried in the search for hidden state


class Visit(NamedTuple):
    """Where a visited state is found."""

    tick: int
    lane: int


def check_determinism(
    player: Player, key: Array, ticks: Sequence[Tick], findings: Findings
) -> None:
    """Check that the same key gives the same reset, and the same step."""
    keys = lane_keys(key)
    if _changed(player.reset_lanes(keys), player.reset_lanes(keys)):
        findings.problem("reset_env gives two answers for one key: expected a pure function")
    for tick in ticks:
        again = player.step_lanes(tick.key, tick.state, tick.action)
        if changed := _changed(tick.outcome, again):
            findings.problem(
                "step_env gives two answers for one key, state and action "
                f"({', '.join(changed)}): expected a pure function"
            )


def describe_chance(
    player: Player, key: Array, ticks: Sequence[Tick], findings: Findings, *, keys: int = 8
) -> None:
    """Note whether the same state and action lead on differently under other keys."""
    changed: dict[str, None] = {}
    for index in range(keys):
        other = lane_keys(jax.random.fold_in(key, index))
        for tick in ticks:
            again = player.step_lanes(other, tick.state, tick.action)
            changed |= dict.fromkeys(_changed(tick.outcome, again))
    if changed:
        findings.note(
            "it is stochastic: one state and action led to different outcomes under different keys "
            f"({', '.join(changed)}); a search that keeps one sample per edge is optimistic"
        )
    else:
        findings.note("it looks deterministic: no key changed the outcome of a visited step")


def is_stochastic(
    environment: Environment,
    params: PyTree,
    *,
    key: Array | None = None,
    steps: int = 32,
    lanes: int = LANES,
) -> bool:
    """Return whether a state and an action led on differently under two keys.

    The cheap one of the two tests of chance: one program, a few steps of random legal play. It
    speaks of the states that were visited, and proves nothing about others.

    Args:
        environment: adapted.
        params: its parameters.
        key: of the play; by default ``jax.random.key(0)``.
        steps: of each lane.
        lanes: that are played side by side; an episode that ends is followed by another.
    """

    def step(state: PyTree, key: Array) -> tuple[PyTree, Array]:
        choosing, resetting, *stepping = jax.random.split(key, 4)
        legal = ~environment.invalid_actions(state, params)
        action = jax.random.categorical(choosing, jnp.where(legal, 0.0, -jnp.inf))
        both = jax.vmap(environment.step, in_axes=(0, None, None, None))(
            jnp.stack(stepping), state, action, params
        )
        one = jax.tree.map(lambda leaf: leaf[0], both)
        fresh, _ = environment.reset(resetting, params)
        done = one.terminated | one.truncated
        going = jax.tree.map(lambda a, b: jnp.where(done, a, b), fresh, one.state)
        return going, jnp.stack([_differs(leaf) for leaf in jax.tree.leaves(both)]).any()

    def play(key: Array) -> Array:
        first, *rest = jax.random.split(key, 1 + steps)
        state, _ = environment.reset(first, params)
        return jax.lax.scan(step, state, jnp.stack(rest))[1].any()

    key = jax.random.key(0) if key is None else key
    return bool(jax.jit(jax.vmap(play))(jax.random.split(key, lanes)).any())


def _differs(leaf: Array) -> Array:
    """Return whether a leaf ``[2, ...]`` is not the same twice, ``[]`` bool; last digits aside."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    if jnp.issubdtype(leaf.dtype, jnp.floating):
        return ~jnp.isclose(leaf[0], leaf[1], rtol=1e-5, atol=1e-6, equal_nan=True).all()
    return (leaf[0] != leaf[1]).any()


def describe_hidden_state(
    player: Player, key: Array, ticks: Sequence[Tick], findings: Findings
) -> None:
    """Note whether the state holds what its observation hides.

    Visited states of equal time and equal observation are stepped with the same key and
    action; where they go on differently, the state knew something that the observation does
    not say.
    """
    pairs = list(_lookalikes(ticks))
    keys = jnp.broadcast_to(key, (LANES,))
    for action in range(min(player.subject.num_actions, MAX_ACTIONS) if pairs else 0):
        actions = np.full(LANES, action, np.int32)
        futures = [_visible(player.step_lanes(keys, tick.state, actions)) for tick in ticks]
        for one, two in pairs:
            if any(ticks[visit.tick].invalid[visit.lane, action] for visit in (one, two)):
                continue
            changed = _differing(futures[one.tick], one.lane, futures[two.tick], two.lane)
            if changed:
                _note_hidden(ticks, one, two, changed, findings)
                return


def _note_hidden(
    ticks: Sequence[Tick], one: Visit, two: Visit, changed: list[str], findings: Findings
) -> None:
    states = [to_numpy(ticks[visit.tick].state) for visit in (one, two)]
    hidden = _differing(states[0], one.lane, states[1], two.lane)
    # "['reward']" or "['next observation'].image": the part between the first quotes.
    parts = dict.fromkeys(name.split("'")[1] for name in changed)
    findings.note(
        "the state holds what the observation hides: two visited states of equal time and "
        f"observation, different in {', '.join(hidden)}, led to a different {' and '.join(parts)} "
        "under the same key and action; a perfect model then leaks to the search what the agent "
        "cannot see"
    )


def _lookalikes(ticks: Sequence[Tick]) -> Iterator[tuple[Visit, Visit]]:
    """Yield pairs of visits with equal time and observation, but different states.

    All members of a group are compared with its first: if nothing tells them from the first,
    nothing tells them from each other.
    """
    groups: dict[bytes, dict[bytes, Visit]] = defaultdict(dict)
    for index, tick in enumerate(ticks):
        observation, state = to_numpy(tick.observation), to_numpy(tick.state)
        time = [state["time"]] if "time" in state else []
        for lane in range(LANES):
            seen = _bytes([*observation.values(), *time], lane)
            groups[seen].setdefault(_bytes(state.values(), lane), Visit(index, lane))
    for first, *others in (list(group.values()) for group in groups.values()):
        yield from ((first, other) for other in others)


def _bytes(leaves, lane: int) -> bytes:
    return b"|".join(leaf[lane].tobytes() for leaf in leaves)


def _visible(outcome: Outcome) -> dict[str, np.ndarray]:
    return to_numpy(
        {
            "next observation": outcome.observation,
            "reward": outcome.reward,
            "end of the episode": outcome.terminated,
        }
    )


def _differing(
    one: dict[str, np.ndarray], lane: int, two: dict[str, np.ndarray], other: int
) -> list[str]:
    """Return the leaves in which two lanes differ, by name."""
    return [name for name in one if not close(one[name][lane], two[name][other])]


def _changed(first: PyTree, second: PyTree) -> list[str]:
    """Return the leaves that are not equal bit for bit, by name."""
    one, two = to_numpy(first), to_numpy(second)
    return [name for name in one if one[name].tobytes() != two[name].tobytes()]
