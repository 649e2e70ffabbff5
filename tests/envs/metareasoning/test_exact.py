"""Exact values: known ones, brute force, simulated episodes, and what must hold of any problem."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import BernoulliSelection, Mouselab, Pandora
from envs.metareasoning import exact as tables
from rrplan.errors import InputError
from tests.envs.metareasoning import made_up

EPISODES = 100_000


def myopic(table, cost):
    return lambda beliefs: tables.choose(tables.gains(table, table.payoffs, cost, beliefs))


def optimum(table, cost):
    return tables.solve(table, cost).values[table.first]


def recursion(arms, horizon, alternative, cost):
    """The optimal value of Bernoulli selection, written down once more."""

    @functools.cache
    def value(*counts):
        pairs = list(zip(counts[::2], counts[1::2], strict=True))
        best = max([alternative, *((1 + ones) / (2 + ones + zeros) for ones, zeros in pairs)])
        if sum(counts) < horizon:
            for arm, (ones, zeros) in enumerate(pairs):
                mean = (1 + ones) / (2 + ones + zeros)
                rise, fall = ([*counts], [*counts])
                rise[2 * arm] += 1
                fall[2 * arm + 1] += 1
                best = max(best, mean * value(*rise) + (1 - mean) * value(*fall) - cost)
        return best

    return value(*(0,) * (2 * arms))


def test_two_arms_for_thirty_samples_are_worth_what_a_recursion_finds():
    table = tables.tabulate(BernoulliSelection(horizon=30))
    assert abs(optimum(table, 0.001) - recursion(2, 30, 0.0, 0.001)) < 1e-12


def test_two_arms_for_a_hundred_samples():
    table = tables.tabulate(BernoulliSelection(horizon=100))
    assert len(table.payoffs) == 4_598_126
    assert abs(optimum(table, 0.001) - 0.6423593964607162) < 1e-9


@pytest.mark.parametrize(
    ("env", "cost", "best", "greedy", "digits"),
    [
        (BernoulliSelection(2, 30, 0.5), 0.01, 0.6243858085, 0.61, 10),
        (BernoulliSelection(1, 30, 0.5), 0.01, 0.5767619048, 0.57 + 1 / 300, 10),
        (Mouselab(), 0.1, 0.9, 0.8, 12),
        (Mouselab(), 0.3, 0.4, 0.4, 12),
        (Pandora(), 1.0, 0.6615176558978212, None, 12),
    ],
    ids=["two arms", "one arm", "cheap tree", "dear tree", "boxes"],
)
def test_known_values(env, cost, best, greedy, digits):
    table = tables.tabulate(env)
    assert abs(optimum(table, cost) - best) < 0.6 * 10**-digits
    if greedy is not None:
        assert abs(tables.play(table, myopic(table, cost)).value(cost) - greedy) < 1e-12


def walk_by_hand(env):
    """Return ``{belief: (payoff, {computation: [(chance, belief), ...]})}``, one at a time."""
    found, pending = {}, [env.first_belief()]
    while pending:
        state = pending.pop()
        if int(env.index(state, np)) in found:
            continue
        moves = {}
        for computation in np.flatnonzero(env.possible(state, np)):
            chances = env.news(state, computation, np)
            after = [env.learn(state, computation, o, np) for o in np.flatnonzero(chances)]
            pending += after
            indices = [int(env.index(belief, np)) for belief in after]
            moves[int(computation)] = list(zip(chances[chances > 0], indices, strict=True))
        found[int(env.index(state, np))] = float(env.payoff(state, np)), moves
    return found


@pytest.mark.parametrize(
    ("env", "cost", "policies"),
    [
        (BernoulliSelection(1, 2, alternative=0.55), 0.02, 2**3),
        (BernoulliSelection(1, 3, alternative=0.55), 0.02, 2**6),
        (BernoulliSelection(2, 1), 0.03, 3),
        (BernoulliSelection(2, 2, alternative=0.6), 0.01, 3 * 3**4),
        (Mouselab(parents=(-1, 0), values=(-1, 3), probabilities=(0.7, 0.3)), 0.1, 3 * 2**4),
        (Mouselab(branching=(2,), values=((-1, 1), (0, 0.5))), 0.1, 3 * 2**4),
        (Mouselab(branching=(2,), values=((-1, 1, 2), (0, 0.5, 1.6))), 0.1, 3 * 2**6),
        (Pandora(values=((0, 1), (-1, 0.8)), costs=(0.1, 0.05)), 1.0, 3 * 2**4),
        (Pandora(values=((0.2, 1), (0.3, 0.8)), costs=(0.1, 0.05)), 1.5, 3 * 2**4),
    ],
)
def test_no_policy_of_all_is_better_than_the_solution(env, cost, policies):
    beliefs = walk_by_hand(env)
    stop = env.num_computations

    def value(belief, policy):
        payoff, moves = beliefs[belief]
        if policy.get(belief, stop) == stop:
            return payoff
        price = cost * env.unit_costs[policy[belief]]
        return sum(p * value(after, policy) for p, after in moves[policy[belief]]) - price

    first = int(env.index(env.first_belief(), np))
    choices = {b: [*moves, stop] for b, (_, moves) in beliefs.items() if moves}
    every = itertools.product(*choices.values())
    worth = [value(first, dict(zip(choices, chosen, strict=True))) for chosen in every]
    assert len(worth) == policies
    table = tables.tabulate(env)
    solution = tables.solve(table, cost)
    assert abs(solution.values[first] - max(worth)) < 1e-12
    solved = {belief: int(solution.policy[belief]) for belief in choices}
    assert abs(value(first, solved) - max(worth)) < 1e-12
    assert max(worth) > min(worth) + 1e-3


@pytest.mark.parametrize("env", made_up.SMALL.values(), ids=made_up.SMALL)
def test_exact_values_of_policies_are_the_means_of_episodes(env):
    table, params = tables.tabulate(env), env.default_params

    shape = (EPISODES, env.most_computations + 1)

    @jax.jit
    def simulate(chances, key, drawn):
        at_most = jnp.cumsum(chances, axis=1)[:, :-1]

        def tick(carry, xs):
            (state, total), (key, share) = carry, xs
            action = (share >= at_most[env.index(state)]).sum()
            _, state, reward, _, _ = env.step_env(key, state, action, params)
            return (state, total + reward), None

        def episode(keys, shares):
            _, state = env.reset_env(keys[0], params)
            (state, total), _ = jax.lax.scan(tick, (state, 0.0), (keys, shares))
            return total, state.time, state.stopped

        return jax.vmap(episode)(jax.random.split(key, shape), drawn)

    rng, stop = np.random.default_rng(0), table.num_computations
    choices = made_up.random_choices(table, rng)
    choices[table.first] = 1
    mixed = made_up.random_policy(table, rng)
    mixed[table.first] = 1 / (stop + 1)
    for seed, policy in enumerate([choices, mixed]):
        chances = policy if policy.ndim == 2 else policy[:, None] == np.arange(stop + 1)
        key = jax.random.key(seed)
        totals, times, stopped = jax.device_get(simulate(chances, key, rng.random(shape)))
        assert stopped.all()
        play, values = tables.play(table, policy), tables.evaluate(table, policy, env.cost)
        assert abs(play.value(env.cost) - values[table.first]) < 1e-12
        for drawn, exact in ((totals, play.value(env.cost)), (times, play.computations)):
            error = drawn.std(dtype=float) / np.sqrt(EPISODES)
            assert abs(drawn.mean(dtype=float) - exact) < 4 * error + 1e-6
        assert totals.std() > 0.01


@settings(max_examples=60)
@given(
    made_up.problems(), st.lists(made_up.costs, min_size=2, max_size=3), st.integers(0, 2**32 - 1)
)
def test_the_optimum_is_above_all_policies_and_falls_with_the_cost(env, prices, seed):
    table, rng, prices = tables.tabulate(env), np.random.default_rng(seed), np.sort(prices)
    together = tables.solve(table, prices)
    assert (np.diff(together.values, axis=1) <= 1e-12).all()
    assert (together.values >= table.payoffs[:, None]).all()
    for index, cost in enumerate(prices):
        alone = tables.solve(table, cost)
        np.testing.assert_allclose(together.values[:, index], alone.values, atol=1e-12)
        np.testing.assert_array_equal(together.policy[:, index], alone.policy)
        reached = tables.evaluate(table, alone.policy, cost)
        np.testing.assert_allclose(reached, alone.values, atol=1e-12)
        for policy in (made_up.random_policy(table, rng), made_up.random_choices(table, rng)):
            values = tables.evaluate(table, policy, cost)
            assert (values <= alone.values + 1e-12).all()
            play = tables.play(table, policy)
            assert abs(play.value(cost) - values[table.first]) < 1e-12
            # A function of beliefs is the same as the table of what it returns.
            assert tables.play(table, lambda beliefs, p=policy: p[beliefs]) == play
    square = tables.solve(table, np.array([prices[:2], prices[:2]]))
    np.testing.assert_array_equal(square.values[:, 1], square.values[:, 0])
    np.testing.assert_allclose(square.values[:, 0], together.values[:, :2], atol=1e-12)


@settings(max_examples=60)
@given(made_up.problems())
def test_nothing_is_computed_for_more_than_perfect_information_is_worth(env):
    table = tables.tabulate(env)
    information = tables.solve(table, 0.0).values - table.payoffs
    assert (information >= 0).all()
    cheapest = min((unit for unit in table.unit_costs if unit), default=1.0)
    dear = table.unit_costs > 0
    solution = tables.solve(table, (information.max() + 1e-9) / cheapest, among=dear)
    np.testing.assert_array_equal(solution.values, table.payoffs)
    assert (solution.policy == table.num_computations).all()


@settings(max_examples=60)
@given(made_up.problems(), made_up.costs, st.data())
def test_fewer_computations_to_choose_from_never_help(env, cost, data):
    table = tables.tabulate(env)
    some = st.lists(st.booleans(), min_size=len(table.related), max_size=len(table.related))
    few = np.array(data.draw(some))
    free, kept = tables.solve(table, cost), tables.solve(table, cost, few)
    assert (kept.values <= free.values + 1e-12).all()
    assert set(np.unique(kept.policy)) <= {*np.flatnonzero(few), table.num_computations}
    # What is left of the problem is a problem, and this is its solution.
    reached = tables.evaluate(table, kept.policy, cost)
    np.testing.assert_allclose(reached, kept.values, atol=1e-12)
    nothing = tables.solve(table, cost, np.zeros_like(few))
    np.testing.assert_array_equal(nothing.values, table.payoffs)
    all_of_them = tables.solve(table, cost, np.ones_like(few))
    np.testing.assert_array_equal(all_of_them.policy, free.policy)


def test_of_equal_actions_stopping_is_taken_then_the_first_computation():
    # Both clicks bring exactly 0.5, however their sums are rounded: 0.1 + 0.2 is not 0.3.
    gains = np.array([[0.3, 0.1 + 0.2, 0.2], [0.1 + 0.2, 0.3, -np.inf], [1e-13, 0.0, -1e-3]])
    assert tables.choose(gains).tolist() == [0, 0, 3]
    table = tables.tabulate(Mouselab(branching=(2,)))
    first = tables.solve(table, np.array([0.25, 0.5, 0.75])).policy[table.first]
    assert first.tolist() == [0, 2, 2]


def test_symmetric_arms_are_sampled_in_their_order():
    env = BernoulliSelection(arms=2, horizon=8)
    table = tables.tabulate(env)
    policy = tables.solve(table, 0.001).policy
    alike = (table.beliefs.counts[:, 0] == table.beliefs.counts[:, 1]).all(axis=1)
    assert alike.sum() > 10
    assert (policy[alike] != 1).all()
    mirrored = env.index(table.beliefs.replace(counts=table.beliefs.counts[:, ::-1]), np)
    swapped = policy[mirrored]
    # In a mirrored belief the other arm is next; or both gain the same, and it is the first.
    assert ((policy + swapped <= 1) | (policy == 2) & (swapped == 2)).all()


@pytest.mark.parametrize(
    ("env", "prices"),
    [
        (BernoulliSelection(3, 5, alternative=0.5), (0.0, 0.01, 0.05)),
        (Mouselab(), (0.0, 0.1, 0.3)),
        # Single precision rounds these sums by more than a millionth.
        (
            Mouselab((2, 1), values=(-47.3, 1.13, 22.7, 31.3), probabilities=(0.2, 0.3, 0.1, 0.4)),
            (0.0, 1.0, 6.0),
        ),
        (Pandora(values=((-1, 0.3), (0.3, 0.3, 0.9), (0.31,)), costs=(0.1, 0, 0.1)), (0.0, 1.0)),
    ],
    ids=["bernoulli", "mouselab", "large values", "pandora"],
)
def test_the_greedy_rule_is_the_myopic_policy_in_every_belief(env, prices):
    table = tables.tabulate(env)
    greedy = jax.jit(jax.vmap(env.greedy_action, in_axes=(0, None)))
    every = np.arange(len(table.payoffs))
    for cost in prices:
        actions = greedy(table.beliefs, env.default_params.replace(cost=cost))
        np.testing.assert_array_equal(actions, myopic(table, cost)(every))
    assert len(np.unique(actions)) > 1


@pytest.mark.parametrize("name", ["evaluate", "play"])
def test_policies_that_are_none_are_refused(name):
    table = tables.tabulate(BernoulliSelection(arms=2, horizon=1))
    work = functools.partial(tables.evaluate, cost=0.1) if name == "evaluate" else tables.play
    chances = np.tile([0, 0.5, 0.5], (5, 1))
    chances[1:] = [0, 0, 1]
    work(table, chances)
    shape = "expected [5] whole numbers or [5, 3] probabilities"
    impossible = "a policy does an impossible computation in belief "
    wrong = [
        (np.full(4, 2), f"a policy has shape (4,) of int64: {shape}"),
        (np.full(5, 2.0), f"a policy has shape (5,) of float64: {shape}"),
        (chances[:, :2], f"a policy has shape (5, 2) of float64: {shape}"),
        (np.array([3, 2, 2, 2, 2]), "a policy holds 3 to 3: expected 0 to 2"),
        (np.array([-1, 2, 2, 2, 2]), "a policy holds -1 to -1: expected 0 to 2"),
        (chances * 0.9, "a policy holds probabilities that do not sum to 1"),
        (chances * np.nan, "a policy holds probabilities that do not sum to 1"),
        (
            np.add(chances, [-0.5, 0, 0.5]),
            "a policy holds a probability -0.5: expected none below 0",
        ),
        (np.array([0, 1, 1, 1, 1]), impossible),
        (np.tile(chances[0], (5, 1)), impossible),
        (lambda beliefs: np.full(len(beliefs), 0.5), "a policy has shape"),
        (lambda beliefs: np.full(len(beliefs) + 1, 2), "a policy has shape"),
    ]
    for policy, message in wrong:
        with pytest.raises(InputError) as caught:
            work(table, policy)
        assert str(caught.value).startswith(message)
        assert "\n" not in str(caught.value)


def test_what_no_reached_belief_does_is_not_looked_at_in_play():
    table = tables.tabulate(BernoulliSelection(arms=1, horizon=1))
    stops = np.array([1, 0, 0])
    assert tables.play(table, stops) == tables.Play(0.5, 0.0, 0.0)
    with pytest.raises(InputError, match="impossible computation in belief 1"):
        tables.evaluate(table, stops, 0.1)


def test_too_many_beliefs_are_refused_and_can_be_played():
    env = BernoulliSelection(arms=10, horizon=100)
    with pytest.raises(InputError) as caught:
        tables.tabulate(env)
    beliefs = f"{env.num_beliefs:,}"
    assert str(caught.value) == (
        f"bernoulli has {beliefs} beliefs with 10 computations and 2 outcomes each: expected at "
        "most 200,000,000 in all for an exact solution"
    )
    params, key = env.default_params, jax.random.key(0)
    step = jax.jit(lambda key: env.step_env(key, env.reset_env(key, params)[1], 7, params))
    _, state, reward, _, _ = step(key)
    assert state.counts[7].sum() == 1 == state.counts.sum()
    np.testing.assert_allclose(reward, -0.01)
