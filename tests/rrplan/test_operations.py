"""Operations: counted by hand on the demo's networks, and loops at their length."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
import rrplan
from agents import metapolicies, networks
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned import policy
from agents.metapolicies.learned.config import MetaConfig
from agents.metapolicies.rules import heuristics
from rrplan import operations

ITEMS, COLUMNS, WIDTH = 10, 5, 16  # of the demo's knapsack and its planner


def make_planner(size="tiny"):
    env, env_params = envs.make("knapsack")
    environment = envs.adapt(env)
    config = networks.NetworkConfig("items", size)
    network, params = networks.build(config, environment, env_params, jax.random.key(0))
    return rrplan.Planner(environment, env_params, network, params)


def linear(rows, inputs, outputs, *, bias=True):
    """A product and a sum for each weight, and a sum for each bias."""
    return rows * outputs * (2 * inputs + bias)


def columns(rows, inputs, outputs):
    """The same in the modules of a meta-policy, where products and bias are added up."""
    return rows * outputs * 2 * inputs


def relu(rows, width):
    return rows * width


def pool(rows, width):
    """A mean (sums and one division) and a maximum over rows."""
    return width * (rows - 1) + width + width * (rows - 1)


def test_the_evaluation_of_the_demo_by_hand():
    by_hand = linear(ITEMS, COLUMNS, WIDTH) + relu(ITEMS, WIDTH)
    by_hand += linear(ITEMS, WIDTH, WIDTH)
    by_hand += pool(ITEMS, WIDTH) + linear(1, 2 * WIDTH, WIDTH, bias=False)
    by_hand += ITEMS * WIDTH + relu(ITEMS, WIDTH)  # one is added to the other
    by_hand += pool(ITEMS, WIDTH) + linear(1, 2 * WIDTH, WIDTH) + relu(1, WIDTH)
    by_hand += linear(ITEMS, WIDTH, 1) + linear(1, WIDTH, 1)  # policy and value
    planner = make_planner()
    seen = operations.shapes_seen(planner, operations.ROWS).observation
    assert operations.count(planner.network, planner.params, seen) / operations.ROWS == by_hand
    masked = operations.of_planner(planner).evaluation
    assert by_hand < masked < by_hand + 20 * ITEMS  # the mask, and the value of an end


def test_a_look_of_the_smallest_stopper_by_hand():
    planner = make_planner()
    config = MetaConfig("stopper", (0, 1), inputs=("values",), width=4)
    network = meta_networks.build(config, planner)
    params = jax.eval_shape(network.init, jax.random.key(0))
    of_actions, of_whole = 3, 3
    half, answers = 2, 2
    by_hand = columns(ITEMS, of_actions, half) + relu(ITEMS, half)
    by_hand += columns(ITEMS, half, half) + relu(ITEMS, half)
    by_hand += columns(1, 3 * half + of_whole, 4) + relu(1, 4)
    by_hand += columns(1, 4, 4) + relu(1, 4) + columns(1, 4, answers) + columns(1, 4, 1)
    counted = operations.of_look(planner, policy.greedy(network), params)
    # The rest is what it sees, made of the search, scaled and pooled: some numbers an action.
    assert by_hand < counted < by_hand + 120 * ITEMS
    wider = meta_networks.build(MetaConfig("stopper", (0, 1), ("values",), 64), planner)
    shapes = jax.eval_shape(wider.init, jax.random.key(0))
    assert operations.of_look(planner, policy.greedy(wider), shapes) > 10 * counted


def test_a_larger_planner_and_more_steps_cost_more():
    tiny, small = (operations.of_planner(make_planner(size)) for size in ("tiny", "small"))
    assert tiny.step == small.step > 0
    assert small.evaluation > 3 * tiny.evaluation
    assert tiny.simulation == tiny.step + tiny.evaluation


def test_who_looks_at_nothing_pays_for_no_look():
    assert operations.of_look(make_planner(), metapolicies.fixed(), 3) == 0


def test_virtual_visits_are_counted_turn_by_turn():
    planner = make_planner()
    vet, params = heuristics.vet(32, ITEMS), heuristics.VetParams(32)
    none, one, twenty = (operations.of_look(planner, vet, params, n) for n in (0, 1, 20))
    assert twenty - none == pytest.approx(20 * (one - none))
    assert one - none > ITEMS


@pytest.mark.parametrize("length", [1, 7])
def test_loops_of_a_fixed_length_count_at_their_length(length):
    numbers = jax.ShapeDtypeStruct((operations.ROWS, 8), jnp.float32)

    def twice(x):
        def inner(_, x):
            return 2.0 * x

        def outer(_, x):
            return jax.lax.fori_loop(0, 3, inner, x)

        return jax.lax.fori_loop(0, length, outer, x)

    counted = operations.count(twice, numbers)
    # Beside the products, each turn counts itself.
    assert 0 <= counted - length * 3 * operations.ROWS * 8 <= 20 * length


WRAPPED = {
    "cond": lambda loop, x: jax.lax.cond(x[0, 0] > 0, loop, lambda x: x, x),
    "switch": lambda loop, x: jax.lax.switch(
        jnp.int32(x[0, 0]), [lambda x: x, jnp.negative, loop], x
    ),
    "checkpoint": lambda loop, x: jax.checkpoint(loop)(x),
    "both": lambda loop, x: jax.checkpoint(
        lambda x: jax.lax.cond(x[0, 0] > 0, lambda x: x, jax.jit(loop), x)
    )(x),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_loops_inside_branches_and_checkpoints_count_at_their_length(name):
    numbers = jax.ShapeDtypeStruct((operations.ROWS, 8), jnp.float32)

    def loop(x):
        return jax.lax.fori_loop(0, 30, lambda _, x: 2.0 * x, x)

    alone = operations.count(loop, numbers)
    counted = operations.count(lambda x: WRAPPED[name](loop, x), numbers)
    assert alone <= counted < 1.01 * alone


def test_of_branches_without_loops_the_dearest_counts():
    numbers = jax.ShapeDtypeStruct((operations.ROWS, 8), jnp.float32)
    flag = jax.ShapeDtypeStruct((), bool)

    def choose(flag, x):
        return jax.lax.cond(flag, lambda x: 2.0 * x + 1.0, lambda x: 3.0 * x, x)

    counted = operations.count(choose, flag, numbers)
    assert 0 <= counted - 2 * operations.ROWS * 8 < 10


def test_it_needs_no_arrays():
    planner = make_planner()
    shapes = jax.eval_shape(planner.network.init, jax.random.key(0))
    assert operations.of_planner(planner._replace(params=shapes)) == operations.of_planner(planner)
    assert np.isfinite(operations.of_planner(planner)).all()
