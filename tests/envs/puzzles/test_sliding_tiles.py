"""Sliding tiles: hand cases, first boards, the exact best return, the oracle."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
import rrplan
from agents import metapolicies
from envs import SlidingTiles, sliding_tiles_distance
from envs.puzzles import sliding_tiles_starts as starts
from envs.puzzles.sliding_tiles_distances import is_solvable, list_boards, manhattan_distances
from rrplan import oracle
from rrplan.capabilities import Enumerable, offers
from rrplan.errors import InputError

KEY = jax.random.key(0)
UP, RIGHT, DOWN, LEFT = range(4)
MANY = 2000
SMALL = SlidingTiles(rows=2, columns=3, distance=(1, 4), limit=5)


@functools.cache
def lanes(env, name):
    """Return a method of an environment over lanes of states and actions, compiled."""
    axes = {"step_env": (None, 0, 0, None), "reset_env": (0, None)}
    return jax.jit(jax.vmap(getattr(env, name), axes.get(name, (0, None))))


@functools.cache
def small_states():
    """Return all states of the small board: 360 boards at six times."""
    return SMALL.enumerate_states(SMALL.start([1, 2, 3, 4, 5, 0]), SMALL.default_params)


@functools.cache
def first_boards(env, count=MANY):
    """Return the first boards ``[n, C]`` of many episodes."""
    _, state = lanes(env, "reset_env")(jax.random.split(KEY, count), env.default_params)
    assert (state.time == 0).all()
    np.testing.assert_array_equal(state.blank, np.argmin(state.cells, axis=1))
    return np.asarray(state.cells)


def distance_of(env, cells):
    return np.asarray(sliding_tiles_distance(cells.reshape(-1, *env.size)))


def play(env, state, actions):
    """Return the last state, the rewards, and whether each step ended the episode."""
    step, rewards, ends = lanes(env, "step_env"), [], []
    state = jax.tree.map(lambda leaf: leaf[None], state)
    for action in actions:
        _, state, reward, end, _ = step(KEY, state, jnp.array([action]), env.default_params)
        rewards.append(float(reward[0]))
        ends.append(bool(end[0]))
    return jax.tree.map(lambda leaf: leaf[0], state), rewards, ends


def test_the_blank_moves_and_the_solving_move_is_free():
    env = SlidingTiles(distance=3, limit=4)
    state, rewards, ends = play(
        env, env.start([[1, 2, 3], [0, 4, 6], [7, 5, 8]]), [RIGHT, DOWN, RIGHT]
    )
    np.testing.assert_array_equal(state.cells, [1, 2, 3, 4, 5, 6, 7, 8, 0])
    assert (rewards, ends) == ([-0.25, -0.25, 0.0], [False, False, True])
    assert (int(state.time), int(state.blank)) == (3, 8)
    # Nothing happens after the end.
    after, rewards, ends = play(env, state, [LEFT])
    jax.tree.map(np.testing.assert_array_equal, after, state)
    assert (rewards, ends) == ([0.0], [True])


def test_up_and_left_move_the_blank_too():
    env = SlidingTiles()
    state, _, _ = play(env, env.start([[1, 2, 3], [4, 0, 5], [7, 8, 6]]), [UP, LEFT])
    np.testing.assert_array_equal(state.cells.reshape(3, 3), [[0, 1, 3], [4, 2, 5], [7, 8, 6]])


def test_a_move_off_the_board_moves_nothing_and_counts():
    env = SlidingTiles(rows=2, distance=2, limit=4)
    first = env.start([[0, 1, 2], [4, 5, 3]])
    np.testing.assert_array_equal(
        env.invalid_actions(first, env.default_params), [True, False, False, True]
    )
    state, rewards, ends = play(env, first, [UP, LEFT])
    np.testing.assert_array_equal(state.cells, first.cells)
    assert (rewards, ends, int(state.time)) == ([-0.25, -0.25], [False, False], 2)


def test_the_limit_is_a_true_end_and_an_earlier_cut_is_none():
    env = SlidingTiles(distance=31)
    params = env.default_params
    assert (env.move_limit, params.max_steps_in_episode) == (62, 63)
    first = env.start([[8, 6, 7], [2, 5, 4], [3, 0, 1]])
    state, rewards, ends = play(env, first, [LEFT, RIGHT] * 31)
    assert ends == [False] * 61 + [True]
    assert sum(rewards) == pytest.approx(-1)
    assert not env.is_solved(state)
    assert not env.is_truncated(state, params)
    assert env.is_truncated(state, params.replace(max_steps_in_episode=62))
    assert not env.is_terminated(state.replace(time=61), params)


def test_observation_of_a_hand_case():
    env = SlidingTiles(rows=2, columns=2, distance=2, limit=4)
    state = env.start([[1, 0], [3, 2]]).replace(time=jnp.int32(1))
    told = env.observe(KEY, state, None, env.default_params)
    expected = [*(0, 1, 0, 0), *(1, 0, 0, 0), *(0, 0, 0, 1), *(0, 0, 1, 0), 0.75]
    np.testing.assert_array_equal(told, np.array(expected, np.float32))
    assert told.shape == env.observation_space(env.default_params).shape


@pytest.mark.parametrize(
    ("distance", "limit"), [(1, 2), (14, 28), ((1, 16), 32), (None, 62)], ids=str
)
def test_the_limit_follows_the_distance(distance, limit):
    assert SlidingTiles(distance=distance).move_limit == limit
    assert SlidingTiles(distance=distance, limit=40).move_limit == 40


def test_the_limit_without_known_distances_is_ten_moves_a_cell():
    assert SlidingTiles(rows=4, columns=4, distance=None).move_limit == 160


@pytest.mark.parametrize("distance", [3, 14, 31])
def test_first_boards_have_the_chosen_distance_and_all_are_drawn(distance):
    env = SlidingTiles(distance=distance)
    cells = first_boards(env)
    assert (distance_of(env, cells) == distance).all()
    boards, _ = list_boards(3, 3).within(distance, distance)
    drawn, counts = np.unique(cells, axis=0, return_counts=True)
    if distance == 14:  # a share of exp(-2000 / 1893) is expected never to be drawn
        assert 0.6 < len(drawn) / len(boards) < 0.7
    else:
        assert sorted(drawn.tolist()) == sorted(boards.tolist())
        mean = MANY / len(boards)
        assert (abs(counts - mean) < 6 * np.sqrt(mean)).all()


def test_each_distance_of_a_range_is_drawn_alike():
    env = SlidingTiles(distance=(2, 21))
    counts = np.bincount(distance_of(env, first_boards(env)), minlength=22)
    assert counts.size == 22
    assert not counts[:2].any()
    assert (abs(counts[2:] - MANY / 20) < 6 * np.sqrt(MANY / 20)).all()


def test_without_a_distance_all_boards_but_the_goal_are_drawn_alike():
    env = SlidingTiles(rows=2, columns=2, distance=None)
    cells = first_boards(env)
    drawn, counts = np.unique(cells, axis=0, return_counts=True)
    assert sorted(drawn.tolist()) == sorted(list_boards(2, 2).cells[1:].tolist())
    assert (abs(counts - MANY / 11) < 6 * np.sqrt(MANY / 11)).all()


@pytest.mark.parametrize("distance", [None, 20], ids=["any", "walk"])
def test_first_boards_of_the_fifteen_puzzle_can_be_solved(distance):
    env = SlidingTiles(rows=4, columns=4, distance=distance)
    cells = first_boards(env)
    assert (np.sort(cells, axis=1) == np.arange(16)).all()
    assert is_solvable(cells, 4).all()
    places = manhattan_distances(4, 4)[cells, np.arange(16)].sum(axis=1)
    assert (places > 0).all()
    if distance:
        assert (places <= distance).all()
        assert (places % 2 == distance % 2).all()
    else:
        assert abs(places.mean() - 37) < 1  # 2.5 for each of 16 cells, less 3 for the last


@pytest.mark.parametrize("count", [5, 12])
def test_a_walk_never_takes_its_last_move_back_nor_ends_at_the_goal(count):
    draw = jax.jit(jax.vmap(lambda key: starts.draw_walk(key, (3, 3), count, count)))
    cells = np.asarray(draw(jax.random.split(KEY, MANY)))
    told = sliding_tiles_distance(cells.reshape(-1, 3, 3))
    # The shortest way round leads back after twelve moves, so shorter walks are shortest ways.
    assert (told == 5).all() if count == 5 else (told % 2 == 0).all()
    assert told.max() == count
    assert told.min() > 0


def test_greedy_takes_the_move_that_brings_tiles_home_and_the_first_of_equals():
    env = SlidingTiles()
    params = env.default_params
    assert env.greedy_action(env.start([[1, 2, 3], [4, 5, 0], [7, 8, 6]]), params) == DOWN
    # Both 4, below the blank's left, and 5 would come home: right before left.
    assert env.greedy_action(env.start([[1, 2, 3], [5, 0, 4], [7, 8, 6]]), params) == RIGHT
    # No move helps: the first that is legal.
    assert env.greedy_action(env.start([[1, 2, 3], [4, 5, 6], [7, 8, 0]]), params) == UP


def test_greedy_lowers_the_manhattan_distance_wherever_a_move_does():
    env = SlidingTiles(rows=2, distance=None, limit=40)
    params = env.default_params
    boards = list_boards(2, 3).cells
    states = jax.vmap(env.start)(jnp.asarray(boards))
    places = manhattan_distances(2, 3)

    def after(action):
        actions = jnp.broadcast_to(jnp.asarray(action), len(boards))
        _, state, _, _, _ = lanes(env, "step_env")(KEY, states, actions, params)
        return places[np.asarray(state.cells), np.arange(6)].sum(axis=1)

    invalid = np.asarray(lanes(env, "invalid_actions")(states, params))
    every = np.where(invalid, 99, np.stack([after(action) for action in range(4)], axis=1))
    greedy = np.asarray(lanes(env, "greedy_action")(states, params))
    unsolved = np.arange(len(boards)) > 0  # the first is the goal, from which nothing moves
    np.testing.assert_array_equal(greedy[unsolved], every.argmin(axis=1)[unsolved])


def test_the_optimal_return_is_that_of_the_best_move_in_every_state():
    params = SMALL.default_params
    states = small_states()
    value = np.asarray(lanes(SMALL, "optimal_return")(states, params))
    over = np.asarray(lanes(SMALL, "is_terminated")(states, params))
    assert (value[over] == 0).all()
    best = np.full(len(value), -np.inf)
    for action in range(4):
        actions = jnp.full(len(value), action)
        _, after, reward, _, _ = lanes(SMALL, "step_env")(KEY, states, actions, params)
        best = np.maximum(best, reward + lanes(SMALL, "optimal_return")(after, params))
    np.testing.assert_allclose(value[~over], best[~over], atol=1e-6)
    # From the first boards: all moves but the last cost a fifth each.
    first = value[: len(list_boards(2, 3).cells)]
    distance = distance_of(SMALL, list_boards(2, 3).cells)
    np.testing.assert_allclose(first[1:], -np.minimum(distance[1:] - 1, 5) / 5, rtol=1e-6)


def test_every_board_is_listed_at_every_time():
    params = SMALL.default_params
    first = SMALL.start(list_boards(2, 3).cells[7])
    listed = jax.jit(SMALL.enumerate_states)(first, params)
    rows = np.column_stack([listed.time, listed.cells])
    assert len(np.unique(rows, axis=0)) == len(rows) == 360 * 6
    assert set(np.asarray(listed.time).tolist()) == set(range(6))
    np.testing.assert_array_equal(listed.blank, np.argmin(listed.cells, axis=1))
    types = jax.tree.map(lambda leaf: leaf.dtype, first)
    assert jax.tree.map(lambda leaf: leaf.dtype, listed) == types


def test_states_are_listed_on_small_boards_only():
    assert offers(SlidingTiles(rows=2, distance=None, limit=181), Enumerable)
    assert offers(envs.adapt(SlidingTiles(rows=2, limit=40)), Enumerable)
    for env in (SlidingTiles(), SlidingTiles(rows=2, limit=182)):
        assert not offers(env, Enumerable)
        assert not offers(envs.adapt(env), Enumerable)
    with pytest.raises(InputError, match=r"^the board is 3 x 3 and limit 32: expected at most 65"):
        SlidingTiles().enumerate_states(SMALL.start([1, 2, 3, 4, 5, 0]), None)


def test_the_checker_finds_nothing():
    report = envs.check(SMALL, steps=64)
    assert report.ok, str(report)
    notes = " ".join(report.notes)
    for note in ("terminal states absorb", "it looks deterministic"):
        assert note in notes
    for note in ("the oracle refuses", "what the observation hides"):
        assert note not in notes


def flat_network(params, observation):
    """All actions alike, every position worth nothing."""
    batch = observation.shape[0]
    return rrplan.Evaluation(jnp.zeros((batch, 4)), jnp.zeros(batch), jnp.zeros((batch, 1)))


def test_the_oracle_bounds_every_fixed_k_and_reaches_the_optimum():
    environment, params = envs.adapt(SMALL), SMALL.default_params
    planner = rrplan.Planner(environment, params, flat_network, (), max_simulations=24)
    given = {"key": KEY, "episodes": 16, "num_lanes": 16}
    table = oracle.tabulate(planner, **given)
    for price in (0.0, 3e-3):
        best = oracle.solve(table, price)
        for k in (0, 4, 24):
            episodes = rrplan.evaluate(
                planner, metapolicies.fixed(), jnp.int32(k), costs=rrplan.Costs(price), **given
            )
            played = oracle.replay(table, k).untimed_return
            np.testing.assert_allclose(played, episodes.untimed_return, atol=1e-6)
            assert (episodes.timed_return <= best.timed_return + 1e-6).all()
    # With hindsight the best move is found everywhere, as some k tries it.
    free = oracle.solve(table, 0.0)
    first = table.graph.state[table.graph.first]
    states = jax.tree.map(lambda leaf: leaf[first], small_states())
    optimum = lanes(SMALL, "optimal_return")(states, params)
    np.testing.assert_allclose(free.untimed_return, optimum, atol=1e-6)
    assert oracle.replay(table, 0).untimed_return.mean() < optimum.mean() - 0.1


def test_equal_arguments_make_equal_objects():
    assert SlidingTiles(distance=[3, 5]) == SlidingTiles(distance=(3, 5))
    assert SlidingTiles(distance=(5, 5)) == SlidingTiles(distance=5)
    assert hash(SlidingTiles(distance=[3, 5])) == hash(SlidingTiles(distance=(3, 5)))
    assert SlidingTiles(distance=5) != SlidingTiles(distance=6)


def test_it_is_made_by_name_with_options():
    env, params = envs.make("sliding_tiles", rows=2, distance=21, max_steps_in_episode=7)
    assert env == SlidingTiles(rows=2, distance=21)
    assert params.max_steps_in_episode == 7
    with pytest.raises(InputError, match="'distanse': did you mean 'distance'"):
        envs.make("sliding_tiles", distanse=3)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"rows": 1}, "rows is 1: expected a whole number from 2 to 8"),
        ({"columns": 100_000}, "columns is 100000: expected a whole number from 2 to 8"),
        ({"rows": 3.0}, "rows is 3.0: expected a whole number from 2 to 8"),
        (
            {"distance": 32},
            "distance is 32: expected a whole number from 1 to 31, the largest distance on 3 x 3",
        ),
        (
            {"rows": 2, "distance": (1, 22)},
            "distance is 22: expected a whole number from 1 to 21, the largest distance on 2 x 3",
        ),
        (
            {"rows": 4, "columns": 4, "distance": 0},
            "distance is 0: expected a whole number from 1 to 1000",
        ),
        ({"distance": (9, 3)}, "distance is (9, 3): expected the smaller first, (3, 9)"),
        (
            {"distance": (1, 2, 3)},
            "distance is (1, 2, 3): expected a whole number, or two with the smaller first",
        ),
        (
            {"distance": 14, "limit": 13},
            "limit is 13: expected a whole number from 14 to 1000000, no less than the distance",
        ),
        (
            {"distance": None, "limit": "long"},
            "limit is 'long': expected a whole number from 1 to 1000000",
        ),
    ],
)
def test_bad_arguments_get_one_clear_line(kwargs, message):
    for build in (SlidingTiles, functools.partial(envs.make, "sliding_tiles")):
        with pytest.raises(InputError) as caught:
            build(**kwargs)
        assert str(caught.value).removeprefix("environment 'sliding_tiles': ") == message
