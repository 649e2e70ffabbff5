"""Rules played on recorded searches: what the engine plays, episode by episode."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents import metapolicies
from agents.metapolicies.fair import choices as tables
from agents.metapolicies.fair import fitting, network, policy, searches
from agents.metapolicies.fair.regressing import FitConfig
from agents.metapolicies.learned.config import MetaConfig
from rrplan import oracle
from tests.rrplan.oracle.test_clairvoyant import EPISODES, KEY, LARGEST, TABULAR

KS = (0, 1, 3, LARGEST)
COSTS = rrplan.Costs(0.02, rrplan.Rates(0.5, look=0.7, decision=0.3, level=0.2), look_fee=1e-3)


@pytest.fixture(scope="module")
def records():
    return oracle.record(TABULAR, key=KEY, episodes=EPISODES, ks=KS, num_lanes=16)


@pytest.fixture(scope="module")
def made():
    return network.build(MetaConfig("stopper", KS, width=4), TABULAR)


def drawn(made, seed):
    """Return parameters whose promises are all over the place."""
    params = made.init(jax.random.key(seed))
    leaves, tree = jax.tree.flatten(params["weights"])
    keys = jax.random.split(jax.random.key(seed + 1), len(leaves))
    noise = [jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)]
    return {**params, "weights": jax.tree.unflatten(tree, noise)}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_rule_earns_on_the_table_what_it_earns_in_the_engine(records, made, seed):
    choices = searches.to_choices(records, COSTS)
    tables.check(choices)
    params = drawn(made, seed)
    shown = searches.to_shown(records, COSTS, made)
    told = fitting.predict(made, params, choices, shown)
    chosen = np.where(told.max(axis=1) > 0, 1 + told.argmax(axis=1), 0)
    assert len(np.unique(chosen)) > 1
    values = tables.evaluate(choices, chosen)[choices.first]
    episodes = rrplan.evaluate(
        TABULAR, policy.rule(made), params, key=KEY, episodes=EPISODES, costs=COSTS, num_lanes=16
    )
    np.testing.assert_allclose(values, episodes.timed_return, rtol=1e-4, atol=1e-5)
    assert episodes.looks.sum() > 0


@pytest.mark.parametrize("k", KS)
def test_a_fixed_k_on_the_table_is_a_fixed_k_but_for_its_look(records, k):
    costs = COSTS._replace(rates=COSTS.rates._replace(look=0.0), look_fee=0.0)
    choices = searches.to_choices(records, costs)
    values = tables.evaluate(choices, searches.fixed_rule(records, k))[choices.first]
    given = TABULAR, metapolicies.fixed(), jnp.int32(k)
    episodes = rrplan.evaluate(*given, key=KEY, episodes=EPISODES, costs=costs, num_lanes=16)
    np.testing.assert_allclose(values, episodes.timed_return, rtol=1e-4, atol=1e-5)
    hindsight = tables.with_hindsight(choices)[1][choices.first]
    assert (values <= hindsight + 1e-9).all()


def test_fitting_again_gives_the_same_rule_and_beats_acting_at_once(records, made):
    costs = rrplan.Costs(1e-3)
    others = oracle.record(
        TABULAR, key=jax.random.key(3), episodes=EPISODES, ks=KS, num_lanes=EPISODES
    )
    choices = [searches.to_choices(one, costs) for one in (records, others)]
    shown = [searches.to_shown(one, costs, made) for one in (records, others)]
    config = FitConfig(rounds=2, steps=64, batch_size=64)
    given = made, choices[0], shown[0], choices[1], shown[1], config, jax.random.key(0)
    one, other = (fitting.fit(*given) for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, one.params, other.params)
    at_once = fitting.mean_value(choices[0], searches.fixed_rule(records, 0))
    best = tables.with_hindsight(choices[0])[1][choices[0].first].mean()
    assert at_once < one.rounds[-1].fitted <= best + 1e-9
    assert one.rounds[one.kept].validation == max(r.validation for r in one.rounds)


def test_a_planner_that_steps_a_learned_model_is_refused():
    learned = TABULAR._replace(network=rrplan.LearnedModel(None, None))
    with pytest.raises(rrplan.InputError, match="got a LearnedModel"):
        network.build(MetaConfig("stopper", KS), learned)
    with pytest.raises(rrplan.InputError, match="got a LearnedModel"):
        oracle.record(learned, key=KEY, episodes=2, ks=KS)
