"""States as text: what stands in them, worked out by hand."""

import jax.numpy as jnp
import pytest

import envs
from envs.puzzles.knapsack import KnapsackState
from envs.puzzles.tardiness import TardinessState
from envs.puzzles.traps import TrapsState
from rrplan.capabilities import Rendered, offers


def test_a_knapsack_tells_what_is_packed_and_what_is_too_heavy():
    state = KnapsackState(
        time=1,
        weights=jnp.array([3, 9, 4]),
        values=jnp.array([5, 11, 6]),
        packed=jnp.array([True, False, False]),
        remaining=jnp.int32(5),
        capacity=jnp.int32(8),
        optimum=jnp.int32(11),
    )
    env, _ = envs.make("knapsack", num_items=3)
    lines = env.render_text(state).splitlines()
    assert lines[0] == "room for 5 of 8"
    assert [line.split() for line in lines[1:]] == [
        ["item", "weight", "value"],
        ["0", "3", "5", "packed"],
        ["1", "9", "11", "too", "heavy"],
        ["2", "4", "6"],
    ]


def test_jobs_tell_what_is_done():
    state = TardinessState(
        time=1,
        processing_times=jnp.array([3, 9]),
        due_dates=jnp.array([5, 11]),
        scheduled=jnp.array([True, False]),
        elapsed=jnp.int32(3),
        scale=jnp.float32(1.0),
    )
    env, _ = envs.make("tardiness", num_jobs=2)
    lines = env.render_text(state).splitlines()
    assert lines[0] == "the machine is free at 3"
    assert [line.split() for line in lines[2:]] == [["0", "3", "5", "done"], ["1", "9", "11"]]


def test_a_board_is_shown_as_it_lies():
    env, _ = envs.make("sliding_tiles", rows=2, columns=3)
    state = env.start(jnp.array([1, 0, 2, 3, 4, 5]))
    assert env.render_text(state) == " 1  .  2\n 3  4  5"


def test_a_node_of_a_tree_tells_the_way_to_it():
    env, _ = envs.make("traps", branching=3)
    # The children of node n are 3n + 1, 3n + 2 and 3n + 3: 0, then 3, then 10, then 32.
    state = TrapsState(time=3, instance=jnp.zeros(2, jnp.uint32), node=jnp.int32(32))
    assert env.render_text(state) == "node 32 on level 3\nactions so far: 2, 0, 1"


@pytest.mark.parametrize(("name", "expected"), [("knapsack", True), ("CartPole-v1", False)])
def test_the_adapter_hands_texts_on_where_there_are_any(name, expected):
    env, _ = envs.make(name)
    assert offers(envs.adapt(env), Rendered) == expected
