"""PPO over semi-Markov meta-steps: advantages by hand, batches, prices, the network's start."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.metapolicies.heldout import draw_prices
from agents.metapolicies.learned import Choice
from agents.metapolicies.learned.config import MetaConfig, PPOConfig
from agents.metapolicies.learned.inputs import Inputs
from agents.metapolicies.learned.network import MetaNetwork
from agents.ppo import learner
from rrplan.engine.meta_steps import Looks
from rrplan.errors import InputError

CONFIG = PPOConfig(gamma=0.5, gae_lambda=0.9, looks_per_chunk=8, num_lanes=1, minibatches=1)
PER_ACT = dataclasses.replace(CONFIG, lambda_per="act")


def make_looks(count, reward, acts, ended, value):
    """One lane's record of four rows."""
    column = [jnp.asarray(leaf, jnp.float32)[:, None] for leaf in (reward, value)]
    none = jnp.zeros((4, 1), jnp.int32)
    inputs = Inputs(
        jnp.zeros((4, 1, 3, 0)), jnp.zeros((4, 1, 2)), jnp.ones((4, 1, 3), bool), none, none,
        column[1],
    )  # fmt: skip
    choice = Choice(inputs, none, 0.0 * column[0], column[1])
    acts, ended = jnp.asarray(acts, jnp.int32)[:, None], jnp.asarray(ended, bool)[:, None]
    return Looks(choice, column[0], acts, ended, jnp.array([count]))


def test_advantages_by_hand():
    """Think, act, act and end; the fourth row is open. γ = 0.5 at real steps, λ = 0.9 an ask."""
    looks = make_looks(4, [-0.1, 1.0, 2.0, 9.0], [0, 1, 1, 0], [0, 0, 1, 0], [1.0, 2.0, 3.0, 5.0])
    last = 2.0 - 3.0
    second = 1.0 + 0.5 * 3.0 - 2.0 + 0.5 * 0.9 * last
    first = -0.1 + 1.0 * 2.0 - 1.0 + 1.0 * 0.9 * second
    np.testing.assert_allclose(
        learner.advantages(looks, CONFIG)[:, 0], [first, second, last, 0], 1e-5
    )
    first = -0.1 + 2.0 - 1.0 + second  # thinking takes no λ
    np.testing.assert_allclose(
        learner.advantages(looks, PER_ACT)[:, 0], [first, second, last, 0], 1e-5
    )


def test_a_meta_step_of_several_real_steps_discounts_and_decays_with_each():
    looks = make_looks(3, [1.0, 2.0, 9.0, 9.0], [3, 1, 0, 0], [0, 1, 0, 0], [1.0, 2.5, 5.0, 5.0])
    second = 2.0 - 2.5
    first = 1.0 + 0.5**3 * 2.5 - 1.0
    second_by_look, second_by_act = 0.5**3 * 0.9 * second, 0.5**3 * 0.9**3 * second
    for settings, later in ((CONFIG, second_by_look), (PER_ACT, second_by_act)):
        expected = [first + later, second, 0, 0]
        np.testing.assert_allclose(learner.advantages(looks, settings)[:, 0], expected, 1e-5)


def test_the_open_meta_step_gives_its_value_and_nothing_else():
    looks = make_looks(2, [0.3, 99.0, 7.0, 7.0], [1, 0, 1, 1], [0, 0, 0, 0], [1.0, 2.0, 8.0, 8.0])
    expected = [0.3 + 0.5 * 2.0 - 1.0, 0, 0, 0]
    np.testing.assert_allclose(learner.advantages(looks, CONFIG)[:, 0], expected, 1e-5)
    batch = learner.to_batch(looks, CONFIG)
    np.testing.assert_array_equal(batch.weight, [1] + [0] * (CONFIG.batch_rows - 1))
    np.testing.assert_allclose(batch.target[0], 0.3 + 0.5 * 2.0, 1e-5)


def test_with_lambda_one_targets_are_plain_returns():
    config = dataclasses.replace(CONFIG, gamma=1.0, gae_lambda=1.0)
    looks = make_looks(4, [-0.1, 1.0, 2.0, 9.0], [0, 1, 1, 0], [0, 0, 1, 0], [1.0, 2.0, 3.0, 5.0])
    np.testing.assert_allclose(learner.to_batch(looks, config).target[:3], [2.9, 3.0, 2.0], 1e-5)


def test_prices_are_log_uniform_or_all_alike():
    keys = jax.random.split(jax.random.key(0), 4000)
    drawn = np.log10(draw_prices(jnp.float32(1e-4), jnp.float32(1e-2), keys))
    np.testing.assert_allclose(np.quantile(drawn, [0, 0.25, 0.5, 1]), [-4, -3.5, -3, -2], atol=0.06)
    for price in (0.0, 3e-4):
        assert (draw_prices(jnp.float32(price), jnp.float32(price), keys) == price).all()


@pytest.mark.parametrize(("kind", "menu"), [("gate", (0, 2, 8)), ("stopper", (0, 1, 4))])
def test_an_untrained_network_runs_the_fixed_k_it_starts_from(kind, menu):
    network = MetaNetwork(MetaConfig(kind, menu, inputs=("progress",)), 0, 2, False)
    params = network.init(jax.random.key(0)) | {
        "start": jnp.int32(6),
        "strength": jnp.float32(1.5),
    }
    done = jnp.array([0, 2, 4, 6, 9])
    inputs = Inputs(
        jnp.zeros((5, 3, 0)), jnp.ones((5, 2)), jnp.ones((5, 3), bool), done * 0, done,
        jnp.arange(5.0),
    )  # fmt: skip
    logits, value = network(params, inputs)
    towards = [max(k for k in menu if k <= max(6 - n, 0)) for n in done]
    np.testing.assert_array_equal(np.array(menu)[logits.argmax(-1)], towards)
    np.testing.assert_array_equal(value, inputs.value)  # the value head starts from the search


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MetaConfig(kind="stoper"), "stoper.*stopper"),
        (lambda: MetaConfig(menu=(1, 2)), r"menu is \(1, 2\): expected 0 and at least one larger"),
        (lambda: MetaConfig(inputs=("serch",)), "serch.*search"),
        (lambda: PPOConfig(lowest_price=1e-2, highest_price=1e-3), "lowest_price must be from 0"),
        (lambda: PPOConfig(lowest_price=0.0), "lowest_price must be above 0"),
        (lambda: PPOConfig(num_chunks=8), "value_chunks must be below num_chunks = 8, got 8"),
        (lambda: PPOConfig(clip=0.0), "clip must be positive"),
    ],
)
def test_bad_settings_get_one_clear_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_the_order_of_a_menu_and_of_inputs_makes_no_other_network():
    one = MetaConfig(menu=(4, 0, 1), inputs=("search", "prior"))
    assert one == MetaConfig(menu=(0, 1, 4), inputs=("prior", "search"))


def test_channels_have_rewards_discounts_and_advantages_of_their_own():
    """Imagine, act, imagine; the fourth row is open. λ = 0.9 a real step, channels by hand."""
    looks = make_looks(4, [0.0] * 4, [0, 1, 0, 0], [0] * 4, [0.0] * 4)
    value = jnp.array([[1.0, 0.5], [2.0, 0.25], [3.0, 0.75], [5.0, 0.125]])[:, None]
    looks = looks._replace(aux=looks.aux._replace(value=value))
    channels = learner.Channels(
        reward=jnp.array([[0.1, 1.0], [2.0, 0.0], [0.0, 3.0], [9.0, 9.0]])[:, None],
        discount=jnp.array([[0.8, 0.8], [0.5, 0.0], [0.8, 0.8], [9.0, 9.0]])[:, None],
        learned=jnp.array([[1, 1], [1, 0], [1, 1], [0, 0]], bool)[:, None],
    )
    third = np.array([0.0 + 0.8 * 5.0 - 3.0, 3.0 + 0.8 * 0.125 - 0.75])
    second = np.array([2.0 + 0.5 * 3.0 - 2.0 + 0.5 * 0.9 * third[0], -0.25])
    first = np.array([0.1 + 0.8 * 2.0 - 1.0, 1.0 + 0.8 * 0.25 - 0.5]) + 0.8 * second
    found = learner.advantages(looks, PER_ACT, channels)
    np.testing.assert_allclose(found[:, 0], [first, second, third, [0, 0]], rtol=1e-5)
    batch = learner.to_batch(looks, PER_ACT, channels, jnp.array([1.0, 0.5]))
    combined = [first @ [1, 0.5], second[0], third @ [1, 0.5]]  # real actions learn from the first
    np.testing.assert_allclose(batch.advantage[:3], combined, rtol=1e-5)
    np.testing.assert_allclose(batch.target[:3], np.stack([first, second, third]) + value[:3, 0])
    np.testing.assert_array_equal(batch.learned[:3], channels.learned[:3, 0])


def test_what_channels_count_goes_from_the_first_to_the_last():
    class Two(PPOConfig):
        channel_weights = ((1.0, 1.0), (0.8, 0.0))

    config = Two(num_chunks=100)
    for chunk, second in ((0, 0.8), (50, 0.4), (100, 0.0)):
        channels = learner.shares(config, jnp.int32(chunk)).channels
        np.testing.assert_allclose(channels, [1.0, second], atol=1e-6)
    assert learner.shares(CONFIG, jnp.int32(0)).channels is None
