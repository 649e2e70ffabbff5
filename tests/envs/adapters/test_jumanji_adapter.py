"""jumanji's environments as gymnax ones: keys, time limits, masks, actions of several parts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
from envs.adapters.jumanji_adapter import from_jumanji
from rrplan.capabilities import Masked, offers
from rrplan.errors import InputError
from tests.envs.adapters import stand_ins

LEFT, RIGHT = 0, 1


def play(env, actions, params=None):
    """Return the steps of an episode: observation, state, reward, terminated and truncated."""
    params = env.default_params if params is None else params
    _, state = env.reset_env(jax.random.key(0), params)
    steps = []
    for index, action in enumerate(actions):
        key = jax.random.key(index)
        observation, state, reward, over, _ = env.step_env(key, state, action, params)
        cut = env.is_truncated(state, params)
        steps.append((observation, state, float(reward), bool(over), bool(cut)))
    return steps


def ends(env, actions, params=None):
    """Return after which step an episode was over, and after which only cut: -1 for never."""
    steps = play(env, actions, params)
    over, cut = np.array([step[3:] for step in steps]).T
    return [int(flags.argmax()) if flags.any() else -1 for flags in (over, cut & ~over)]


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([RIGHT, RIGHT], [1, -1]),  # at the goal before the limit
        ([LEFT, RIGHT, RIGHT, RIGHT], [3, -1]),  # at the goal with the last step that there is
        ([LEFT, RIGHT, LEFT, RIGHT], [-1, 3]),  # elsewhere when the time is over
    ],
)
@pytest.mark.parametrize("kind", [stand_ins.Walk, stand_ins.Truncating])
def test_the_end_of_the_time_is_told_from_a_true_end(kind, actions, expected):
    assert ends(from_jumanji(kind()), actions) == expected


def test_the_parameters_have_a_limit_of_their_own():
    env = from_jumanji(stand_ins.Walk())
    assert env.default_params.max_steps_in_episode == 4
    assert ends(env, [LEFT] * 4, env.default_params.replace(max_steps_in_episode=2)) == [-1, 1]
    assert from_jumanji(stand_ins.Truncating()).default_params.max_steps_in_episode == 100_000


def test_chance_is_drawn_from_the_key_of_the_step_alone():
    env = from_jumanji(stand_ins.Walk(start=2, dice=True))
    params = env.default_params
    starts = [env.reset_env(jax.random.key(seed), params)[1] for seed in (1, 2)]
    keys = jax.random.split(jax.random.key(3), 64)
    throw = jax.vmap(lambda key, state: env.step_env(key, state, RIGHT, params)[2], (0, None))
    first, second = (throw(keys, start) for start in starts)
    assert set(first.tolist()) == {1, 2, 3, 4, 5, 6}
    # The key that an episode began with decides nothing of what comes later.
    np.testing.assert_array_equal(first, second)
    names = [str(path) for path, _ in jax.tree_util.tree_leaves_with_path(starts[0])]
    assert not any("key" in name for name in names)
    assert len(names) == 6  # time, position, luck, step_count, legal, cut


def test_a_key_may_be_old_or_new():
    env = from_jumanji(stand_ins.Walk(start=2, dice=True))
    state = env.reset_env(jax.random.PRNGKey(0), env.default_params)[1]
    pays = [
        env.step_env(key, state, RIGHT, env.default_params)[2]
        for key in (jax.random.PRNGKey(5), jax.random.key(5))
    ]
    assert pays[0] == pays[1]


def test_the_mask_is_that_of_the_observation():
    env = from_jumanji(stand_ins.Walk())
    _, state, *_ = play(env, [LEFT])[0]
    assert env.invalid_actions(state, env.default_params).tolist() == [True, False]
    assert offers(env, Masked)


def test_where_nothing_is_legal_everything_is():
    env = from_jumanji(stand_ins.Closed())
    _, state = env.reset_env(jax.random.key(0), env.default_params)
    assert env.invalid_actions(state, env.default_params).tolist() == [False, False]


def test_parts_of_an_action_are_one_choice():
    env = from_jumanji(stand_ins.Faces())
    assert env.num_actions == 6
    assert not offers(env, Masked)
    parts = [env.choice.action(jnp.int32(index)).tolist() for index in range(6)]
    assert parts == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]]
    # From 1 on, the goal is 3: the first part less the second must be 2.
    assert [play(env, [index])[0][3] for index in range(6)] == [index == 4 for index in range(6)]


@pytest.mark.parametrize(
    ("sizes", "mask", "legal"),
    [
        ((2, 2), [[1, 0], [1, 1]], [1, 0, 1, 1]),  # a value for each combination
        ((2, 3), [[1, 0, 1], [0, 1, 0]], [1, 0, 1, 0, 1, 0]),
        ((2, 2, 2), [[1, 0], [1, 1], [0, 1]], [0, 1, 0, 1, 0, 0, 0, 0]),  # for each part's values
    ],
)
def test_masks_of_parts_are_told_for_each_action(sizes, mask, legal):
    env = from_jumanji(stand_ins.Faces(np.array(mask, bool), sizes))
    _, state = env.reset_env(jax.random.key(0), env.default_params)
    assert (~env.invalid_actions(state, env.default_params)).tolist() == [bool(x) for x in legal]


def with_spec(spec):
    game = stand_ins.Walk()
    game.action_spec = spec
    return game


@pytest.mark.parametrize(
    ("game", "line"),
    [
        (
            stand_ins.Faces(reward_shape=(2,)),
            "its reward has shape (2,): expected one number, games of several agents are not "
            "adapted",
        ),
        (
            stand_ins.Faces(hidden_key=True),
            "its state holds random keys beside 'key', luck['rng_key']: a search would foresee "
            "what is drawn from them",
        ),
        (
            stand_ins.Faces(sizes=(21, 21, 21)),
            "it has 9,261 actions, 21 x 21 x 21: expected at most 1,024, because a search gives "
            "each its place",
        ),
        (
            stand_ins.Faces(np.ones((4, 2), bool)),
            "its action_mask has shape (4, 2): expected (3, 2), a value for each action",
        ),
        (
            with_spec(stand_ins.bounded((2,), 0.0, 1.0, float)),
            "its actions are a Spec of shape (2,): expected a DiscreteArray, or a "
            "MultiDiscreteArray with one dimension",
        ),
    ],
)
def test_what_cannot_be_adapted_is_refused_in_one_line(game, line):
    with pytest.raises(InputError) as caught:
        from_jumanji(game)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("game", "note"),
    [
        (stand_ins.Walk(), "it looks deterministic"),
        (stand_ins.Walk(dice=True), "it is stochastic"),
        (stand_ins.Faces(), "it has no invalid_actions"),
    ],
)
def test_the_check_finds_nothing(game, note):
    report = envs.check(from_jumanji(game), steps=60)
    assert report.problems == ()
    assert any(note in found for found in report.notes)
