"""Trap trees: full enumeration in Python, exhaustive searches of limited depth, hand cases."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import envs
import rrplan
from envs import Traps
from envs.puzzles import trap_nodes, tree_nodes
from rrplan import oracle
from rrplan.errors import InputError
from rrplan.types import Evaluation

SHAPES = [(3, 4, 2), (2, 5, 3), (2, 3, 1)]  # branching, depth, look-ahead
KEY = jax.random.key(7)


def known(env, state, params):
    """Return what the environment says of a state without a search."""
    quiet = params.replace(noise=0.0)
    values = env.optimal_action_values(state, params)
    return {
        "value": env.optimal_value(state, params),
        "action values": values,
        "greedy": env.greedy_action(state, params),
        "observation": env.observe(KEY, state, None, params),
        "looks": -env.unit * env.observe(KEY, state, None, quiet)[:, 1],
        "regrets": values.max() - values,
        "over": env.is_terminated(state, params),
    }


@functools.partial(jax.jit, static_argnums=0)
def explore(env, key, params):
    """Return what is known of each node of a tree, and the reward of each edge, ``[S, b]``."""
    _, first = env.reset_env(key, params)
    states = env.enumerate_states(first, params)
    told = jax.vmap(lambda state: known(env, state, params))(states)
    actions = jnp.arange(env.num_actions)
    step = jax.vmap(env.step_env, (None, None, 0, None))
    result = jax.vmap(lambda state: step(KEY, state, actions, params))(states)
    return told | {"reward": result[2], "seen below": result[0], "below": result[1].node}


def tree(shape, key=KEY, **changes):
    env = Traps(*shape)
    told = jax.device_get(explore(env, key, env.default_params.replace(**changes)))
    inner = np.flatnonzero(~told["over"])
    return env, told, inner


def best_returns(branching, reward, over):
    """Return the largest return from each node on, by recursion in plain Python."""

    def best(node):
        if over[node]:
            found[node] = 0.0
            return 0.0
        values = [float(reward[node, a]) + best(branching * node + 1 + a) for a in range(branching)]
        found[node] = max(values)
        return found[node]

    found = {}
    best(0)
    return np.array([found[node] for node in range(len(over))])


def searched_values(told, branching, node, levels, leaf_value):
    """Return the value of each action by an exhaustive search of some levels."""

    def best(node, levels):
        if told["over"][node]:
            return 0.0
        if levels == 0:
            return leaf_value[node]
        return max(try_action(node, a, levels) for a in range(branching))

    def try_action(node, a, levels):
        return float(told["reward"][node, a]) + best(branching * node + 1 + a, levels - 1)

    return np.array([try_action(node, a, levels) for a in range(branching)])


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=8)
@given(
    seed=st.integers(0, 2**31),
    share=st.sampled_from([0.0, 0.5, 1.0]),
    noise=st.floats(0, 4),
    regret_spread=st.floats(0, 1),
    reward_spread=st.floats(0, 4),
)
def test_values_in_closed_form_are_those_of_full_enumeration(shape, seed, **changes):
    env, told, inner = tree(shape, jax.random.key(seed), **changes)
    best = best_returns(env.branching, told["reward"], told["over"])
    assert best[0] == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(told["value"], best, atol=1e-5)
    expected = told["reward"] + best[np.minimum(told["below"], len(best) - 1)]
    np.testing.assert_allclose(told["action values"][inner], expected[inner], atol=1e-5)
    assert not told["action values"][told["over"]].any()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_search_of_fewer_levels_than_the_look_ahead_errs_at_every_trap_and_no_other(shape):
    env, told, inner = tree(shape, share=0.5, noise=0.0)
    # What a leaf seems to be worth is the largest value that it shows.
    seeming = told["observation"][:, :, 0].max(axis=1)
    best = told["action values"]
    traps = told["looks"].argmin(axis=1) != told["regrets"].argmin(axis=1)
    assert 0 < traps[inner].sum() < len(inner)
    for node in inner:
        level = next(d for d in range(env.depth) if node < tree_nodes.count_nodes(env.branching, d))
        assert not traps[node] or env.depth - level >= env.look_ahead
        for levels in range(1, env.depth - level + 1):
            values = searched_values(told, env.branching, node, levels, seeming)
            sees = levels >= env.look_ahead or not traps[node]
            assert (values.argmax() == best[node].argmax()) == sees
            # What is still due shifts all alike; looks or truth make all of the difference.
            shown = told["regrets" if levels >= env.look_ahead else "looks"][node]
            np.testing.assert_allclose(values.max() - values, shown, atol=1e-5)
        assert (told["greedy"][node] == best[node].argmax()) != traps[node]


def test_nothing_that_is_observed_tells_a_trap():
    for shape in SHAPES:
        _, without, _ = tree(shape, share=0.0)
        _, everywhere, inner = tree(shape, share=1.0)
        np.testing.assert_array_equal(without["observation"], everywhere["observation"])
        assert np.abs(without["regrets"] - everywhere["regrets"])[inner[0]].max() > 0.01


compare = jax.jit(trap_nodes.compare)


def test_regrets_of_a_hand_case():
    # The second looks best. The others are 0.375 and 0.5 of the way from 0.2 to 1.
    uniform = jnp.array([0.5, 0.2, 0.6])
    looks, regrets = compare(uniform, False, 0.5)
    np.testing.assert_allclose(looks, [0.875, 0, 1.0], rtol=1e-6)
    np.testing.assert_array_equal(looks, regrets)
    looks, regrets = compare(uniform, True, 0.5)
    np.testing.assert_allclose(looks, [0.875, 0, 1.0], rtol=1e-6)
    np.testing.assert_allclose(regrets, [0, 1.0, 0.875], rtol=1e-6)


@given(
    uniform=st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75]), min_size=4, max_size=4),
    spread=st.sampled_from([0.0, 0.5, 1.0]),
)
@settings(max_examples=30)
def test_a_trap_only_changes_the_order_of_regrets_also_among_equals(uniform, spread):
    looks, regrets = jax.device_get(compare(jnp.array(uniform), True, spread))
    np.testing.assert_array_equal(np.sort(looks), np.sort(regrets))
    lure = int(np.argmin(uniform))
    assert looks[lure] == looks.min() == 0
    assert regrets[lure] == looks.max()
    order = sorted(range(4), key=lambda a: (uniform[a], a))
    np.testing.assert_array_equal(regrets[order[1:]], looks[order[:-1]])


def test_numbers_of_nodes_tell_their_way():
    for branching in (2, 3):
        way = [0]
        for action in (1, 0, 1, 1):
            way.append(int(tree_nodes.child(way[-1], action, branching)))
            assert tree_nodes.last_edge(way[-1], branching) == (way[-2], action)
        for above in range(5):
            assert tree_nodes.ancestor(way[-1], above, branching) == way[-1 - above]
    assert [tree_nodes.count_nodes(3, depth) for depth in (-1, 0, 1, 2)] == [0, 1, 4, 13]


@functools.lru_cache
def drawn():
    """Return many nodes that may hide a trap, and as many that may not."""
    keys = jax.random.bits(jax.random.key(3), (20_000, 2))
    draw = functools.partial(trap_nodes.draw, branching=3, share=0.3, spread=0.5)
    draw = jax.jit(jax.vmap(draw, (0, None, None)))
    return jax.device_get((draw(keys, 5, True), draw(keys, 5, False)))


def test_nodes_follow_their_law():
    node, plain = drawn()
    traps = (node.hidden != 0).any(axis=1)
    error = np.sqrt(0.3 * 0.7 / len(traps))
    assert traps.mean() == pytest.approx(0.3, abs=4 * error)
    np.testing.assert_array_equal(plain.looks, plain.regrets)
    np.testing.assert_array_equal(plain.looks, node.looks)
    wrong = node.looks[node.looks > 0]
    assert len(wrong) == 2 * len(traps)
    assert wrong.mean() == pytest.approx(1, abs=0.01)
    # Uniform: the quarters of the range are equally likely.
    counts = np.histogram(wrong, bins=[0.5, 0.75, 1, 1.25, 1.5])[0] / len(wrong)
    np.testing.assert_allclose(counts, 0.25, atol=0.01)
    # Every action looks best equally often, and is best equally often.
    for regrets in (node.looks, node.regrets):
        np.testing.assert_allclose(np.bincount(regrets.argmin(axis=1)) / 20_000, 1 / 3, atol=0.02)
    for values in (node.noise, node.potential):
        assert -1 <= values.min() < -0.99
        assert 0.99 < values.max() <= 1
        assert abs(values.mean()) < 0.02


def test_random_play_earns_nothing_over_many_trees():
    env = Traps(3, 4, 2, share=0.6)
    means = []
    step = jax.jit(jax.vmap(lambda key: explore(env, key, env.default_params)["reward"]))
    for reward in np.asarray(step(jax.random.split(jax.random.key(5), 200))):
        # Each edge of level d is taken by one in 3**(d + 1) of all plays.
        sizes = [3**d for d in range(4)]
        level = np.repeat(np.arange(4), sizes)
        means.append((reward[: len(level)].sum(axis=1) / 3.0 ** (level + 1)).sum())
    error = np.std(means) / np.sqrt(len(means))
    assert error < 0.01
    assert abs(np.mean(means)) < 4 * error
    # The mean of one tree is not 0: random play has more luck in some.
    assert np.std(means) > 0.01


def test_leaves_absorb_and_observations_count_down():
    _, told, inner = tree((3, 4, 2))
    leaves = np.flatnonzero(told["over"])
    assert (len(inner), len(leaves)) == (40, 81)
    assert not told["observation"][leaves].any()
    assert not told["reward"][leaves].any()
    np.testing.assert_array_equal(told["below"][leaves], np.tile(leaves[:, None], 3))
    np.testing.assert_array_equal(told["observation"][0][:, 2], 1)
    np.testing.assert_array_equal(told["observation"][inner[-1]][:, 2], 0.25)


def test_what_is_seen_belongs_to_the_node():
    _, told, inner = tree((3, 4, 2), noise=2.0)
    below = told["observation"][told["below"][inner]]
    np.testing.assert_allclose(told["seen below"][inner], below, atol=1e-6)
    value, gap = told["observation"][inner, :, 0], told["observation"][inner, :, 1]
    unit = 3 / (2 * 4)
    np.testing.assert_allclose(unit * gap, value - value.max(axis=1, keepdims=True), atol=1e-5)
    np.testing.assert_array_equal(told["greedy"][inner], value.argmax(axis=1))
    seeming = np.float32(1) - told["looks"][0]  # of the root
    assert 0.01 < np.abs(value[0] - seeming).max() <= 2 * unit


@pytest.mark.parametrize("extreme", [{}, {"noise": 4, "reward_spread": 4, "regret_spread": 1}])
def test_observations_lie_in_their_space(extreme):
    env, told, _ = tree((2, 5, 3), **extreme)
    space = env.observation_space(env.default_params)
    seen = told["observation"]
    assert seen.shape[1:] == space.shape == (2, 3)
    assert ((seen >= space.low) & (seen <= space.high)).all()


@functools.lru_cache
def table():
    """Return what a planner that sees looks does in a few trees, after each k."""

    def looks(params, seen):
        return Evaluation(params * seen[..., 1], seen[..., 0].max(axis=-1), seen[..., 0])

    env = Traps(3, 4, 2, share=0.5)
    planner = rrplan.Planner(
        envs.adapt(env), env.default_params, looks, jnp.float32(1), max_simulations=24
    )
    return oracle.tabulate(planner, key=KEY, episodes=48, num_lanes=64)


def test_return_grows_with_search_and_little_search_is_for_nothing():
    earned = {k: oracle.replay(table(), k).untimed_return.mean() for k in (0, 1, 12, 24)}
    assert earned[1] == earned[0] < 0.7
    assert earned[0] + 0.1 < earned[12] < earned[24] < 1


@pytest.mark.parametrize("price", [0.0, 1e-3, 1e-2])
def test_the_oracle_bounds_every_fixed_k(price):
    costs = rrplan.Costs(price)
    bound = oracle.solve(table(), costs).timed_return
    assert (bound <= 1 + 1e-5).all()
    for k in range(25):
        played = oracle.replay(table(), k)
        counts = rrplan.Counts(played.simulations, decisions=played.length, levels=played.levels)
        timed = rrplan.timed_return(played.untimed_return, costs, counts)
        assert (timed <= bound + 1e-5).all()


def test_it_keeps_the_contract():
    env, params = envs.make("traps", depth=4)
    report = envs.check(env, params, steps=64)
    assert report.ok, str(report)
    assert not any("oracle" in note or "stochastic" in note for note in report.notes), str(report)


def test_large_trees_are_stepped_and_not_listed():
    env = Traps(branching=3, depth=18)
    assert env.observation_space(env.default_params).shape == (3, 3)
    with pytest.raises(InputError) as caught:
        env.enumerate_states(None, env.default_params)
    assert str(caught.value) == (
        "the tree has 581130733 nodes (branching 3, depth 18): expected at most 131072 to list all"
    )


def test_shares_and_spreads_can_be_swept_without_tracing_again():
    env, params = envs.make("traps", depth=4, share=0.25, noise=1)
    assert env == Traps(depth=4, share=0.25, noise=1)
    assert (params.share, params.noise, params.max_steps_in_episode) == (0.25, 1.0, 5)
    before = explore._cache_size()
    for share in (0.1, 0.9):
        tree((3, 4, 2), share=share)
    assert explore._cache_size() - before <= 1


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"branching": 1}, "branching is 1: expected a whole number from 2 to 1024"),
        ({"depth": 0}, "depth is 0: expected a whole number from 1 on"),
        ({"depth": 2.0}, "depth is 2.0: expected a whole number from 1 on"),
        ({"look_ahead": 7}, "look_ahead is 7: expected a whole number from 1 to 6"),
        ({"look_ahead": True}, "look_ahead is True: expected a whole number from 1 to 6"),
        ({"share": 1.5}, "share is 1.5: expected a number from 0 to 1"),
        ({"share": float("nan")}, "share is nan: expected a number from 0 to 1"),
        ({"noise": "much"}, "noise is 'much': expected a number from 0 to 4"),
        ({"regret_spread": -0.1}, "regret_spread is -0.1: expected a number from 0 to 1"),
        ({"reward_spread": 5}, "reward_spread is 5: expected a number from 0 to 4"),
        (
            {"depth": 40},
            "depth is 40: expected at most 19 with branching 3 (fewer than 2**31 nodes)",
        ),
    ],
)
def test_bad_arguments_get_one_clear_line(kwargs, message):
    with pytest.raises(InputError) as caught:
        Traps(**kwargs)
    assert str(caught.value) == message
    with pytest.raises(InputError) as caught:
        envs.make("traps", **kwargs)
    assert str(caught.value) == f"environment 'traps': {message}"
