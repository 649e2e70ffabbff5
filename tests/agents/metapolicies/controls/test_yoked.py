"""The yoked control: another's amounts of thinking and its looks, not its knowledge."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents.metapolicies.controls import yoked
from rrplan.errors import InputError
from rrplan.types import Trace
from tests.rrplan import tabular

ENVIRONMENT = tabular.TabularEnvironment()
TABLE = tabular.make_table(4, ENVIRONMENT.num_actions)  # one of its states has one legal action
MOST, STEPS = 9, ENVIRONMENT.max_length
PLANNER = rrplan.Planner(ENVIRONMENT, TABLE, tabular.table_network, TABLE, max_simulations=MOST)
COSTS = rrplan.Costs(0.01, rrplan.Rates(1.0, look=3.0, decision=0.5, level=0.25), look_fee=0.02)


def stop(scale, keys, carry, seen):
    """A stopper that orders 2 at a time, as many as the state says; some states use up the cap."""
    wanted = jnp.round(scale * jnp.abs(seen.raw_value)).astype(jnp.int32)
    extra = jnp.clip(wanted - seen.simulations, 0, 2)
    return rrplan.Control(extra, jnp.full_like(extra, 100), carry)


STOPPER = rrplan.MetaPolicy(lambda batch_size: (), stop)


def evaluate(meta_policy, params, seed=11):
    found = rrplan.evaluate(
        PLANNER, meta_policy, params, key=jax.random.key(seed), episodes=2048,
        num_lanes=256, costs=COSTS, trace=STEPS,
    )  # fmt: skip
    return jax.device_get(found)


@functools.cache
def stopped(seed):
    return evaluate(STOPPER, 4.0, seed)


@functools.cache
def donors():
    """Return the stopper's decisions on other episodes than those that tests play."""
    return yoked.collect(stopped(12).trace, ENVIRONMENT.num_actions)


@functools.cache
def tied():
    return evaluate(yoked.yoked(), donors())


def rows(trace):
    """Return index, legal actions, simulations and looks of each decision with a choice."""
    decision = np.broadcast_to(np.arange(trace.valid.shape[1]), trace.valid.shape)
    chosen = trace.valid & (trace.legal_actions > 1)
    columns = (decision, trace.legal_actions, trace.simulations, trace.looks)
    return np.stack([column[chosen] for column in columns], axis=1)


def test_every_decision_thinks_and_looks_as_some_donor_of_its_kind_did():
    given = {tuple(row) for row in rows(stopped(12).trace)}
    taken = {tuple(row) for row in rows(tied().trace)}
    assert taken <= given
    assert len(taken) > 20
    ks = {k for _, _, k, _ in taken}
    assert {0, MOST} <= ks  # acting at once, and using up the cap, after which nobody is asked
    assert len(ks) > 3


def test_without_looks_it_thinks_as_donors_did_and_never_looks():
    found = evaluate(yoked.yoked_without_looks(), donors())
    given = {tuple(row[:3]) for row in rows(stopped(12).trace)}
    taken = {tuple(row[:3]) for row in rows(found.trace)}
    assert taken <= given
    assert len(taken) > 20
    assert not np.asarray(found.looks).any()


def test_it_thinks_and_pays_as_much_as_the_stopper_on_average():
    found = tied()
    for name in ("simulations", "looks"):
        a, b = (float(getattr(one, name).mean()) for one in (stopped(11), found))
        np.testing.assert_allclose(b, a, rtol=0.05)
    counts = rrplan.costs.Counts(found.simulations, found.looks, found.length, found.levels)
    np.testing.assert_allclose(found.cost, rrplan.costs.charge(COSTS, counts), rtol=1e-5)
    assert float(found.looks.mean()) > 1.5 * float(found.length.mean())  # a gate's would be fewer


def test_it_does_not_know_the_state():
    """What it orders changes with nothing that a state is but its kind."""
    policy, seen = yoked.yoked(), shown(64)
    other = jax.tree.map(lambda leaf: leaf + 1, seen)._replace(
        **{n: getattr(seen, n) for n in ("simulations", "simulations_left", "decision")},
        invalid_actions=seen.invalid_actions[:, ::-1],  # as many, but others
    )

    @jax.jit
    def ordered(donors, seen):
        keys = jax.random.split(jax.random.key(1), 64)
        return policy.apply(donors, keys, policy.init(64), seen).carry.simulations

    answers = [ordered(donors(), s) for s in (seen, other)]
    np.testing.assert_array_equal(*answers)
    assert len(np.unique(answers[0])) > 1


def shown(lanes):
    """Return what is seen at the first decision, with two of three actions legal."""
    number, count = np.zeros(lanes, np.float32), np.zeros(lanes, np.int32)
    each = np.zeros((lanes, 3), np.float32)
    return rrplan.MetaObservation(
        observation=number, features=each, prior_logits=each,
        invalid_actions=np.tile([True, False, False], (lanes, 1)),
        visit_counts=each.astype(np.int32), qvalues=each, qvalue_variances=each,
        raw_value=number, search_value=number, simulations=count,
        simulations_left=count + MOST, decision=count, price=number, budget_left=count + 99,
        max_depth=count,
    )  # fmt: skip


def made_up(decisions):
    """Return a trace of one episode's ``(legal actions, simulations, looks)`` a decision each."""
    legal, simulations, looks = np.array(decisions).T[:, None]
    columns = dict.fromkeys(Trace._fields, np.zeros(legal.shape))
    columns |= {"valid": legal > 0, "legal_actions": legal}
    return Trace(**(columns | {"simulations": simulations, "looks": looks}))


def test_empty_groups_take_the_nearest_kind_and_then_the_decision_before():
    # Decision 1 has no choice, so nobody thought there; after decision 3 the episode is over.
    found = yoked.collect(made_up([(2, 5, 2), (1, 0, 0), (4, 7, 3), (3, 1, 2), (0, 0, 0)]), 4)
    assert found.start.shape == (5, 5)
    simulations = found.simulations[found.start]
    np.testing.assert_array_equal(simulations[:, 2], [5, 5, 7, 1, 1])
    np.testing.assert_array_equal(simulations[:, 4], [5, 5, 7, 1, 1])
    assert (found.number == 1).all()
    two = made_up([(2, 5, 2)]), made_up([(4, 7, 3)])
    found = yoked.collect(Trace(*map(np.concatenate, zip(*two, strict=True))), 4)
    np.testing.assert_array_equal(found.simulations[found.start[0, 2:]], [5, 5, 7])


def test_a_trace_without_a_choice_is_refused():
    with pytest.raises(InputError, match="no decision with a choice"):
        yoked.collect(made_up([(1, 0, 0)]), 4)
