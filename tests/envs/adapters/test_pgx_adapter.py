"""pgx's games for one player as gymnax environments."""

import jax
import numpy as np
import pytest

import envs
from envs.adapters.pgx_adapter import from_pgx
from rrplan.capabilities import Observable, offers
from rrplan.errors import InputError
from tests.envs.adapters import stand_ins

ADD, STOP = 0, 1


def test_the_state_holds_no_observation_which_any_state_gives_again():
    environment = envs.adapt(env := from_pgx(stand_ins.Doubling()))
    params = env.default_params
    state, observation = environment.reset(jax.random.key(0), params)
    assert state.inner.observation is None
    assert offers(environment, Observable)
    for index in range(3):
        after = environment.step(jax.random.key(index), state, ADD, params)
        state, observation = after.state, after.observation
        assert state.inner.observation is None
        again = environment.observe_state(jax.random.key(9), state, params)
        np.testing.assert_array_equal(observation, again)
        assert observation.tolist() == np.eye(8)[int(state.inner.tile)].tolist()


def test_chance_is_drawn_from_the_key_of_the_step():
    env = from_pgx(stand_ins.Doubling())
    _, state = env.reset_env(jax.random.key(1), env.default_params)
    keys = jax.random.split(jax.random.key(0), 32)
    step = jax.vmap(lambda key: env.step_env(key, state, ADD, env.default_params)[1].inner.tile)
    assert set((step(keys) - state.inner.tile).tolist()) == {1, 2}


def test_rewards_ends_and_masks_are_the_players():
    env = from_pgx(stand_ins.Doubling())
    params = env.default_params
    _, state = env.reset_env(jax.random.key(0), params)
    _, state, reward, over, _ = env.step_env(jax.random.key(0), state, ADD, params)
    assert (float(reward), bool(over)) == (0.0, False)
    assert env.invalid_actions(state, params).tolist() == [False, False]
    _, after, reward, over, _ = env.step_env(jax.random.key(0), state, STOP, params)
    assert (float(reward), bool(over)) == (float(state.inner.tile), True)
    assert not env.is_truncated(after, params)
    assert env.is_truncated(after, params.replace(max_steps_in_episode=2))


def test_the_check_finds_nothing():
    report = envs.check(from_pgx(stand_ins.Doubling()), steps=60)
    assert report.problems == ()
    assert any("it is stochastic" in note for note in report.notes)
    assert any("terminal states absorb" in note for note in report.notes)


def test_a_game_of_two_is_refused_in_one_line():
    with pytest.raises(InputError) as caught:
        from_pgx(stand_ins.ForTwo())
    assert str(caught.value) == (
        "it is a game of 2 players: expected one of one player, such as 'pgx:2048'"
    )
