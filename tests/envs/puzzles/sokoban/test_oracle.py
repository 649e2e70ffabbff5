"""All states of small levels: the oracle takes them, and finds what the solver finds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
import rrplan
from agents import metapolicies
from envs import Sokoban
from envs.puzzles.sokoban import listing, solve
from envs.puzzles.sokoban.environment import MAX_LISTED
from rrplan import oracle
from rrplan.errors import InputError

KEY = jax.random.key(3)
EPISODES, LARGEST, LIMIT = 6, 8, 9
ENV = Sokoban(rows=5, columns=6, num_boxes=1, num_levels=40, max_steps_in_episode=LIMIT)


def know_nothing(params, observation):
    """Evaluate every position alike, so that two programs cannot differ in a last digit."""
    lanes = observation.shape[0]
    return rrplan.Evaluation(jnp.zeros((lanes, 4)), jnp.zeros(lanes), jnp.zeros((lanes, 1)))


PLANNER = rrplan.Planner(
    envs.adapt(ENV), ENV.default_params, know_nothing, (), max_simulations=LARGEST
)


@pytest.fixture(scope="module")
def table():
    return oracle.tabulate(PLANNER, key=KEY, episodes=EPISODES, num_lanes=EPISODES)


def first_grids(graph):
    """Return the level that each instance starts with."""
    keys = rrplan.keys.draw(KEY, graph.ids, rrplan.keys.Domain.RESET)
    states = jax.vmap(PLANNER.environment.reset, (0, None))(keys, PLANNER.env_params)[0]
    alone = [jax.tree.map(lambda leaf, i=i: leaf[i], states) for i in range(EPISODES)]
    return [ENV.to_grid(state) for state in alone]


def best_values(graph):
    """Return the best return from every node on, by backward induction over its actions."""
    value = np.zeros(len(graph.height) + 2)  # two more, where an end and illegal actions lead
    for node in np.argsort(graph.height):
        legal = ~graph.invalid_actions[node]
        value[node] = (graph.reward[node] + value[graph.following[node]])[legal].max()
    return value[:-2]


def test_the_best_return_is_that_of_the_solver(table):
    value = best_values(table.graph)[table.graph.first]
    for best, grid in zip(value, first_grids(table.graph), strict=True):
        moves = solve(grid, "moves").moves
        assert moves <= LIMIT
        np.testing.assert_allclose(best, 1 + 10 - 0.01 * moves, rtol=1e-5)


def test_the_oracle_replays_and_bounds_every_fixed_k(table):
    solutions = {price: oracle.solve(table, price) for price in (0.0, 1e-3, 5.0)}
    for k in (0, 3, LARGEST):
        episodes = rrplan.evaluate(
            PLANNER, metapolicies.fixed(), jnp.int32(k), key=KEY, episodes=EPISODES
        )
        played = oracle.replay(table, k)
        np.testing.assert_array_equal(played.untimed_return, episodes.untimed_return)
        for price, solution in solutions.items():
            timed = episodes.untimed_return - price * episodes.simulations
            assert (timed <= solution.timed_return + 1e-5).all()
    assert solutions[0.0].untimed_return.max() > 10  # it solves one
    assert solutions[5.0].simulations.sum() < solutions[0.0].simulations.sum()


def test_what_is_listed_is_every_time_player_and_set_of_boxes():
    times, players, boxes = listing.positions(4, 2, 3)
    assert len(times) == listing.count(4, 2, 3) == 4 * 4 * 6
    told = set(map(tuple, np.column_stack([times, players, boxes]).tolist()))
    assert len(told) == len(times)
    assert (np.diff(boxes, axis=1) > 0).all()
    assert (times.max(), players.max(), boxes.max()) == (3, 3, 3)


def test_states_stand_on_the_floor_of_their_level():
    state = ENV.begin_level(3, ENV.default_params)
    listed = jax.jit(ENV.enumerate_states)(state, ENV.default_params)
    assert len(listed.time) == ENV.num_listed
    floor = np.flatnonzero(np.asarray(state.tiles) & 1 == 0)
    assert set(np.unique(listed.player)) >= set(floor)
    wall = ENV.rows * ENV.columns - 1  # fills up the list, as other levels have more floor
    assert set(np.unique(listed.boxes)) <= {*floor.tolist(), wall}


def test_large_levels_are_not_listed():
    small = Sokoban(num_boxes=1, num_levels=200, max_steps_in_episode=30)
    assert 10_000 < small.num_listed < MAX_LISTED
    large = Sokoban(num_levels=200)
    planner = PLANNER._replace(environment=envs.adapt(large), env_params=large.default_params)
    with pytest.raises(InputError) as caught:
        oracle.tabulate(planner, key=KEY, episodes=2)
    assert str(caught.value) == (
        f"levels of this size have {large.num_listed} states each: expected at most {MAX_LISTED} "
        "to list them all; try fewer boxes, or a smaller max_steps_in_episode"
    )
