"""Heuristic meta-policies: worked out by hand, by brute force, and inside the engine."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents import metapolicies
from agents.metapolicies import tuning
from agents.metapolicies.rules.heuristics import (
    EntropyParams,
    VetParams,
    entropy,
    expand_virtually,
    least_simulations,
    margin,
    vet,
)
from rrplan.planner import Planner
from tests.agents.metapolicies.rules.made_up import see
from tests.rrplan import tabular

ENVIRONMENT = tabular.TabularEnvironment()
TABLE = tabular.make_table(3, ENVIRONMENT.num_actions)
LARGEST = 9
KEY = jax.random.key(11)
RULES = (metapolicies.fixed(), entropy(), margin(), vet(LARGEST, ENVIRONMENT.num_actions))
FIXED, ENTROPY, MARGIN, VET = range(4)
TRACES = []


def counted_network(params, observation):
    TRACES.append(1)
    return tabular.table_network(params, observation)


def init_any(batch_size):
    return tuple(rule.init(batch_size) for rule in RULES)


def apply_any(params, keys, carries, seen):
    """Do as the rule does whose turn it is: compiling the engine once for all saves time."""
    turn, all_params = params

    def follow(i):
        def apply(carries):
            control = RULES[i].apply(all_params[i], keys, carries[i], seen)
            return control._replace(carry=(*carries[:i], control.carry, *carries[i + 1 :]))

        return apply

    return jax.lax.switch(turn, [follow(i) for i in range(len(RULES))], carries)


ANY = rrplan.MetaPolicy(init_any, apply_any)


def evaluate(rule, params, price=0.0):
    all_params = [0, EntropyParams(0, 0.0), 0, VetParams(0)]
    all_params[rule] = params
    planner = Planner(ENVIRONMENT, TABLE, counted_network, TABLE, max_simulations=LARGEST)
    return rrplan.evaluate(
        planner, ANY, (rule, tuple(all_params)), key=KEY, episodes=40, num_lanes=16,
        trace=ENVIRONMENT.max_length, costs=rrplan.Costs(price=price),
    )  # fmt: skip


def assert_same_decisions(result, expected):
    for name in ("untimed_return", "length"):
        np.testing.assert_array_equal(getattr(result, name), getattr(expected, name))
    np.testing.assert_array_equal(result.trace.action, expected.trace.action)


def ask(meta_policy, params, seen, carry=()):
    control = jax.jit(meta_policy.apply)(params, None, carry, seen)
    assert control.extra_simulations.dtype == control.max_depth.dtype == jnp.int32
    return control.extra_simulations.tolist(), control.carry


# Entropy.


def test_entropy_by_hand():
    # Over legal actions: log 2 = 0.693; -(0.5 ln 0.5 + 2 x 0.25 ln 0.25) = 1.040; 0; log 3 = 1.099.
    seen = see(
        np.zeros((4, 3)),
        probs=[[0.4, 0.4, 0.2], [0.5, 0.25, 0.25], [0.3, 0.3, 0.4], [1, 1, 1]],
        illegal=[[False, False, True], [False] * 3, [True, True, False], [False] * 3],
    )
    assert ask(entropy(), EntropyParams(5, 0.69), seen)[0] == [5, 5, 0, 5]
    assert ask(entropy(), EntropyParams(5, 0.70), seen)[0] == [0, 5, 0, 5]
    assert ask(entropy(), EntropyParams(5, 1.05), seen)[0] == [0, 0, 0, 5]
    assert ask(entropy(), EntropyParams(5, 0.0), seen)[0] == [5, 5, 0, 5]
    assert ask(entropy(), EntropyParams(5, -np.inf), seen)[0] == [5, 5, 5, 5]
    # Asked again, it gives what is left of k.
    assert ask(entropy(), EntropyParams(5, 0.5), see([[3, 1, 0], [5, 1, 0]]))[0] == [1, 0]


def test_entropy_lies_between_reactive_and_fixed():
    always, never, sometimes = (
        evaluate(ENTROPY, EntropyParams(6, threshold)) for threshold in (-np.inf, np.inf, 0.7)
    )
    for result, k in ((always, 6), (never, 0)):
        expected = evaluate(FIXED, k)
        assert_same_decisions(result, expected)
        np.testing.assert_array_equal(result.simulations, expected.simulations)
    trace = sometimes.trace
    searched = np.where(trace.valid & (np.asarray(trace.prior_entropy) > 0.7), 6, 0)
    np.testing.assert_array_equal(trace.simulations, searched)
    assert 0 < sometimes.simulations.sum() < always.simulations.sum()


# Margin.


@pytest.mark.parametrize(
    ("visits", "expected"),
    [
        # k = 10. Six left to give: a rival with 0 can end on 6 > 4, is 2 too near: 2 / 2 = 1 more.
        ([4, 0, 0], 1),
        # One later it can end on 5, and so can the leader, who wins ties: nobody can win.
        ([5, 0, 0], 0),
        # The others win ties against action 1: 5 against 5 is still open, 4 against 6 is not.
        ([0, 5, 0], 1),
        ([0, 6, 0], 0),
        ([3, 2, 0], 2),  # 5 left, 2 + 5 = 7, which is 4 too near
        ([0, 0, 0], 5),  # nobody can be out of reach before half is done
        ([5, 4, 1], 0),  # nothing is left
    ],
)
def test_margin_by_hand(visits, expected):
    probs = [0.4, 0.2, 0.4]  # ties: action 0, then 2, then 1
    assert ask(margin(), 10, see([visits], probs=probs))[0] == [expected]


def test_margin_minds_the_cap_and_what_is_illegal():
    seen = see([[2, 1, 0]], left=1)
    assert ask(margin(), 10, seen)[0] == [0]  # 1 + 1 = 2, and the leader wins ties
    assert ask(margin(), 10, see([[0, 0, 0]], illegal=[[True, False, True]]))[0] == [0]
    assert ask(margin(), 0, see([[0, 0, 0]]))[0] == [0]


@pytest.mark.parametrize("probs", [[0.2, 0.5, 0.3], [0.3, 0.3, 0.4], [1.0, 1.0, 1.0]])
def test_margin_stops_as_soon_as_every_continuation_ends_alike(probs):
    """All 3 ** 6 ways in which six visits can fall, against a search through all of them."""
    k, actions = 6, 3
    order = sorted(range(actions), key=lambda action: -probs[action])

    def final_action(sequence):
        return max(order, key=sequence.count)  # the first of those with most visits

    sequences = list(itertools.product(range(actions), repeat=k))
    outcomes = {}
    for sequence in sequences:
        for length in range(k + 1):
            outcomes.setdefault(sequence[:length], set()).add(final_action(sequence))
    expected = [
        next(n for n in range(k + 1) if len(outcomes[sequence[:n]]) == 1) for sequence in sequences
    ]
    visits = np.eye(actions, dtype=np.int32)[np.array(sequences)]
    visits = np.concatenate([np.zeros_like(visits[:, :1]), visits.cumsum(1)], axis=1)
    done, everyone = np.zeros(len(sequences), int), np.arange(len(sequences))
    asks = 0
    while (extra := np.array(ask(margin(), k, see(visits[everyone, done], probs=probs))[0])).any():
        done += extra
        asks += 1
    np.testing.assert_array_equal(done, expected)
    assert asks <= 4  # 3 at first, then one by one


def test_margin_acts_as_fixed_k_does_with_fewer_simulations():
    for k in (0, 1, 4, 5, LARGEST):
        result, expected = evaluate(MARGIN, k), evaluate(FIXED, k)
        assert_same_decisions(result, expected)
        assert (result.simulations <= expected.simulations).all()
        # There are no forced moves here: one simulation is settled by nothing but itself.
        assert (result.simulations.sum() < expected.simulations.sum()) == (k > 1)


def test_what_is_tuned_earns_what_the_engine_says_and_is_the_best():
    grid = tuning.margin_candidates([1, 4, LARGEST])

    def run(candidate, price=0.0):
        return evaluate(MARGIN, candidate.params, price)

    choices = tuning.tune(run, grid, [0.0, 0.05, 5.0])
    for choice in choices:
        earned = [float(run(candidate, choice.price).timed_return.mean()) for candidate in grid]
        np.testing.assert_allclose(choice.timed, max(earned), rtol=1e-5)
        assert choice.candidate.name == grid[int(np.argmax(earned))].name
    assert choices[-1].candidate.params == 0
    assert choices[0].candidate.params > 0


# Virtual Expanded Termination.

# One visit to action 0 found Q = -1 where the network had said -3, so node values are -2 and Q is
# scaled to (1, 0); after another one that finds the same they are -5/3 and (1, 0) again.
# Scores at n node visits: Q + sqrt(n) p / (visits + 1), with c_init = 1 and no growth.
SCENE = {"probs": [0.3, 0.7], "qvalues": [-1.0, 0.0], "raw": -3.0}
NO_GROWTH = {"c_init": 1.0, "c_base": 1e9}


@pytest.mark.parametrize(
    ("visits", "value", "expected"),
    [
        # n = 1: .3 .7 -> 1. n = 2: .42 .49 -> 1. n = 3: .52 .40 -> 0. n = 4: .3 .47 -> 1.
        ([0, 0], -3.0, [1, 3]),
        # n = 2: 1.21 .99 -> 0. n = 3: 1.17 1.21 -> 1. n = 4: 1.2 .7 -> 0; were Q not frozen,
        # action 1 would seem to have been seen with Q = 0 by now, the best there is.
        ([1, 0], -2.0, [3, 1]),
        # n = 3: 1.17 1.21 -> 1. n = 4: 1.2 .7 -> 0.
        ([2, 0], -5 / 3, [3, 1]),
    ],
)
def test_virtual_expansion_by_hand(visits, value, expected):
    seen = see([visits], value=value, **SCENE)
    given = expand_virtually(seen, 4 - seen.simulations, **NO_GROWTH)
    assert given.tolist() == [expected]


def test_vet_by_hand():
    """With N = 4: the forecasts (1, 3), (3, 1), (3, 1) are 1 and 0 apart."""
    rule = vet(4, 2)
    scenes = [
        see([visits], value=value, **SCENE)
        for visits, value in (([0, 0], -3.0), ([1, 0], -2.0), ([2, 0], -5 / 3))
    ]

    def run(**params):
        """Return the answers at 0, 1 and 2 simulations."""
        answers, carry = [], rule.init(1)
        for seen in scenes:
            answer, carry = ask(rule, VetParams(4, **params, **NO_GROWTH), seen, carry)
            answers += answer
        return answers

    assert run(ratio=0.25, tolerance=0.1) == [1, 1, 0]
    assert run(ratio=0.25, tolerance=1.0) == [1, 1, 0]  # not less than
    assert run(ratio=0.25, tolerance=1.01)[:2] == [1, 0]
    assert run(ratio=0.5, tolerance=0.1)[1:] == [1, 0]
    assert run(ratio=0.75, tolerance=9.0)[1:] == [1, 1]
    assert run(ratio=0.25, tolerance=0.0) == [1, 1, 1]
    # It goes at once to where a comparison first looks back: with r N = 4 at 2.
    assert run(ratio=1.0, tolerance=9.0)[0] == 2


def expand_one(seen, lane, left, c_init, c_base):
    """The virtual expansion of one lane, step by step."""
    probs = np.asarray(jax.nn.softmax(seen.prior_logits))[lane]
    visits, qvalues = np.array(seen.visit_counts[lane]), np.asarray(seen.qvalues[lane])
    node_value, node_visits = float(seen.search_value[lane]), visits.sum() + 1
    known = [node_value, *qvalues[visits > 0]]
    scaled = np.where(visits > 0, qvalues, min(known)) - min(known)
    scaled = scaled / max(max(known) - min(known), 1e-8)
    for _ in range(left):
        growth = c_init + np.log((node_visits + c_base + 1) / c_base)
        scores = scaled + np.sqrt(node_visits) * growth * probs / (visits + 1)
        visits[np.where(seen.invalid_actions[lane], -np.inf, scores).argmax()] += 1
        node_visits += 1
    return visits


def test_virtual_expansion_of_many_lanes():
    rng = np.random.default_rng(0)
    visits = rng.integers(0, 4, (12, 5)) * rng.integers(0, 2, (12, 5))
    seen = see(
        visits,
        probs=rng.uniform(0.1, 1, (12, 5)),
        illegal=(rng.uniform(size=(12, 5)) < 0.3) & (visits == 0) & (np.arange(5) != 2),
        qvalues=rng.normal(size=(12, 5)),
        value=rng.normal(size=12),
    )
    left = rng.integers(0, 30, 12)
    given = expand_virtually(seen, jnp.asarray(left, jnp.int32), 1.25, 50.0)
    expected = [expand_one(seen, lane, left[lane], 1.25, 50.0) for lane in range(12)]
    np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize(
    ("cap", "ratio", "runs"), [(9, 0.2, 2), (5, 0.2, 1), (9, 0.5, 5), (5, 1.0, 5), (4, 0.0, 1)]
)
def test_tolerant_vet_runs_the_share_that_is_always_run(cap, ratio, runs):
    result, expected = evaluate(VET, VetParams(cap, ratio, np.inf)), evaluate(FIXED, runs)
    assert_same_decisions(result, expected)
    np.testing.assert_array_equal(result.simulations, expected.simulations)


@pytest.mark.parametrize(("cap", "runs"), [(0, 0), (7, 7), (99, LARGEST)])
def test_strict_vet_runs_to_its_cap(cap, runs):
    result, expected = evaluate(VET, VetParams(cap, 0.2, 0.0)), evaluate(FIXED, runs)
    assert_same_decisions(result, expected)
    np.testing.assert_array_equal(result.simulations, expected.simulations)


def test_vet_stops_somewhere_in_between():
    trace = evaluate(VET, VetParams(LARGEST, 0.2, 0.1)).trace
    counts = np.asarray(trace.simulations)[np.asarray(trace.valid)]
    assert counts.min() == 2  # 0.2 x 9 = 1.8
    assert 2 < counts.max() < LARGEST


def test_other_parameters_compile_nothing():
    evaluate(VET, VetParams(1))
    before = len(TRACES)
    evaluate(VET, VetParams(8, 0.5, 0.2, 2.0, 100.0))
    evaluate(ENTROPY, EntropyParams(3, 0.1))
    evaluate(MARGIN, 5)
    assert len(TRACES) == before


def test_rounding_does_not_move_the_share_that_is_always_run():
    percents, caps = map(np.array, zip(*itertools.product(range(101), range(257)), strict=True))
    expected = np.maximum(-(-percents * caps // 100), 1)
    ratios = jnp.asarray(percents / 100, jnp.float32)
    np.testing.assert_array_equal(least_simulations(ratios, jnp.asarray(caps)), expected)


@pytest.mark.parametrize("arguments", [(0, 3), (8, 0)])
def test_vet_refuses_bounds_below_one(arguments):
    with pytest.raises(rrplan.InputError, match="is 0: expected 1 or more"):
        vet(*arguments)
