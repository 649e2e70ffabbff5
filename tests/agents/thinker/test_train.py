"""Training: the suite's PPO where nothing is imagined, resumed, and it learns to search."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import rrplan
from agents.model_free import lanes as plain_lanes
from agents.ppo import learner as ppo
from agents.ppo.config import LearningConfig
from agents.thinker import network as thinker_networks
from agents.thinker.collecting import collect
from agents.thinker.config import StageConfig, ThinkerConfig
from agents.thinker.inputs import Seen
from agents.thinker.lanes import start
from agents.thinker.network import ThinkerNetwork
from agents.thinker.player import prepare
from agents.thinker.supply import Supply
from agents.thinker.trainable import make
from agents.training.fit import fit, read_metrics
from rrplan.costs import Costs
from rrplan.errors import InputError
from rrplan.types import Evaluation, Transition
from tests.agents.stirring import stir
from tests.agents.thinker.tabular import ACTIONS, LIMIT, Tabular, make_planner

KEY = jax.random.key(5)
GAMMA, LANES, STEPS = 0.8, 16, 12


class Walk(NamedTuple):
    """Where an episode stands, and how it came there."""

    place: object
    action: jax.Array
    reward: jax.Array


@dataclasses.dataclass(frozen=True)
class Extended:
    """A tabular problem whose observation is all that an agent sees of a root, made by hand."""

    planner: object = dataclasses.field(hash=False, compare=False)
    inner: Tabular = Tabular()
    num_actions: int = ACTIONS
    depth: int = 2

    def reset(self, key, params):
        place, observation = self.inner.reset(key, params)
        walk = Walk(place, jnp.int32(-1), jnp.float32(0.0))
        return walk, self.observe(walk, observation, params)

    def step(self, key, state, action, params):
        after = self.inner.step(key, state.place, action, params)
        walk = Walk(after.state, action.astype(jnp.int32), after.reward)
        seen = self.observe(walk, after.observation, params)
        return Transition(walk, seen, after.reward, after.terminated, after.truncated)

    def invalid_actions(self, state, params):
        return self.inner.invalid_actions(state.place, params)

    def observe(self, walk, observation, params):
        words = self.planner.params
        state, time = walk.place
        legal = ~params.illegal[state]
        logits = words.logits[state]
        logits = logits - jnp.where(legal, logits, -jnp.inf).max()
        prior = jnp.where(legal, jnp.maximum(logits, -10.0), -10.0)
        value = words.value[state, time]
        none, last = jnp.zeros(ACTIONS), jax.nn.one_hot(walk.action, ACTIONS)
        node = [last, prior, none, none, none, legal]
        whole = [walk.reward, 0.0, value] * 2 + [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
        numbers = jnp.stack([jnp.asarray(number, jnp.float32) for number in whole])
        return Seen(
            actions=jnp.stack([*node, *node, *[none] * self.depth], axis=-1).astype(jnp.float32),
            whole=jnp.concatenate([numbers, observation, observation, observation]),
            legal=legal,
            imaginable=legal,
            acts=jnp.array(True),
            imagines=jnp.array(False),
            prior=prior,
            imagined_prior=prior,
        )


@dataclasses.dataclass(frozen=True)
class RealActor:
    """The real head alone, as an actor of the suite's PPO."""

    network: ThinkerNetwork

    def __call__(self, params, seen):
        heads = self.network.heads(params, seen.observation)
        return heads.real, heads.value[:, 0]


@dataclasses.dataclass(frozen=True)
class PlainConfig(LearningConfig):
    """The suite's PPO with a discount."""

    gamma = GAMMA
    lambda_per = "act"
    gae_lambda: float = 0.9
    minibatches: int = 4

    @property
    def batch_rows(self):
        return LANES * STEPS


def test_with_no_imagination_it_is_the_suites_ppo_on_an_extended_observation():
    planner = make_planner(11, GAMMA)
    stage = StageConfig(steps=1, depth=2)
    problem, settings = prepare(planner, stage, Costs())
    config = ThinkerConfig(
        steps=1, width=8, layers=1, num_lanes=LANES, steps_per_chunk=STEPS, gae_lambda=0.9,
        minibatches=4, imagined_entropy=0.3,
    )  # fmt: skip
    network = thinker_networks.build(config, stage, problem, settings)
    params = network.init(KEY)
    weights, deviation = stir(params["weights"], 0.4), np.float32([0.7, 0.2])
    params = {**params, "weights": weights, "value_deviation": deviation}
    settings = settings._replace(key=KEY, meta_params=params)
    supply = Supply(lambda place: (place, jnp.zeros(place.shape)), jnp.int32(2**20))

    @jax.jit
    def ours(settings):
        lanes = start(problem, settings, supply, LANES)
        return collect(problem, network, settings, supply, lanes, STEPS)[1]

    @jax.jit
    def plain(params):
        environment, actor = Extended(planner), RealActor(network)
        lanes = plain_lanes.start(environment, planner.env_params, KEY, LANES)
        given = environment, planner.env_params, actor, params, KEY, lanes, STEPS
        return plain_lanes.collect(*given)[1]

    harvest, expected = jax.device_get((ours(settings), plain(params)))
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)  # noqa: E731
    jax.tree.map(close, harvest.looks.aux.inputs, expected.looks.aux.inputs.observation)
    np.testing.assert_array_equal(harvest.looks.aux.answer, expected.looks.aux.answer)
    for name in ("reward", "acts", "ended", "count"):
        close(getattr(harvest.looks, name), getattr(expected.looks, name))
    assert harvest.looks.ended.sum() > LANES
    discount = np.where(expected.looks.ended, 0.0, GAMMA)[:-1]
    close(harvest.channels.discount[:-1, :, 0], discount)
    assert not harvest.channels.learned[..., 1].any()
    close(harvest.looks.aux.value[..., 0], expected.looks.aux.value)
    own = PlainConfig()
    advantages = jax.jit(ppo.advantages, static_argnums=1)
    advantage = advantages(harvest.looks, config, harvest.channels)
    close(np.asarray(advantage)[..., 0], advantages(expected.looks, own))

    # The same batch, the same losses and the same steps of the gradient.
    shares = ppo.Shares(np.float32(1.0), np.float32(0.01), np.float32([1.0, 0.5]))
    learn = jax.jit(ppo.learn, static_argnums=(0, 1, 2))
    to_batch = jax.jit(ppo.to_batch, static_argnums=1)
    optimizer = optax.adam(1e-2)
    begun = optimizer.init(params["weights"])

    def run(actor, config, batch, params):
        return learn(actor, config, optimizer, shares, KEY, params, begun, batch)

    batch = to_batch(harvest.looks, config, harvest.channels, shares.channels)
    new, _, losses = run(network, config, batch, params)
    single = {**params, "value_deviation": params["value_deviation"][0]}
    batch = to_batch(expected.looks, own)
    other, _, plain_losses = run(RealActor(network), own, batch, single)
    for name in losses._fields:
        np.testing.assert_allclose(
            getattr(losses, name), getattr(plain_losses, name), rtol=1e-4, atol=1e-6, err_msg=name
        )
    weights = jax.tree.leaves(new["weights"]), jax.tree.leaves(other["weights"])
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


# What pays is seen only by imagining: the network sees nothing, the state says which action pays.


@dataclasses.dataclass(frozen=True)
class Hidden(Tabular):
    """A tabular problem that shows nothing of its state."""

    name: str = "hidden"

    def observe(self, place):
        return jnp.zeros(2) + place.time


def blind(params, observation):
    """Return nothing."""
    batch = observation.shape[0]
    return Evaluation(jnp.zeros((batch, ACTIONS)), params * jnp.zeros(batch), observation)


def hidden_planner():
    """One action of three pays 1, another one in each state; then it is over."""
    planner = make_planner(0, 1.0, choice=True)
    table = planner.env_params._replace(
        first=jnp.array([1.0, 1.0, 1.0, 0.0, 0.0]) / 3,
        reward=jnp.eye(5, ACTIONS),
        over=jnp.ones((5, ACTIONS), bool),
    )
    return rrplan.Planner(Hidden(), table, blind, jnp.float32(1.0), planner.search)


SMALL = ThinkerConfig(
    steps=4, k_max=3, depth=2, width=16, layers=1, num_lanes=64, steps_per_chunk=16, num_chunks=40,
    minibatches=4, learning_rate=1e-2, value_chunks=2, evaluation_episodes=128, evaluate_every=20,
    checkpoint_every=10,
)  # fmt: skip


def trainable(**changes):
    return make(hidden_planner(), dataclasses.replace(SMALL, **changes), chosen=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("thinker")
    return directory, fit(trainable().training, KEY, directory, report=lambda record: None)


def test_it_learns_to_search_where_only_imagination_tells(finished):
    """Without imagination a third of the episodes pay; three imaginary steps can find it."""
    directory, _ = finished
    records = read_metrics(directory)
    assert records[-1]["evaluation_return"] > 0.85
    assert records[-1]["imagined"] == 3.0
    assert records[-1]["steps"] == 40 * 64 * 16


def test_resuming_gives_the_same_result_bit_for_bit(finished, tmp_path):
    class Killed(Exception):  # noqa: N818 - not an error: it stands for a signal
        pass

    def kill(record):
        if record["chunk"] == 17:
            raise Killed

    with pytest.raises(Killed):
        fit(trainable().training, KEY, tmp_path, report=kill)
    resumed = fit(trainable().training, KEY, tmp_path, resume=True, report=lambda record: None)
    jax.tree.map(np.testing.assert_array_equal, resumed, finished[1])
    logs = [
        [{k: v for k, v in record.items() if k != "seconds"} for record in read_metrics(path)]
        for path in (finished[0], tmp_path)
    ]
    assert logs[0] == logs[1]


def test_another_training_is_not_gone_on_with(finished):
    planner = hidden_planner()
    other = planner._replace(params=jnp.float32(2.0))
    for train, what in (
        (trainable(clip=0.1).training, "train"),
        (make(other, SMALL, chosen=False).training, "planner"),
        (trainable(keep_tree=False).training, "stage, train"),
    ):
        with pytest.raises(InputError, match=f"holds another training: .*{what}.* differ"):
            fit(train, KEY, finished[0], resume=True)


def test_nan_from_an_environment_stops_with_one_line(tmp_path):
    planner = hidden_planner()
    reward = planner.env_params.reward.at[0, 0].set(jnp.nan)
    planner = planner._replace(env_params=planner.env_params._replace(reward=reward))
    with pytest.raises(InputError, match="NaN or infinity in an observation or reward"):
        fit(make(planner, SMALL, chosen=False).training, KEY, tmp_path, report=lambda record: None)


def test_an_environment_of_one_action_gets_one_line():
    planner = make_planner(0)._replace(environment=Tabular(num_actions=1))
    planner = planner._replace(
        env_params=jax.tree.map(
            lambda leaf: leaf[:, :1] if leaf.ndim > 1 else leaf, planner.env_params
        ),
        params=planner.params._replace(logits=planner.params.logits[:, :1]),
    )
    with pytest.raises(InputError, match="tabular has one action: expected two or more") as caught:
        make(planner, SMALL, chosen=False)
    assert "\n" not in str(caught.value)
    assert LIMIT == 4
