"""Total tardiness: the law by which instances are drawn, and the space they are seen in."""

import jax
import numpy as np
import pytest

from envs import Tardiness

MANY = 1000
KEY = jax.random.key(0)
ENV = Tardiness(num_jobs=5)

draw = jax.jit(jax.vmap(ENV.reset_env, (0, None)))


@pytest.fixture(scope="module")
def drawn():
    """Return many instances with default parameters: states ``[MANY, ...]``."""
    return jax.device_get(draw(jax.random.split(KEY, MANY), ENV.default_params)[1])


def test_processing_times_are_uniform_from_one_to_a_hundred(drawn):
    times = drawn.processing_times
    assert (times.min(), times.max()) == (1, 100)
    # Ten bins of a tenth each; seven standard errors.
    shares = np.bincount((times.ravel() - 1) // 10) / times.size
    np.testing.assert_allclose(shares, 0.1, atol=7 * np.sqrt(0.09 / times.size))


def test_due_dates_are_uniform_on_their_interval(drawn):
    total = drawn.processing_times.sum(axis=1, keepdims=True)
    first, last = 0.3 * total, 0.5 * total
    dates = drawn.due_dates
    assert (dates >= first - 1).all()
    assert (dates <= last + 1).all()
    shares = np.histogram((dates - first) / (last - first), 4, (0, 1))[0] / dates.size
    np.testing.assert_allclose(shares, 0.25, atol=0.03)


@pytest.mark.parametrize(
    ("factor", "spread", "zero", "largest"),
    [(0.6, 0.0, 0.0, 0.4), (1.0, 1.0, 0.5, 0.5), (0.0, 1.0, 0.0, 1.5), (1.0, 0.0, 1.0, 0.0)],
)
def test_intervals_of_due_dates_at_the_ends_of_their_range(factor, spread, zero, largest):
    keys = jax.random.split(KEY, MANY)
    params = ENV.default_params.replace(tardiness_factor=factor, due_date_range=spread)
    observation, state = draw(keys, params)
    space = ENV.observation_space(params)
    assert observation.shape == (MANY, *space.shape)
    assert ((observation >= space.low) & (observation <= space.high)).all()
    total = np.asarray(state.processing_times).sum(axis=1, keepdims=True)
    dates = np.asarray(state.due_dates)
    np.testing.assert_allclose((dates == 0).mean(), zero, atol=0.04)
    np.testing.assert_allclose((dates / total).max(), largest, atol=0.02)
    assert dates.min() >= 0


def test_factor_and_range_are_swept_without_tracing_again():
    traces = []

    @jax.jit
    def latest(params):
        traces.append(1)
        return ENV.reset_env(KEY, params)[1].due_dates.max()

    loose, tight = (latest(ENV.default_params.replace(tardiness_factor=f)) for f in (0.2, 0.8))
    assert loose > tight
    assert len(traces) == 1
