"""The agent's network: what its heads say, what is drawn, what is counted as entropy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.thinker import network as thinker_networks
from agents.thinker.config import StageConfig, ThinkerConfig
from agents.thinker.inputs import Seen
from agents.thinker.network import ACT, GO_ON, RESET, ThinkerNetwork, draw
from agents.thinker.player import prepare
from rrplan.costs import Costs
from rrplan.errors import InputError
from tests.agents.stirring import stir
from tests.agents.thinker.tabular import make_planner

KEY = jax.random.key(4)
A, LANES = 3, 4


def make_network(kind="mlp", **changes):
    given = {"kind": kind, "width": 8, "layers": 2, "num_actions": A, "actions_in": 2}
    return ThinkerNetwork(**{**given, "whole_in": 3, **changes})


def make_seen(acts, imagines, prior=None):
    random = np.random.default_rng(4)
    legal = np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 1, 1]], bool)
    prior = np.zeros((LANES, A), np.float32) if prior is None else prior
    return Seen(
        actions=random.normal(size=(LANES, A, 2)).astype(np.float32),
        whole=random.normal(size=(LANES, 3)).astype(np.float32),
        legal=legal,
        imaginable=legal[::-1],
        acts=np.array(acts, bool),
        imagines=np.array(imagines, bool),
        prior=prior,
        imagined_prior=prior[::-1],
    )


def stirred(network):
    """Return parameters with heads that say something."""
    params = network.init(KEY)
    return {**params, "weights": stir(params["weights"], 0.4)}


# Compiled in one piece: operation by operation takes far longer.
@functools.partial(jax.jit, static_argnums=0)
def answer(network, params, seen):
    return network(params, seen)


@functools.partial(jax.jit, static_argnums=0)
def look(network, params, seen):
    return network.heads(params, seen)


@functools.partial(jax.jit, static_argnums=0)
def entropy_of(network, logits):
    """Return the entropy, and the gradient of its sum."""
    entropy, back = jax.vjp(network.entropy, logits)
    return entropy, *back(jnp.ones_like(entropy))


ALL, NONE = [True] * LANES, [False] * LANES


def test_an_untrained_agent_acts_and_imagines_by_the_prior_and_stops_as_often_as_it_should():
    network = make_network(chosen=True, initial_steps=3.0)
    prior = np.random.default_rng(5).normal(size=(LANES, A)).astype(np.float32)
    seen = make_seen(ALL, ALL, prior)
    heads = jax.device_get(look(network, network.init(KEY), seen))
    masked = np.where(seen.legal, np.exp(prior), 0.0)
    np.testing.assert_allclose(np.exp(heads.real), masked / masked.sum(1, keepdims=True), atol=1e-6)
    masked = np.where(seen.imaginable, np.exp(prior[::-1]), 0.0)
    expected = masked / masked.sum(1, keepdims=True)
    np.testing.assert_allclose(np.exp(heads.imagined), expected, atol=1e-6)
    np.testing.assert_allclose(np.exp(heads.control[:, ACT]), 1 / 4, atol=1e-6)
    np.testing.assert_allclose(heads.control[:, GO_ON], heads.control[:, RESET])
    np.testing.assert_array_equal(heads.value, 0.0)


def test_answers_are_masked_and_sum_to_one():
    network = make_network()
    params = stirred(network)
    for acts, imagines in ((ALL, NONE), (NONE, ALL), (ALL, ALL)):
        seen = make_seen(acts, imagines)
        logits, value = jax.device_get(answer(network, params, seen))
        chances = np.exp(logits)
        np.testing.assert_allclose(chances.sum(1), 1.0, atol=1e-5)
        may = [seen.legal & seen.acts[:, None]] + 2 * [seen.imaginable & seen.imagines[:, None]]
        np.testing.assert_array_equal(chances > 0, np.concatenate(may, axis=1))
        assert value.shape == (LANES, 2)


def test_without_the_reset_bit_it_never_begins_again():
    network = make_network(resets=False)
    chances = np.exp(answer(network, stirred(network), make_seen(NONE, ALL))[0])
    assert chances[:, A : 2 * A].sum(1) == pytest.approx(1.0)
    assert not chances[:, 2 * A :].any()


def test_answers_are_drawn_by_their_chances():
    network, count = make_network(chosen=True, imagined_entropy=0.25), 4000
    heads = jax.device_get(look(network, stirred(network), make_seen(ALL, ALL)))

    @jax.jit
    def draw_all(heads):
        many = jax.tree.map(lambda leaf: jnp.repeat(leaf, count, axis=0), heads)
        drawn = draw(jax.random.split(KEY, LANES * count), many).reshape(LANES, count)
        return drawn, draw(jax.random.split(KEY, LANES), heads, likeliest=True)

    drawn, likeliest = jax.device_get(draw_all(heads))
    for lane, answers in enumerate(drawn):
        shares = np.bincount(answers, minlength=3 * A) / count
        np.testing.assert_allclose(shares, np.exp(heads.joint[lane]), atol=4 * 0.5 / count**0.5)
    real = likeliest < A
    np.testing.assert_array_equal(likeliest[real], np.argmax(heads.real, -1)[real])


def test_entropy_counts_acting_in_full_and_the_rest_by_its_share():
    network = make_network(chosen=True, imagined_entropy=0.25)
    params = stirred(network)
    heads = jax.device_get(look(network, params, make_seen(ALL, ALL)))

    def entropy(log_probs):
        chances = np.exp(np.asarray(log_probs, float))
        return -np.sum(chances * np.log(np.where(chances > 0, chances, 1.0)), -1)

    acts = np.exp(heads.control[:, ACT])
    whether = entropy(np.log(np.stack([acts, 1 - acts], axis=-1)))
    rest = entropy(heads.control) - whether + (1 - acts) * entropy(heads.imagined)
    expected = whether + acts * entropy(heads.real) + 0.25 * rest
    np.testing.assert_allclose(entropy_of(network, heads.joint)[0], expected, rtol=1e-4)
    # Where all is one or the other.
    for acts, imagines in ((ALL, NONE), (NONE, ALL)):
        heads = jax.device_get(look(network, params, make_seen(acts, imagines)))
        rest = 0.25 * (entropy(heads.imagined) + entropy(heads.control))
        expected = entropy(heads.real) if acts is ALL else rest
        found, gradient = entropy_of(network, heads.joint)
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        assert np.isfinite(gradient).all()


def test_a_network_of_items_has_no_numbers_for_actions():
    network = make_network("items")
    seen, order = make_seen(ALL, ALL), np.array([2, 0, 1])
    seen = seen._replace(legal=np.ones((LANES, A), bool), imaginable=np.ones((LANES, A), bool))
    params = stirred(network)
    straight = jax.device_get(look(network, params, seen))
    turned = seen._replace(actions=seen.actions[:, order])
    moved = jax.device_get(look(network, params, turned))
    for name in ("real", "imagined"):
        np.testing.assert_allclose(
            getattr(moved, name), getattr(straight, name)[:, order], rtol=1e-4, atol=1e-5
        )
    np.testing.assert_allclose(moved.control, straight.control, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(moved.value, straight.value, rtol=1e-4, atol=1e-5)
    assert np.ptp(straight.real, axis=1).min() > 1e-3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StageConfig(steps=0), "steps is 0: expected 1 or more, as the real step is one"),
        (lambda: ThinkerConfig(steps=0), "steps must be at least 1, as the real step is one"),
        (lambda: ThinkerConfig(k_max=0), "k_max must be at least 1, got 0"),
        (lambda: ThinkerConfig(network="cnn"), "network.*cnn"),
        (
            lambda: prepare(make_planner(0, discount=0.0), StageConfig(), Costs()),
            "discount is 0.0: expected a number above 0",
        ),
        (
            lambda: prepare(
                make_planner(0)._replace(max_simulations=3), StageConfig(steps=5), Costs()
            ),
            "4 imaginary steps of a decision: expected at most 3",
        ),
        (
            lambda: thinker_networks.build(
                ThinkerConfig(network="items"),
                StageConfig(),
                *prepare(make_planner(0), StageConfig(), Costs()),
            ),
            "network is 'items': expected a planner of items",
        ),
    ],
)
def test_bad_settings_get_one_clear_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
