"""Steps by hand, steps against Sokoban in plain Python, what is seen, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import envs
from envs import Sokoban, make
from envs.puzzles.sokoban import as_bank, dead_squares, parse_level, solve, to_image
from envs.puzzles.sokoban.tiles import PLANES
from rrplan.capabilities import Masked, offers
from rrplan.errors import InputError
from rrplan.models.static_leaves import find_division
from tests.envs.puzzles.sokoban.made_up import Plain

UP, DOWN, LEFT, RIGHT = range(4)
KEY = jax.random.key(0)
ENV, LEVELS, LONGEST = Sokoban(num_levels=64), 64, 40
PARAMS = ENV.default_params
STEP, INVALID, OBSERVE = map(jax.jit, (ENV.step_env, ENV.invalid_actions, ENV.observe))

# Levels by hand have five rows, seven columns and two boxes, so that they share one program.
FIRST = "#######\n#@$.. #\n# $   #\n#     #\n#######"
BOTTOM = "#######\n# $.. #\n# $   #\n#    @#\n#######"
PAIR = "#######\n#@$$..#\n#     #\n#     #\n#######"
AT_A_WALL = "#######\n#@$#..#\n# $   #\n#     #\n#######"
WALLED_IN = "#######\n#@#$..#\n### $ #\n#     #\n#######"
PLACED = "#######\n#+$*  #\n#     #\n#     #\n#######"


@jax.jit
@jax.vmap
def roll(level, actions):
    """Return all states, rewards, masks and observations on the way of some actions."""

    def step(state, action):
        observation, state, reward, solved, _ = ENV.step_env(KEY, state, action, PARAMS)
        told = reward, solved, ENV.invalid_actions(state, PARAMS), observation
        return state, (state, *told)

    return jax.lax.scan(step, ENV.begin_level(level, PARAMS), actions)[1]


def begin(text):
    """Return the first state of a level by hand."""
    bank = as_bank(parse_level(text)[None])
    given = {f"level_{name}": leaf for name, leaf in bank._asdict().items()}
    return ENV.begin_level(0, PARAMS.replace(**given))


def play(state, *actions):
    """Return the last state, the rewards, and whether it was solved at the end."""
    rewards, solved = [], False
    for action in actions:
        _, state, reward, solved, _ = STEP(KEY, state, jnp.int32(action), PARAMS)
        rewards.append(float(reward))
    return state, rewards, bool(solved)


def test_onto_a_target_along_targets_and_off_again():
    state, rewards, solved = play(begin(FIRST), RIGHT, RIGHT)
    np.testing.assert_allclose(rewards, [0.99, -0.01], atol=1e-6)
    assert ENV.render_text(state) == "#######\n#  +* #\n# $   #\n#     #\n#######"
    state, rewards, solved = play(state, RIGHT, LEFT)
    np.testing.assert_allclose(rewards, [-1.01, -0.01], atol=1e-6)
    assert ENV.render_text(state) == "#######\n#  +.$#\n# $   #\n#     #\n#######"
    assert (int(state.time), solved) == (4, False)


def test_the_last_box_pays_ten_more_and_ends_it():
    nearly = begin("#######\n#@$.* #\n#     #\n#     #\n#######")
    state, rewards, solved = play(nearly, RIGHT)
    np.testing.assert_allclose(rewards, [10.99], rtol=1e-6)
    assert solved
    assert not ENV.is_truncated(state, PARAMS)


def test_rewards_are_parameters():
    params = PARAMS.replace(step_reward=-0.5, box_reward=3.0, solved_reward=7.0)
    nearly = begin("#######\n#@$.* #\n#     #\n#     #\n#######")
    assert STEP(KEY, nearly, jnp.int32(RIGHT), params)[2] == 9.5
    assert STEP(KEY, nearly, jnp.int32(DOWN), params)[2] == -0.5


@pytest.mark.parametrize(
    ("text", "blocked"),
    [
        (FIRST, [UP, LEFT]),  # what lies two steps away is outside of the level
        (BOTTOM, [DOWN, RIGHT]),
        (PAIR, [UP, LEFT, RIGHT]),  # two boxes in a row
        (AT_A_WALL, [UP, LEFT, RIGHT]),
        (PLACED, [UP, LEFT, RIGHT]),
        (WALLED_IN, [UP, DOWN, LEFT, RIGHT]),
    ],
)
def test_a_blocked_step_takes_time_and_moves_nothing(text, blocked):
    state = begin(text)
    for action in range(4):
        after, rewards, _ = play(state, action)
        assert int(after.time) == 1
        moved = int(after.player) != int(state.player)
        assert moved == (action not in blocked)
        if not moved:
            assert rewards == [pytest.approx(-0.01)]
            jax.tree.map(np.testing.assert_array_equal, after.replace(time=state.time), state)
    # Where nothing can be done, everything may be tried.
    expected = [action in blocked and len(blocked) < 4 for action in range(4)]
    np.testing.assert_array_equal(INVALID(state, PARAMS), expected)


def test_without_the_mask_every_action_is_legal():
    free = Sokoban(num_levels=64, mask_blocked=False)
    assert offers(ENV, Masked)
    assert not offers(free, Masked)
    assert not envs.adapt(free).invalid_actions(begin(FIRST), PARAMS).any()


@settings(max_examples=20)
@given(data=st.data())
def test_steps_are_those_of_plain_python(data):
    level = data.draw(st.integers(0, LEVELS - 1))
    actions = data.draw(st.lists(st.integers(0, 3), min_size=LONGEST, max_size=LONGEST))
    told = roll(jnp.array([level]), jnp.array([actions]))
    states, rewards, solved, invalid, observations = jax.tree.map(lambda leaf: leaf[0], told)
    now = Plain.read(ENV.render_text(ENV.begin_level(level, PARAMS)))
    for time, action in enumerate(actions):
        placed = len(now.boxes & now.targets)
        now, _ = now.step(action)
        state = jax.tree.map(lambda leaf, t=time: leaf[t], states)
        assert Plain.read(ENV.render_text(state)) == now
        assert int(state.time) == time + 1
        assert (np.diff(state.boxes) > 0).all()
        gained = len(now.boxes & now.targets) - placed
        np.testing.assert_allclose(rewards[time], -0.01 + gained + 10 * now.solved, atol=1e-5)
        assert solved[time] == now.solved
        stuck = [now.step(a)[0] == now for a in range(4)]
        np.testing.assert_array_equal(invalid[time], stuck)
        characters = np.array([list(row) for row in ENV.render_text(state).split("\n")])
        expected = np.stack([characters == character for character in PLANES], axis=-1)
        np.testing.assert_array_equal(observations[time], expected)


def test_solutions_earn_what_their_length_says():
    first = jax.vmap(ENV.begin_level, (0, None))(jnp.arange(LEVELS), PARAMS)
    states = [jax.tree.map(lambda leaf, i=i: leaf[i], first) for i in range(LEVELS)]
    solutions = [solve(ENV.to_grid(state), "moves") for state in states]
    assert max(solution.moves for solution in solutions) <= LONGEST
    actions = np.full((LEVELS, LONGEST), UP)
    for row, solution in zip(actions, solutions, strict=True):
        row[: solution.moves] = solution.actions
    _, rewards, solved, _, _ = roll(jnp.arange(LEVELS), jnp.asarray(actions))
    for row, ends, solution in zip(np.asarray(rewards), solved, solutions, strict=True):
        assert ends.argmax() == solution.moves - 1
        expected = 2 + 10 - 0.01 * solution.moves
        np.testing.assert_allclose(row[: solution.moves].sum(), expected, rtol=1e-5)


def test_an_episode_is_cut_at_the_limit():
    state = begin(FIRST)
    assert not ENV.is_truncated(state.replace(time=119), PARAMS)
    assert ENV.is_truncated(state.replace(time=120), PARAMS)
    short = Sokoban(max_steps_in_episode=3, num_levels=64).default_params
    assert ENV.is_truncated(state.replace(time=3), short)


def test_what_is_seen_lies_in_its_space():
    observation = OBSERVE(KEY, begin(PLACED), None, PARAMS)
    assert observation.shape == (5, 7, 6)
    assert observation.dtype == jnp.float32
    assert ENV.observation_space(PARAMS).shape == (7, 7, 6)
    # A box off and one on its target, no empty target, the player on the other one.
    assert observation.sum(axis=(0, 1)).tolist() == [20, 0, 1, 1, 0, 1]


def test_dead_squares_are_a_plane_of_their_own():
    env = Sokoban(num_levels=64, show_dead=True)
    assert env.observation_space(PARAMS).shape == (7, 7, 7)
    for text in (FIRST, PLACED):
        state = begin(text)
        observation = env.observe(KEY, state, None, PARAMS)
        np.testing.assert_array_equal(observation[..., 6], dead_squares(parse_level(text)))
        np.testing.assert_array_equal(
            observation[..., :6], OBSERVE(KEY, state, None, PARAMS).astype(bool)
        )


def test_a_reset_draws_every_level_of_the_bank():
    reset = jax.jit(jax.vmap(ENV.reset_env, (0, None)))
    observation, states = reset(jax.random.split(KEY, 1000), PARAMS)
    drawn = np.unique(states.level)
    np.testing.assert_array_equal(drawn, np.arange(LEVELS))
    again = jax.vmap(ENV.begin_level, (0, None))(states.level, PARAMS)
    jax.tree.map(np.testing.assert_array_equal, again, states)
    np.testing.assert_array_equal(
        observation[0], OBSERVE(KEY, ENV.begin_level(states.level[0], PARAMS), None, PARAMS)
    )


def test_a_search_tree_keeps_neither_walls_nor_targets():
    division = find_division(envs.adapt(ENV), PARAMS)
    moving, still = division.divide(ENV.begin_level(0, PARAMS))
    assert sum(leaf.nbytes for leaf in moving) == 16  # time, player and two boxes
    assert [leaf.shape for leaf in still] == [(7, 7), ()]


def test_pictures_show_the_state():
    state = begin(PLACED)
    np.testing.assert_array_equal(ENV.render_image(state), to_image(parse_level(PLACED)))


def test_the_checker_finds_nothing():
    env = Sokoban(rows=5, columns=5, num_boxes=1, num_levels=30, max_steps_in_episode=6)
    report = envs.check(env)
    assert report.ok, str(report)
    assert not any("oracle" in note for note in report.notes)


def test_options_reach_constructor_and_parameters():
    env, params = make("sokoban", rows=6, num_levels=10, max_steps_in_episode=30, step_reward=-0.1)
    assert env == Sokoban(rows=6, columns=7, num_levels=10, max_steps_in_episode=30)
    assert (params.max_steps_in_episode, params.step_reward) == (30, -0.1)
    assert params.level_tiles.shape == (10, 6, 7)
    assert hash(env) == hash(Sokoban(rows=6, num_levels=10, max_steps_in_episode=30))
    assert Sokoban() == Sokoban(rows=7, columns=7, num_boxes=2) != Sokoban(rows=8)


WRONG = [
    ({"rows": 0}, "rows is 0: expected at least 3"),
    ({"rows": 2.5}, "rows is 2.5: expected a whole number from 3 on"),
    ({"columns": 100000}, "columns is 100000: expected at most 50"),
    (
        {"rows": 3, "columns": 4},
        "rows and columns are 3 and 4: expected at least 3 cells inside the border, such as 3 and "
        "5",
    ),
    ({"num_boxes": 0}, "num_boxes is 0: expected at least 1"),
    ({"num_boxes": True}, "num_boxes is True: expected a whole number from 1 on"),
    ({"num_boxes": 13}, "num_boxes is 13: expected at most 12 in a level of 7 x 7"),
    ({"num_levels": 0}, "num_levels is 0: expected at least 1"),
    ({"num_levels": 10**7}, "num_levels is 10000000: expected at most 1000000"),
    ({"level_seed": -1}, "level_seed is -1: expected at least 0"),
    (
        {"max_steps_in_episode": "many"},
        "max_steps_in_episode is 'many': expected a whole number from 1 on",
    ),
    ({"mask_blocked": "no"}, "mask_blocked is 'no', expected True or False"),
    ({"level_player": 3}, "level_player is 3, expected an array of shape (16384,)"),
    (
        {"num_boxes": 12},
        "num_boxes is 12: none of 4096 random rooms of 7 x 7 held a level with so many boxes; "
        "expected fewer boxes, or more rows and columns",
    ),
]


@pytest.mark.parametrize(("kwargs", "message"), WRONG)
def test_bad_options_get_one_clear_line(kwargs, message):
    with pytest.raises(InputError) as caught:
        make("sokoban", **kwargs)
    assert str(caught.value) == f"environment 'sokoban': {message}"


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(InputError, match="'num_boxs': did you mean 'num_boxes'"):
        make("sokoban", num_boxs=3)
