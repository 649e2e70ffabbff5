"""Menus over simulations and depths: what may be answered, and what is recorded of it."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents import metapolicies
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned import policy
from agents.metapolicies.learned.config import MetaConfig
from agents.metapolicies.learned.network import FORBIDDEN
from agents.metapolicies.rules.constant import NO_DEPTH_LIMIT
from rrplan import operations
from rrplan.costs import Costs, traced
from rrplan.engine import stream
from rrplan.engine.meta_steps import closed
from rrplan.engine.state import Engine
from rrplan.errors import InputError
from rrplan.models import Settings, make_model
from rrplan.planner import Planner
from tests.agents.stirring import stir

MOST, STEPS, LANES = 8, 3, 16
INPUTS = ("search", "progress", "observation")
MOMENTS = ("mean", "deviation")
STOPPER = MetaConfig("stopper", (0, 1, 2), INPUTS, width=4, depths=(0, 2, 1))


class Corridor:
    """Three decisions between two actions; only the last one is paid, by where one stands."""

    num_actions = 2

    def reset(self, key, params):
        del key, params
        return self._stand(jnp.zeros(2, jnp.int32))

    def step(self, key, state, action, params):
        del key, params
        state, observation = self._stand(state + jnp.stack([action, 1]).astype(jnp.int32))
        over = state[1] >= STEPS
        reward = jnp.where(over, state[0] % 2, 0).astype(jnp.float32)
        return rrplan.Transition(state, observation, reward, over, jnp.zeros((), bool))

    def invalid_actions(self, state, params):
        del state, params
        return jnp.zeros(2, bool)

    def _stand(self, state):
        return state, state.astype(jnp.float32)


def network(params, observation):
    """Prefers nothing and expects nothing."""
    del params
    rows = observation.shape[0]
    return rrplan.Evaluation(jnp.zeros((rows, 2)), jnp.zeros(rows), observation)


@functools.cache
def planner():
    return Planner(Corridor(), (), network, (), rrplan.Search(acting="completed_q"), MOST)


def begun(config, strength=2.0, start=1):
    """Return a network and parameters that prefer some answers, as if they had been learned."""
    meta = meta_networks.build(config, planner())
    params = meta.init(jax.random.key(0))
    weights = stir(params["weights"])
    return meta, {**params, "weights": weights, **prior(start, strength)}


def prior(start, strength=2.0):
    """Return the fixed k that is begun with, by its place, and how much it is preferred."""
    return {"start": np.int32(start), "strength": np.float32(strength)}


# Compiled in one piece: operation by operation takes ten times as long.
@functools.partial(jax.jit, static_argnums=0)
def answer(meta, params, lanes):
    """Return logits, log-probabilities and what is allowed."""
    inputs = meta.show(lanes)
    logits, _ = meta(params, inputs)
    return logits, jax.nn.log_softmax(logits), meta.allowed(inputs)


def seen(simulations, max_depth):
    """Return what five lanes see that differ in these two alone; the last ones are alike."""
    shapes = operations.shapes_seen(planner(), 5)
    blank = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    numbers = np.array([simulations, max_depth], np.int32)
    simulations, max_depth = np.pad(numbers, ((0, 0), (0, 5 - numbers.shape[1])), mode="edge")
    return blank._replace(simulations=simulations, max_depth=max_depth)


def test_answers_are_all_pairs_and_to_act():
    assert STOPPER.depths == (1, 2, 0)
    assert STOPPER.answers == ((0, 0), (1, 1), (1, 2), (1, 0), (2, 1), (2, 2), (2, 0))
    assert MetaConfig("gate", (0, 8), depths=(4, 1)).answers == ((0, 0), (8, 1), (8, 4))
    assert MetaConfig("gate", (0, 2, 8)).answers == ((0, 0), (2, 0), (8, 0))
    with pytest.raises(InputError, match="depths must be at least 1, or 0 for no limit, got -1"):
        MetaConfig("gate", depths=(2, -1))


def test_a_depth_that_is_held_is_all_that_may_be_answered():
    meta, params = begun(STOPPER)
    lanes = seen([0, 3, 3, 3], [NO_DEPTH_LIMIT, 1, 2, NO_DEPTH_LIMIT])
    logits, log_probs, told = (found[:4] for found in jax.device_get(answer(meta, params, lanes)))
    allowed = np.array(
        [[1] * 7, [1, 1, 0, 0, 1, 0, 0], [1, 0, 1, 0, 0, 1, 0], [1, 0, 0, 1, 0, 0, 1]], bool
    )
    np.testing.assert_array_equal(told, allowed)
    np.testing.assert_array_equal(logits == FORBIDDEN, ~allowed)
    probs = np.exp(log_probs)
    assert (probs[~allowed] == 0).all()
    assert (probs[allowed] > 0).all()
    for row, may in zip(probs, allowed, strict=True):
        assert row[may].sum() == pytest.approx(1.0, abs=1e-6)


def test_the_fixed_k_is_begun_with_at_the_deepest_limit_and_goes_on_at_the_one_held():
    meta = meta_networks.build(STOPPER, planner())
    lanes = seen([0, 0, 1, 1, 3], [NO_DEPTH_LIMIT, 1, 1, NO_DEPTH_LIMIT, 1])
    fresh = {**meta.init(jax.random.key(0)), **prior(3)}
    first, _, held, deep, done = np.argmax(answer(meta, fresh, lanes)[0], axis=-1)
    answers = STOPPER.answers
    assert [answers[place] for place in (first, held, deep, done)] == [
        (2, 0), (2, 1), (2, 0), (0, 0),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["gate", "stopper"])
def test_the_chances_of_each_k_are_those_of_an_agent_without_depths(kind):
    """Whatever is learned of depths: they share each k's chance, and leave it as it is."""
    config = dataclasses.replace(STOPPER, kind=kind)
    meta, params = begun(config)
    plain = meta_networks.build(dataclasses.replace(config, depths=()), planner())
    weights, own = dict(params["weights"]), params["weights"]["policy"]
    weights["policy"] = jax.tree.map(lambda leaf: leaf[..., :3], own)
    lanes = seen([0, 0, 3], [NO_DEPTH_LIMIT, NO_DEPTH_LIMIT, 2])
    lanes = lanes._replace(observation=np.arange(10, dtype=np.float32).reshape(5, 2))
    probs = np.exp(answer(meta, params, lanes)[1])[:3]
    if config.holds_depth:  # two columns tell of the depth that is held: not to the other one
        whole = plain.whole_in
        kernel = np.delete(weights["first"]["kernel"], np.arange(whole, whole + 3), axis=0)
        weights["first"] = {**weights["first"], "kernel": kernel}
        held = np.arange(3) == 2
    else:
        held = np.zeros(3, bool)
    sizes = {"whole": plain.whole_in, "actions": plain.actions_in}
    moments = {n: {c: params[n][c][:size] for c, size in sizes.items()} for n in MOMENTS}
    log_probs = answer(plain, {**params, **moments, "weights": weights}, lanes)[1]
    expected = np.exp(log_probs)[:3]
    several = probs[:, 1:].reshape(3, 2, 3)
    np.testing.assert_allclose(probs[~held, 0], expected[~held, 0], rtol=1e-5)
    np.testing.assert_allclose(several.sum(-1)[~held], expected[~held, 1:], rtol=1e-5)
    # The depths have the same chances beside each k.
    shares = several / several.sum(-1, keepdims=True)
    np.testing.assert_allclose(shares[:, 0], shares[:, 1], rtol=1e-5)


def test_an_untrained_agent_prefers_the_fixed_k_as_one_without_depths_and_no_limit():
    meta = meta_networks.build(STOPPER, planner())
    fresh = {**meta.init(jax.random.key(0)), **prior(2)}
    probs = np.exp(answer(meta, fresh, seen([0], [NO_DEPTH_LIMIT]))[1])[0]
    e = np.exp
    np.testing.assert_allclose(probs[0], 1 / (2 + e(2)), rtol=1e-5)
    np.testing.assert_allclose(probs[4:].sum(), e(2) / (2 + e(2)), rtol=1e-5)
    np.testing.assert_allclose(probs[6] / probs[4:].sum(), e(4) / (2 + e(4)), rtol=1e-5)


def test_a_gate_with_no_limit_alone_is_the_gate_without_depths():
    plain = MetaConfig("gate", (0, 1, 4), INPUTS, width=4)
    given, params = begun(plain)
    other = meta_networks.build(dataclasses.replace(plain, depths=(0,)), planner())
    options = {"key": jax.random.key(2), "episodes": 32, "num_lanes": LANES}
    one, two = (
        rrplan.evaluate(planner(), policy.greedy(meta), params, **options)
        for meta in (given, other)
    )
    jax.tree.map(np.testing.assert_array_equal, one, two)
    assert one.simulations.sum() > 0


@functools.cache
def recorded():
    """Return a stopper, and all the choices ``[R, B]`` of a chunk that it has drawn."""
    meta, params = begun(STOPPER)
    engine = Engine(
        model=make_model(Corridor(), (), network),
        meta_policy=policy.sampling(meta),
        num_lanes=LANES,
        max_simulations=MOST,
        record=64,
    )

    @jax.jit
    def collect(settings):
        lanes = stream.start(engine, settings, 256)
        prices = lambda keys: jnp.zeros(keys.shape)  # noqa: E731
        return stream.collect(engine, settings, lanes, 512, 256, prices)[1].looks

    settings = Settings((), (), params, jax.random.key(3), traced(Costs()), **_search())
    return meta, params, jax.device_get(collect(settings))


def _search():
    return planner().search.traced()


def test_a_stopper_keeps_to_the_depth_of_its_first_look():
    _, _, looks = recorded()
    answers = np.array(STOPPER.answers)
    limits = np.where(answers[:, 1] == 0, NO_DEPTH_LIMIT, answers[:, 1])
    choice = looks.aux
    told = np.arange(len(choice.answer))[:, None] < np.asarray(closed(looks))
    later = told & (choice.inputs.simulations > 0)
    assert later.sum() > 50
    ordered = later & (choice.answer > 0)
    np.testing.assert_array_equal(limits[choice.answer[ordered]], choice.inputs.held[ordered])
    # What is held is what the look before has chosen.
    row, lane = np.nonzero(later)
    before = choice.answer[row - 1, lane]
    kept = before[row > 0]
    np.testing.assert_array_equal(limits[kept], choice.inputs.held[row, lane][row > 0])
    assert len(set(choice.inputs.held[later])) == 3  # each depth was chosen at some time


def test_log_probabilities_are_those_of_what_was_allowed():
    meta, params, looks = recorded()
    told = np.arange(looks.aux.answer.shape[0])[:, None] < np.asarray(closed(looks))
    choice = jax.tree.map(lambda leaf: leaf[told], looks.aux)

    @jax.jit
    def ask_again(params, inputs):
        return jax.nn.log_softmax(meta(params, inputs)[0]), meta.allowed(inputs)

    log_probs, allowed = jax.device_get(ask_again(params, choice.inputs))
    again = np.take_along_axis(log_probs, choice.answer[:, None], 1)
    np.testing.assert_allclose(choice.log_prob, again[:, 0], rtol=1e-4, atol=1e-5)
    assert np.isfinite(choice.log_prob).all()
    assert allowed[np.arange(len(allowed)), choice.answer].all()


def test_a_fixed_pair_limits_what_is_searched():
    options = {"key": jax.random.key(2), "episodes": 8, "num_lanes": 8}

    def play(params):
        return rrplan.evaluate(planner(), metapolicies.fixed(), params, **options)

    shallow, none, plain = play((6, 1)), play((6, 0)), play(6)
    # At a limit of one level every simulation goes down one edge, and each is charged.
    np.testing.assert_array_equal(shallow.simulations, 6 * STEPS)
    np.testing.assert_array_equal(shallow.levels, 6 * STEPS)
    assert (none.levels > shallow.levels).all()
    jax.tree.map(np.testing.assert_array_equal, none, plain)
