"""A fitted rule: near the exact optimum where the law is known, and never beyond hindsight."""

import jax
import numpy as np
import pytest

from agents.metapolicies.fair import choices as tables
from agents.metapolicies.fair import fitting
from agents.metapolicies.fair.regressing import FitConfig
from agents.metareasoning import sampled
from envs.metareasoning import exact
from envs.metareasoning.bernoulli import BernoulliSelection
from experiments.studies.metareasoning.scores import Bounds
from rrplan import InputError

COST = 0.01
CONFIG = FitConfig(rounds=4, steps=256, batch_size=1024, elsewhere=0.7)


@pytest.fixture(scope="module")
def problem():
    env = BernoulliSelection(arms=2, horizon=4)
    return env, exact.tabulate(env)


@pytest.fixture(scope="module")
def fitted(problem):
    env, table = problem
    shown = sampled.observe(env, table)
    regressor = sampled.FlatRegressor(inputs=shown.data.shape[1], ways=2)
    instances = [sampled.sample(table, COST, 2000, seed) for seed in (0, 1)]
    given = regressor, instances[0], shown, instances[1], shown, CONFIG, jax.random.key(0)
    return fitting.fit(*given), regressor, shown


def test_it_comes_within_two_percent_of_the_exact_optimum(problem, fitted):
    _, table = problem
    found, regressor, shown = fitted
    policy = sampled.rule_of(regressor, found.params, shown, table)
    best = float(exact.solve(table, COST).values[table.first])
    score = Bounds(table.payoffs[table.first], best).score(exact.play(table, policy).value(COST))
    assert score is not None
    assert 0.98 < score <= 1.0 + 1e-9


def test_sampled_instances_earn_what_the_exact_table_says(problem):
    _, table = problem
    policy = exact.solve(table, COST).policy
    many = sampled.sample(table, COST, 4000, 3)
    chosen = np.tile((policy + 1) % 3, 4000)
    values = tables.evaluate(many, chosen)[many.first]
    error = values.std() / np.sqrt(len(values))
    assert abs(values.mean() - exact.solve(table, COST).values[table.first]) < 4 * error
    hindsight = tables.with_hindsight(many)[1][many.first]
    assert (values <= hindsight + 1e-12).all()
    assert hindsight.mean() > values.mean() + 10 * error


def test_the_round_that_earns_most_on_other_instances_is_kept(fitted):
    found, _, _ = fitted
    validation = [one.validation for one in found.rounds]
    assert found.kept == int(np.argmax(validation))
    assert len(found.rounds) == CONFIG.rounds
    assert validation[found.kept] > 0.5  # stopping at once


def test_a_table_with_nothing_to_choose_takes_one_line(problem):
    instance = sampled.sample(problem[1], COST, 2, 0)
    closed = instance._replace(allowed=instance.allowed & (np.arange(3) == 0))
    with pytest.raises(InputError, match="lets no row go on"):
        fitting.fit(None, closed, None, closed, None, CONFIG, jax.random.key(0))


def test_settings_out_of_range_take_one_line():
    with pytest.raises(InputError, match="elsewhere must be between 0 and 1, got 2"):
        FitConfig(elsewhere=2.0)
