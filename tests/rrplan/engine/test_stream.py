"""Lanes that run on and on: what they record is what evaluation says of the same episodes."""

import functools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from rrplan.engine import meta_steps, stream
from rrplan.engine.state import Engine
from rrplan.models import Settings, make_model
from tests.rrplan import tabular

LANES, ROWS, MOST, SUPPLY = 8, 60, 6, 120
KEY = jax.random.key(2)
COSTS = rrplan.Costs(
    rates=rrplan.Rates(1.5, look=0.4, decision=0.7, level=0.2),
    decision_fee=0.05, look_fee=0.01, level_fee=0.03,
)  # fmt: skip


class Seen(NamedTuple):
    """What the test's policy records."""

    simulations: jax.Array
    decision: jax.Array
    price: jax.Array
    ordered: jax.Array


def apply(params, keys, carry, seen):
    """Order 0 to 2 simulations by chance."""
    del params
    ordered = jax.vmap(lambda key: jax.random.randint(key, (), 0, 3))(keys)
    recorded = Seen(seen.simulations, seen.decision, seen.price, ordered)
    return rrplan.Control(ordered, jnp.full_like(ordered, 99), carry, recorded)


POLICY = rrplan.MetaPolicy(init=lambda batch_size: (), apply=apply)


def draw_prices(keys):
    return 0.1 * jax.vmap(jax.random.uniform)(keys)


@functools.cache
def planner():
    table, environment = tabular.make_table(1, 3), tabular.TabularEnvironment()
    return rrplan.Planner(environment, table, tabular.table_network, table, max_simulations=MOST)


@functools.cache
def setting():
    environment, table, network, params, search, most = planner()
    engine = Engine(make_model(environment, table, network), POLICY, LANES, most, record=ROWS)
    settings = Settings(
        env_params=table, model_params=params, meta_params=(), key=KEY,
        costs=jax.tree.map(jnp.asarray, COSTS), **search.traced(),
    )  # fmt: skip
    return engine, settings


begin_stream = jax.jit(stream.start, static_argnums=(0, 2))


@functools.partial(jax.jit, static_argnames="engine")
def run(settings, state, wanted, engine=None):
    engine = engine or setting()[0]
    return stream.collect(engine, settings, state, wanted, SUPPLY, draw_prices)


@pytest.fixture(scope="module")
def harvested():
    engine, settings = setting()
    begin = begin_stream(engine, settings, SUPPLY)
    return begin, *run(settings, begin, 200)


def rows_of(record, lane):
    count = int(meta_steps.closed(record)[lane])
    return jax.tree.map(lambda leaf: np.asarray(leaf[:count, lane]), record._replace(count=()))


def test_a_record_adds_up_to_the_episodes(harvested):
    _, _, harvest = harvested
    assert int(meta_steps.closed(harvest.looks).sum()) >= 200
    from_rows, skipped, several = [], [], 0
    for lane in range(LANES):
        rows = rows_of(harvest.looks, lane)
        ends = np.flatnonzero(rows.ended)
        parts = np.split(np.stack([rows.reward, rows.aux.decision]), ends + 1, axis=1)[: len(ends)]
        # Before the first look of an episode there may be decisions without a choice.
        from_rows += [reward.sum() for reward, decision in parts if decision[0] == 0]
        skipped += [decision[0] > 0 for _, decision in parts]
        steps = np.diff(rows.aux.decision)
        np.testing.assert_array_equal(steps[~rows.ended[:-1]], rows.acts[:-1][~rows.ended[:-1]])
        several += (rows.acts > 1).sum()
    episodes = harvest.episodes
    over = np.asarray(episodes.length) > 0
    assert (episodes.levels > episodes.simulations).any()
    counts = rrplan.Counts(episodes.simulations, episodes.looks, episodes.length, episodes.levels)
    costs = COSTS._replace(price=harvest.prices)
    timed = rrplan.timed_return(episodes.untimed_return, costs, counts)[over]
    # An episode that ended in the lane's open row stands in the results, not in the closed rows,
    # and neither does one in which there was nothing to choose.
    assert 0 <= len(timed) - len(skipped) <= LANES + (episodes.looks[over] == 0).sum()
    assert 0 < sum(skipped) < len(skipped)
    assert several > 0
    for value in from_rows:
        assert np.isclose(timed, value, atol=1e-5).any()


def test_its_episodes_are_those_of_an_evaluation(harvested):
    _, after, harvest = harvested
    first = np.concatenate([np.zeros(LANES), np.arange(SUPPLY)]).astype(np.int32)
    over = np.flatnonzero(harvest.episodes.length)
    assert (over >= LANES).all()  # the lanes' own episodes had not begun
    ids = first[over]
    evaluated = rrplan.evaluate(
        planner(), POLICY, (), key=KEY, episodes=jnp.asarray(ids),
        costs=COSTS._replace(price=np.asarray(harvest.prices)[over]), num_lanes=5,
    )  # fmt: skip
    for name in ("untimed_return", "simulations", "length", "looks", "levels"):
        np.testing.assert_array_equal(
            getattr(harvest.episodes, name)[over], getattr(evaluated, name), err_msg=name
        )
    assert int(after.next_id) == int(after.ids.max()) + 1


def test_two_stretches_are_one_long_one(harvested):
    begin, _, _ = harvested
    _, settings = setting()
    state, one = run(settings, begin, 80)
    _, two = run(settings, state, 100)
    _, whole = run(settings, begin, 200)
    for lane in range(LANES):
        parts = [rows_of(harvest.looks, lane) for harvest in (one, two)]
        joined = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
        expected = rows_of(whole.looks, lane)
        length = min(len(joined.reward), len(expected.reward))
        assert length > 10
        joined, expected = (
            jax.tree.map(lambda leaf, end=length: leaf[:end], rows) for rows in (joined, expected)
        )
        chex.assert_trees_all_close(joined, expected, atol=1e-6)


def test_who_looks_once_has_one_meta_step_a_decision():
    engine, settings = setting()
    engine = engine._replace(meta_policy=POLICY._replace(looks="once"))
    _, harvest = run(settings, begin_stream(engine, settings, SUPPLY), 100, engine)
    for lane in range(LANES):
        rows = rows_of(harvest.looks, lane)
        assert (rows.aux.simulations == 0).all()
        assert rows.acts.all()  # from one decision's look to the next
    over = harvest.episodes.length > 0
    assert (harvest.episodes.looks <= harvest.episodes.length).all()
    assert (harvest.episodes.looks == harvest.episodes.length)[over].any()


def test_it_stops_before_a_record_overflows_or_episodes_run_out(harvested):
    begin, _, _ = harvested
    _, settings = setting()
    _, full = run(settings, begin, 10**6)
    most = int(full.looks.count.max())
    ran_short = int((full.episodes.length > 0).sum()) > SUPPLY - 2 * LANES
    assert most == ROWS or ran_short
    assert most <= ROWS
