"""The lane engine: exact episodes, whatever the lanes, the order and the neighbours do."""

import functools

import jax
import jax.numpy as jnp
import mctx
import numpy as np
import pytest

import rrplan
from agents import metapolicies
from rrplan import keys
from rrplan.engine import dispatch
from tests.rrplan import tabular

ENVIRONMENT = tabular.TabularEnvironment()
TABLE = tabular.make_table(3, ENVIRONMENT.num_actions)
KEY = jax.random.key(11)
LARGEST = 9
PLANNER = rrplan.Planner(ENVIRONMENT, TABLE, tabular.table_network, TABLE, max_simulations=LARGEST)


def evaluate(k, *, episodes=40, num_lanes=16, meta_policy=None, **kwargs):
    return rrplan.evaluate(
        PLANNER,
        meta_policy or metapolicies.fixed(),
        jnp.int32(k),
        key=KEY,
        episodes=episodes,
        num_lanes=num_lanes,
        **kwargs,
    )


def timed_recurrent_fn(params, key, action, embedding):
    """The tabular model, with the environment's time limit as an end."""
    position, left = embedding
    output, (state, over) = tabular.recurrent_fn(params, key, action, position)
    over = over | (left <= 1)
    output = output.replace(
        discount=jnp.where(over, 0.0, output.discount), value=jnp.where(over, 0.0, output.value)
    )
    return output, ((state, over), left - 1)


@functools.partial(jax.jit, static_argnames=("budget",))
def decide_in_lockstep(states, left, budget):
    """One decision of every lane by mctx: the most visited action, ties by prior."""
    root = tabular.make_root(TABLE, states)
    root = root.replace(embedding=(root.embedding, jnp.full(states.shape, left)))
    invalid = TABLE.invalid[states]
    visits = jnp.zeros_like(root.prior_logits)
    if budget > 0:
        tree = mctx.muzero_policy(
            (TABLE, 1.0), KEY, root, timed_recurrent_fn, budget,
            invalid_actions=invalid, dirichlet_fraction=0.0,
        ).search_tree  # fmt: skip
        visits = tree.summary().visit_counts
    best = (visits == visits.max(-1, keepdims=True)) & ~invalid
    return jnp.where(best, root.prior_logits, -jnp.inf).argmax(-1)


@pytest.mark.parametrize("budget", [0, 1, 5, LARGEST])
def test_episodes_equal_those_of_mctx_in_lockstep(budget):
    episodes = 40
    step = jax.jit(jax.vmap(ENVIRONMENT.step, (None, 0, 0, None)))
    reset_keys = keys.draw(KEY, jnp.arange(episodes), keys.Domain.RESET)
    state, _ = jax.vmap(ENVIRONMENT.reset, (0, None))(reset_keys, TABLE)
    total, length = np.zeros(episodes, np.float32), np.zeros(episodes, int)
    done = np.zeros(episodes, bool)
    for decision in range(ENVIRONMENT.max_length):
        left = jnp.int32(ENVIRONMENT.max_length - decision)
        transition = step(KEY, state, decide_in_lockstep(state.index, left, budget), TABLE)
        total += np.where(done, 0, transition.reward).astype(np.float32)
        length += ~done
        done |= np.asarray(transition.terminated | transition.truncated)
        state = transition.state
    result = evaluate(budget)
    np.testing.assert_array_equal(result.length, length)
    np.testing.assert_array_equal(result.untimed_return, total)
    np.testing.assert_array_equal(result.simulations, budget * length)


def assert_same_episodes(result, expected):
    for name, mine, theirs in zip(result._fields, result, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs, err_msg=name)


@pytest.mark.parametrize("num_lanes", [1, 3, 64])
def test_an_episode_does_not_depend_on_the_number_of_lanes(num_lanes):
    options = jnp.array([0, 2, 7])
    random = functools.partial(
        rrplan.evaluate, PLANNER, metapolicies.random_k(), options, key=KEY, episodes=50
    )
    assert_same_episodes(random(num_lanes=num_lanes), random(num_lanes=16))


def test_an_episode_does_not_depend_on_the_order_of_the_queue():
    ids = np.random.default_rng(0).permutation(40)
    shuffled = evaluate(5, episodes=ids)
    expected = jax.tree.map(lambda column: column[ids], evaluate(5))
    assert_same_episodes(shuffled, expected)


def test_refilling_the_block_of_first_states_changes_nothing(monkeypatch):
    expected = evaluate(2, episodes=120)
    monkeypatch.setattr(dispatch, "_BLOCK", 40)
    assert_same_episodes(evaluate(2, episodes=120), expected)


def in_chunks_of_two(k, meta_keys, carry, seen):
    extra = jnp.clip(k - seen.simulations, 0, 2)
    return rrplan.Control(extra, jnp.full_like(extra, 100), carry)


def test_thinking_a_then_b_equals_thinking_a_plus_b():
    chunked = rrplan.MetaPolicy(lambda batch_size: (), in_chunks_of_two)
    result, expected = evaluate(7, meta_policy=chunked), evaluate(7)
    for name in ("untimed_return", "length", "simulations"):
        np.testing.assert_array_equal(getattr(result, name), getattr(expected, name))
    np.testing.assert_array_equal(result.looks, 5 * expected.length)  # 2, 2, 2, 1, act
    np.testing.assert_array_equal(expected.looks, 0)  # what is always 7 needs no look
    once = evaluate(7, meta_policy=chunked._replace(looks="once"))
    for name in ("untimed_return", "length"):
        np.testing.assert_array_equal(getattr(once, name), getattr(evaluate(2), name))
    np.testing.assert_array_equal(once.looks, once.length)  # 2, and act


def test_only_lanes_that_ask_are_shown_a_few_at_a_time():
    shown = []

    def apply(k, meta_keys, carry, seen):
        shown.append(seen.simulations.shape[0])
        return in_chunks_of_two(k, meta_keys, carry, seen)

    meta_policy = rrplan.MetaPolicy(lambda batch_size: (), apply)
    in_groups = evaluate(7, meta_policy=meta_policy, episodes=300, num_lanes=160)
    # Those of 11 and of all lanes are abstract traces, which run nothing.
    assert sorted(set(shown)) == [11, 40, 160]
    expected = evaluate(7, episodes=300, num_lanes=16)
    for name in ("untimed_return", "length", "simulations"):
        np.testing.assert_array_equal(getattr(in_groups, name), getattr(expected, name))


def test_the_cap_of_a_decision_and_the_budget_of_an_episode_bind():
    for name in ("untimed_return", "simulations", "length"):
        np.testing.assert_array_equal(
            getattr(evaluate(LARGEST, costs=rrplan.Costs(cap=4)), name),
            getattr(evaluate(4), name),
        )
    limited = evaluate(5, costs=rrplan.Costs(budget=7))
    free = evaluate(5)
    expected = np.where(np.asarray(free.length) == 1, 5, 7)
    long_enough = np.asarray(limited.length) > 1
    np.testing.assert_array_equal(limited.simulations[long_enough], 7)
    assert (limited.simulations <= 7).all()
    assert expected.max() == 7


def test_the_carry_lives_as_long_as_the_episode():
    """A meta-policy that thinks once an episode: its carry must be fresh in each."""

    def once(params, meta_keys, carry, seen):
        extra = jnp.where(carry, 0, 3)
        return rrplan.Control(extra, jnp.full_like(extra, 100), jnp.ones_like(carry))

    meta_policy = rrplan.MetaPolicy(lambda batch_size: jnp.zeros(batch_size, bool), once)
    result = evaluate(0, meta_policy=meta_policy)
    np.testing.assert_array_equal(result.simulations, 3)


def test_prices_and_fees_are_charged():
    prices = np.linspace(0.0, 1.0, 40, dtype=np.float32)
    rates = rrplan.Rates(2.0, look=3.0, decision=0.5, level=0.25)
    costs = rrplan.Costs(price=prices, rates=rates, decision_fee=0.5, look_fee=0.25)
    chunked = rrplan.MetaPolicy(lambda batch_size: (), in_chunks_of_two)
    result = evaluate(3, meta_policy=chunked, costs=costs)
    assert (result.looks == 3 * result.length).all()  # 2, 1, act
    assert (result.levels > result.simulations).any()
    units = 2 * result.simulations + 3 * result.looks + result.length / 2 + result.levels / 4
    cost = prices * units + 0.5 * result.length + 0.25 * result.looks
    np.testing.assert_allclose(result.cost, cost, rtol=1e-6)
    np.testing.assert_allclose(result.timed_return, result.untimed_return - cost, rtol=1e-5)


def test_a_lane_that_acts_at_once_costs_one_evaluation_a_decision():
    taken = []
    result = evaluate(0, on_work=taken.append)
    assert taken[0].useful == result.length.sum()


def test_work_is_counted_while_episodes_are_queued_and_after():
    taken = []
    result = evaluate(5, episodes=100, num_lanes=8, on_work=taken.append)
    (work,) = taken
    assert work.simulations == result.simulations.sum()
    assert work.useful == result.simulations.sum() + result.length.sum()
    assert work.lane_ticks == 8 * work.ticks
    # Every lane always has an episode, but for those that end as the last one is taken.
    assert 0.99 < work.useful_share <= 1.0
    assert work.queued_lane_ticks < work.lane_ticks
    evaluate(5, episodes=8, num_lanes=8, on_work=taken.append)
    assert taken[1].queued_lane_ticks == 8  # the tick that took them all


def test_a_study_is_traced_once():
    traces = []

    def counted(params, observation):
        traces.append(1)
        return tabular.table_network(params, observation)

    def run(k, price, rule):
        planner = PLANNER._replace(network=counted, search=rrplan.Search(acting=rule))
        rrplan.evaluate(
            planner, metapolicies.fixed(), jnp.int32(k),
            key=KEY, episodes=20, num_lanes=8, costs=rrplan.Costs(price=price),
        )  # fmt: skip

    run(0, 0.0, "visits")
    first = len(traces)
    for k in (1, 4, 9):
        run(k, 1e-3 * k, "completed_q")
    assert len(traces) == first


@pytest.mark.parametrize("name", ["prior_logits", "value", "features"])
def test_nan_is_told_with_the_episode_that_met_it(name):
    def broken(params, observation):
        told = tabular.table_network(params, observation)
        column = getattr(told, name).T
        return told._replace(**{name: jnp.where(observation.argmax(-1) == 4, jnp.nan, column).T})

    with pytest.raises(rrplan.InputError, match=r"^episode \d+: the network's output is NaN"):
        rrplan.evaluate(
            PLANNER._replace(network=broken), metapolicies.fixed(), jnp.int32(4),
            key=KEY, episodes=40, num_lanes=8,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_lanes": 0}, "num_lanes is 0: expected a whole number, 1 or more"),
        ({"episodes": 0}, "episodes is 0: expected a number >= 1 or ids >= 0"),
        ({"episodes": np.array([1, -2])}, "episodes is .*: expected a number >= 1 or ids >= 0"),
        ({"costs": rrplan.Costs(price=-1.0)}, "price is -1.0: expected a finite number >= 0"),
        ({"costs": rrplan.Costs(look_fee=np.nan)}, "look_fee is nan: expected a finite number"),
        ({"costs": rrplan.Costs(price=np.ones(3))}, r"price has shape \(3,\): expected a number"),
        ({"num_lanes": 10**12, "episodes": np.zeros(1, int)}, None),
    ],
)
def test_bad_input_gets_one_clear_line(arguments, message):
    if message is None:  # more lanes than episodes is fine
        evaluate(0, **arguments)
        return
    with pytest.raises(rrplan.InputError, match=message) as caught:
        evaluate(0, **arguments)
    assert "\n" not in str(caught.value)


def test_trees_that_cannot_fit_are_refused_with_the_numbers():
    with pytest.raises(rrplan.InputError, match=r"num_lanes is 4096: trees of .* lanes fit$"):
        rrplan.evaluate(
            PLANNER._replace(max_simulations=10**8), metapolicies.fixed(), 0,
            key=KEY, episodes=4096, num_lanes=4096,
        )  # fmt: skip
