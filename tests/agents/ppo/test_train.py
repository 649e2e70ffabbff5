"""PPO, round after round, on a source of experience made by hand: a bandit with three arms."""

import dataclasses
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.ppo import train as ppo_train
from agents.ppo.config import LearningConfig
from agents.ppo.train import Source
from rrplan.engine.meta_steps import Looks

KEY = jax.random.key(8)
PAYS = jnp.array([0.2, 0.3, 0.5])
STEPS = 4


@dataclasses.dataclass(frozen=True)
class Config(LearningConfig):
    """Pulls are ends of their own."""

    gamma: ClassVar[float] = 1.0
    lambda_per: ClassVar[str] = "look"

    num_lanes: int = 32
    num_chunks: int = 40
    minibatches: int = 4
    learning_rate: float = 0.1
    value_chunks: int = 2

    @property
    def batch_rows(self):
        return self.num_lanes * STEPS


@dataclasses.dataclass(frozen=True)
class Cautious(Config):
    """The same, but nothing is learned at first."""

    idle_chunks: ClassVar[int] = 3


class Pull(NamedTuple):
    inputs: jax.Array  # [R, B] no more than a number
    answer: jax.Array
    log_prob: jax.Array
    value: jax.Array


class Harvest(NamedTuple):
    looks: Looks


def actor(params, inputs):
    logits = jnp.broadcast_to(params["weights"]["logits"], (*inputs.shape, 3))
    return logits, jnp.broadcast_to(params["weights"]["value"], inputs.shape)


def start(params, key):
    del params, key
    return jnp.int32(0)  # pulls so far


def collect(params, key, pulls):
    inputs = jnp.zeros((STEPS + 1, Config().num_lanes))
    logits, value = actor(params, inputs)
    answer = jax.random.categorical(jax.random.fold_in(key, pulls), logits)
    log_prob = jnp.take_along_axis(jax.nn.log_softmax(logits), answer[..., None], -1)[..., 0]
    is_open = jnp.arange(STEPS + 1)[:, None] == STEPS
    looks = Looks(
        aux=Pull(inputs, answer.astype(jnp.int32), log_prob, value),
        reward=jnp.where(is_open, 0.0, PAYS[answer]),
        acts=jnp.broadcast_to(~is_open, answer.shape).astype(jnp.int32),
        ended=jnp.broadcast_to(~is_open, answer.shape),
        count=jnp.full(answer.shape[1], STEPS + 1, jnp.int32),
    )
    return pulls + STEPS, Harvest(looks)


SOURCE = Source(actor, start, collect)
ADVANCE = jax.jit(ppo_train.advance, static_argnums=(0, 1))


def begin(config):
    weights = {"logits": jnp.zeros(3), "value": jnp.zeros(())}
    params = {"weights": weights, "value_deviation": jnp.float32(1.0)}
    return ppo_train.begin(SOURCE, config, KEY, params)


def test_it_learns_from_any_source_what_pays_best():
    config, learner = Config(), begin(Config())
    for _ in range(config.num_chunks):
        learner, done = ADVANCE(SOURCE, config, learner)
    chances = jax.nn.softmax(learner.params["weights"]["logits"])
    assert chances[2] > 0.9
    assert learner.params["weights"]["value"] == pytest.approx(float(chances @ PAYS), abs=0.05)
    assert learner.chunk == 40
    assert learner.episodes == 40 * STEPS
    assert learner.params["value_deviation"] == 1.0  # none of the learner's business
    assert done.learning_rate < 1e-4


def test_of_idle_chunks_nothing_is_kept_but_the_experience():
    learner = first = begin(Cautious())
    for chunk in range(Cautious.idle_chunks):
        learner, done = ADVANCE(SOURCE, Cautious(), learner)
        jax.tree.map(
            np.testing.assert_array_equal,
            (learner.params, learner.opt_state),
            (first.params, first.opt_state),
        )
        assert learner.episodes == STEPS * (chunk + 1)
        assert np.isfinite(done.losses.loss)
    learner, done = ADVANCE(SOURCE, Cautious(), learner)
    assert learner.params["weights"]["value"] != 0.0
    # The schedule starts now.
    steps, total = 3 * 4, (40 - 3) * 3 * 4
    expected = 0.1 * 0.5 * (1 + np.cos(np.pi * (steps - 1) / total))
    np.testing.assert_allclose(done.learning_rate, expected, rtol=1e-6)
