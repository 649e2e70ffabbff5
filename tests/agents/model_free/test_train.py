"""Policies on metareasoning problems: what lanes record, resuming, exact values."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.metapolicies.learned.config import PPOConfig
from agents.metareasoning import network as metareasoning_networks
from agents.metareasoning.config import MetareasoningConfig
from agents.metareasoning.greedy import greedy_policy
from agents.model_free import lanes as plain_lanes
from agents.model_free.lanes import Actor, Decision, Seen
from agents.model_free.train import EVALUATION_SEED, make_plain_train
from agents.networks import NetworkConfig
from agents.ppo import learner
from agents.ppo.config import LearningConfig
from agents.presets import metareasoning_preset
from agents.training.fit import fit, load_params, read_metrics
from envs.adapters.gymnax_adapter import adapt
from envs.metareasoning import exact as tables
from envs.metareasoning.bernoulli import BernoulliSelection
from envs.metareasoning.mouselab import Mouselab
from rrplan import keys
from rrplan.engine.meta_steps import Looks
from rrplan.errors import InputError
from tests.agents.stirring import stir
from tests.rrplan import tabular

KEY = jax.random.key(3)
COST = 0.02
CONFIG = MetareasoningConfig(
    num_lanes=64, steps_per_chunk=8, num_chunks=40, minibatches=4, learning_rate=1e-2,
    value_chunks=2, evaluation_episodes=256, evaluate_every=20, checkpoint_every=10,
)  # fmt: skip
ENV = BernoulliSelection(arms=1, horizon=3, alternative=0.5, cost=COST)


class Problem(NamedTuple):
    """A problem and a network for it, with parameters that prefer something."""

    environment: object
    env_params: object
    network: object
    params: object
    table: tables.BeliefTable


@functools.cache
def problem(env=ENV, kind="mlp"):
    environment, env_params = adapt(env), env.default_params
    config = NetworkConfig(kind, "tiny")
    network, params = metareasoning_networks.build(config, environment, env_params, KEY)
    # Untrained heads are nearly flat, and say nothing at all of zeros.
    return Problem(environment, env_params, network, stir(params), tables.tabulate(env))


def training(cost=COST, **changes):
    given = problem()
    config = dataclasses.replace(CONFIG, **changes)
    env_params = given.env_params.replace(cost=cost)
    return make_plain_train(given.environment, env_params, given.network, config)


COLLECT = jax.jit(plain_lanes.collect, static_argnums=(0, 2, 6))
ASK = jax.jit(lambda network, params, observation: network(params, observation), static_argnums=0)


def collect(given, lanes, steps, key=KEY):
    actor = Actor(given.network)
    env_params = jax.tree.map(jnp.asarray, given.env_params)
    return COLLECT(
        given.environment, env_params, actor, actor.wrap(given.params), key, lanes, steps
    )


START = jax.jit(plain_lanes.start, static_argnums=(0, 3))


def begin(given, count, key=KEY):
    return START(given.environment, given.env_params, key, count)


def probabilities(given, beliefs):
    """What the network would draw in each belief, from the observation itself."""
    env = given.environment.env
    observation = jnp.asarray(env.show(beliefs, np), jnp.float32)
    logits = np.array(ASK(given.network, given.params, observation).prior_logits, float)
    logits[:, :-1][~env.possible(beliefs, np)] = -np.inf
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    return chances / chances.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("policy")
    return directory, fit(training(), KEY, directory, report=lambda record: None)


def exact(params, cost=COST):
    given = problem()
    env_params = given.env_params.replace(cost=cost)
    policy = greedy_policy(
        given.environment, env_params, given.network, params, given.table.beliefs
    )
    return tables.play(given.table, policy)


def test_the_smallest_problem_is_solved_exactly(finished):
    table = problem().table
    best = tables.solve(table, COST).values[table.first]
    assert best > table.payoffs[table.first] + 0.01  # stopping at once is not what is best
    assert exact(finished[1]).value(COST) == pytest.approx(best, abs=1e-12)


def test_where_nothing_pays_it_stops_at_once():
    train = training(cost=1.0)
    state = train.init(KEY, train.network.init(KEY))
    for _ in range(20):
        state, metrics = train.advance(state)
    assert exact(state.params, 1.0) == (0.5, 0.0, 0.0)
    assert metrics.computations < 0.1


def test_evaluation_is_of_the_greedy_policy(finished):
    directory, params = finished
    records = [r for r in read_metrics(directory) if "evaluation_return" in r]
    assert [record["chunk"] for record in records] == [20, 40]
    error = records[-1]["evaluation_error"]
    value = exact(params).value(COST)
    np.testing.assert_allclose(records[-1]["evaluation_return"], value, atol=4 * error)
    assert EVALUATION_SEED not in (0x7E57, 0x7E58)  # those of the planners and meta-policies
    jax.tree.map(np.testing.assert_array_equal, load_params(directory, params), params)


def test_resuming_gives_the_same_result_bit_for_bit(finished, tmp_path):
    class Killed(Exception):  # noqa: N818 - not an error: it stands for a signal
        pass

    def kill(record):
        if record["chunk"] == 17:
            raise Killed

    with pytest.raises(Killed):
        fit(training(), KEY, tmp_path, report=kill)
    resumed = fit(training(), KEY, tmp_path, resume=True, report=lambda record: None)
    jax.tree.map(np.testing.assert_array_equal, resumed, finished[1])
    logs = [
        [{k: v for k, v in record.items() if k != "seconds"} for record in read_metrics(path)]
        for path in (finished[0], tmp_path)
    ]
    assert logs[0] == logs[1]
    assert logs[0][-1]["steps"] == 40 * 64 * 8


def test_another_training_is_not_gone_on_with(finished):
    given = problem()
    longer = problem(dataclasses.replace(ENV, horizon=4))
    other = make_plain_train(longer.environment, given.env_params, given.network, CONFIG)
    for train, what in (
        (training(cost=0.03), "env_params"),
        (training(clip=0.1), "train"),
        (other, "environment"),
    ):
        with pytest.raises(InputError, match=f"holds another training: {what} differ"):
            fit(train, KEY, finished[0], resume=True)


def test_nan_from_an_environment_stops_with_one_line(tmp_path):
    with pytest.raises(InputError, match="NaN or infinity in an observation or reward"):
        fit(training(cost=jnp.nan), KEY, tmp_path, report=lambda record: None)


@dataclasses.dataclass(frozen=True)
class Counting:
    """A network that counts how often it is traced."""

    network: object
    traces = []  # noqa: RUF012 - of all of them together

    def init(self, key):
        return self.network.init(key)

    def __call__(self, params, observation):
        self.traces.append(observation.shape)
        return self.network(params, observation)


def test_costs_and_seeds_share_one_program():
    given = problem()

    def run(cost, seed, env=ENV):
        environment, network = adapt(env), Counting(given.network)
        params = dataclasses.replace(env, cost=cost).default_params
        train = make_plain_train(environment, params, network, CONFIG)
        state = train.init(jax.random.key(seed), network.init(KEY))
        state, _ = train.advance(state)
        return train.evaluate(state.params)

    run(0.01, 0)
    traced = len(Counting.traces)
    assert traced > 0
    run(0.2, 1, dataclasses.replace(ENV, cost=0.2))
    assert len(Counting.traces) == traced


def test_what_is_recorded_is_what_stepping_by_hand_gives():
    given = problem(Mouselab(parents=(-1, -1, 1)))
    count, steps = 3, 12
    lanes, harvest = jax.device_get(collect(given, begin(given, count), steps))
    seen, answer = harvest.looks.aux.inputs, harvest.looks.aux.answer
    of_one = (given.environment.step, given.environment.reset, given.environment.invalid_actions)
    step, reset, invalid_actions = map(jax.jit, of_one)

    @functools.partial(jax.jit, static_argnums=0)
    def draw(domain, *index):
        episode, *folds = [jnp.array([i]) for i in index]
        return keys.draw(KEY, episode, domain, *folds)[0]

    def fresh(episode):
        return [*reset(draw(keys.Domain.RESET, episode), given.env_params), episode, 0, 0.0]

    hand = [fresh(episode) for episode in range(count)]
    begun = count
    for row in range(steps):
        for lane in range(count):
            state, observation, episode, time, total = hand[lane]
            np.testing.assert_array_equal(seen.observation[row, lane], observation)
            illegal = np.asarray(invalid_actions(state, given.env_params))
            np.testing.assert_array_equal(seen.invalid_actions[row, lane], illegal)
            action = answer[row, lane]
            assert not illegal[action]
            after = step(draw(keys.Domain.STEP, episode, time), state, action, given.env_params)
            total += after.reward
            stops = bool(action == given.environment.num_actions - 1)
            assert harvest.looks.reward[row, lane] == after.reward
            assert harvest.looks.ended[row, lane] == harvest.ended[row, lane] == stops
            np.testing.assert_allclose(harvest.total[row, lane], total, rtol=1e-6)
            assert harvest.length[row, lane] == time + 1
            hand[lane] = [after.state, after.observation, episode, time + 1, total]
            if stops:
                hand[lane] = fresh(begun)
                begun += 1
    assert harvest.ended.sum() > count  # some lanes began anew more than once
    assert lanes.begun == begun
    np.testing.assert_array_equal(lanes.episode, [lane[2] for lane in hand])
    np.testing.assert_array_equal(lanes.time, [lane[3] for lane in hand])
    np.testing.assert_array_equal(seen.observation[-1], np.stack([lane[1] for lane in hand]))
    np.testing.assert_array_equal(harvest.looks.count, steps + 1)
    assert (harvest.looks.acts[:-1] == 1).all()


def test_what_is_expected_beyond_a_limit_is_learned_from_and_not_counted():
    table = tabular.make_table(4, tabular.TabularEnvironment.num_actions)
    environment, actor = tabular.TabularEnvironment(), Actor(tabular.table_network)

    lanes = START(environment, table, KEY, 32)

    def run(beyond):
        arguments = (environment, table, actor, actor.wrap(table), KEY, lanes, 20, beyond)
        return jax.device_get(COLLECT(*arguments)[1])

    blind, told = run(0.0), run(0.5)
    looks = jax.tree.map(lambda leaf: leaf[:-1], told.looks)  # the last row is open
    index, action = looks.aux.inputs.observation.argmax(-1), looks.aux.answer
    ended = np.asarray(table.terminal[index, action])
    cut = (told.length == environment.max_length) & ~ended
    value = np.asarray(table.value[table.next_state[index, action]])
    gained = looks.reward - blind.looks.reward[:-1]
    np.testing.assert_allclose(gained, np.where(cut, 0.5 * value, 0.0), atol=1e-6)
    assert cut.any()
    assert ended.any()
    np.testing.assert_array_equal(told.total, blind.total)
    np.testing.assert_array_equal(told.ended, blind.ended)


@functools.cache
def crowd():
    """Return what many lanes record."""
    given = problem(Mouselab(parents=(-1, -1, 1)))
    return jax.device_get(collect(given, begin(given, 8000), 12)[1])


def test_chunks_and_other_lanes_change_no_episode():
    given = problem(Mouselab(parents=(-1, -1, 1)))
    whole = jax.device_get(collect(given, begin(given, 3), 12))
    lanes, first = collect(given, begin(given, 3), 6)
    lanes, second = collect(given, lanes, 6)
    first, second = jax.device_get((first, second))
    jax.tree.map(np.testing.assert_array_equal, lanes, whole[0])
    for name in ("ended", "total", "length"):
        joined = np.concatenate([getattr(first, name), getattr(second, name)])
        np.testing.assert_array_equal(joined, getattr(whole[1], name))
    # The open row is asked about again, and decided as it was.
    for one, other in zip(first.looks.aux, second.looks.aux, strict=True):
        jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[-1], b[0]), one, other)
    many = crowd()
    until = np.argmax(whole[1].ended, axis=0)  # each lane's first episode
    for lane, last in enumerate(until):
        rows = slice(0, last + 1)
        np.testing.assert_array_equal(many.total[rows, lane], whole[1].total[rows, lane])


def test_actions_are_drawn_from_the_policy_among_legal_actions():
    given, aux = problem(Mouselab(parents=(-1, -1, 1))), crowd().looks.aux
    first = np.bincount(aux.answer[0], minlength=4) / 8000
    belief = jax.tree.map(lambda leaf: leaf[given.table.first][None], given.table.beliefs)
    chances = probabilities(given, belief)[0]
    assert chances.max() > 0.3  # it does prefer something
    np.testing.assert_allclose(first, chances, atol=4 * 0.5 / np.sqrt(8000))
    np.testing.assert_allclose(np.exp(aux.log_prob[0]), chances[aux.answer[0]], rtol=1e-5)
    again = aux.answer[0] == aux.answer[1]
    assert not again[aux.answer[0] < 3].any()  # no node is clicked twice


def made_up(reward, ended, value):
    """One lane's record, whose last row is open."""
    rows = len(value)
    none = np.zeros((rows, 1), np.int32)
    value = np.array(value, np.float32)[:, None]
    inputs = Seen(np.zeros((rows, 1, 2), np.float32), np.zeros((rows, 1, 3), bool))
    return Looks(
        aux=Decision(inputs, none, 0.0 * value, value),
        reward=np.array(reward, np.float32)[:, None],
        acts=np.ones((rows, 1), np.int32),
        ended=np.array(ended, bool)[:, None],
        count=np.array([rows], np.int32),
    )


def test_advantages_by_hand():
    """Compute, stop, compute; the fourth row is open and gives its value."""
    config = MetareasoningConfig(num_lanes=1, steps_per_chunk=3, gae_lambda=0.5, minibatches=2)
    looks = made_up([-0.1, 0.8, -0.1, 0.0], [0, 1, 0, 0], [0.5, 0.6, 0.4, 0.7])
    stop = 0.8 - 0.6
    expected = [-0.1 + 0.6 - 0.5 + 0.5 * stop, stop, -0.1 + 0.7 - 0.4, 0.0]
    advantages, batch = jax.jit(
        lambda looks: (learner.advantages(looks, config), learner.to_batch(looks, config))
    )(looks)
    np.testing.assert_allclose(advantages[:, 0], expected, rtol=1e-5)
    np.testing.assert_array_equal(batch.weight, [1, 1, 1, 0])  # two whole minibatches
    np.testing.assert_allclose(batch.target[:3], [0.5 + expected[0], 0.8, 0.6], rtol=1e-5)


def test_metrics_count_episodes_and_computations():
    train = training()
    state = train.init(KEY, problem().params)
    start = begin(problem(), 64, jax.random.fold_in(KEY, 0))
    _, harvest = collect(problem(), start, 8, jax.random.fold_in(KEY, 0))
    following, metrics = train.advance(state)
    ended = np.asarray(harvest.ended)
    assert metrics.episodes == ended.sum() == following.lanes.begun - 64
    computations = (np.asarray(harvest.length) - 1)[ended]
    np.testing.assert_allclose(metrics.computations, computations.mean(), rtol=1e-6)
    returns = np.asarray(harvest.total)[ended]
    np.testing.assert_allclose(metrics.episode_return, returns.mean(), rtol=1e-5)


@pytest.mark.parametrize(
    ("env", "kind"),
    [(BernoulliSelection(arms=3, horizon=5), "items"), (Mouselab(), "mlp")],
)
def test_greedy_policies_are_legal_and_the_likeliest(env, kind):
    given = problem(env, kind)
    beliefs = given.table.beliefs
    arguments = (given.environment, given.env_params, given.network, given.params, beliefs)
    policy = greedy_policy(*arguments)
    np.testing.assert_array_equal(greedy_policy(*arguments, batch_size=37), policy)
    chances = probabilities(given, beliefs)
    chosen = np.take_along_axis(chances, policy[:, None], axis=1)[:, 0]
    np.testing.assert_allclose(chosen, chances.max(axis=1), rtol=1e-5)
    assert len(np.unique(policy)) > 1
    # Refused if anything impossible is done, in any belief.
    assert np.isfinite(tables.evaluate(given.table, policy, 0.1)).all()


def test_with_a_stop_row_computations_have_no_number():
    given = problem(BernoulliSelection(arms=3, horizon=5), "items")
    rows = np.random.default_rng(3).normal(size=(4, 3, 6)).astype(np.float32)
    order = np.array([2, 0, 1])
    asked = (ASK(given.network, given.params, shown) for shown in (rows, rows[:, order]))
    straight, permuted = jax.device_get(tuple(asked))
    moved = straight.prior_logits[:, np.append(order, 3)]
    np.testing.assert_allclose(permuted.prior_logits, moved, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(permuted.value, straight.value, rtol=1e-4, atol=1e-5)
    assert np.ptp(straight.prior_logits, axis=1).min() > 1e-3


def test_settings():
    own = {field.name for field in dataclasses.fields(MetareasoningConfig)}
    shared = {field.name for field in dataclasses.fields(LearningConfig)}
    assert own - shared == {"steps_per_chunk"}
    assert metareasoning_preset("bernoulli").network.kind == "items"
    assert metareasoning_preset("mouselab").train == MetareasoningConfig()


def test_finished_runs_of_meta_policies_can_still_be_read():
    assert dataclasses.asdict(PPOConfig()) == {
        "num_lanes": 256, "looks_per_chunk": 8192, "num_chunks": 150, "epochs": 3,
        "minibatches": 8, "learning_rate": 1e-2, "clip": 0.2, "lowest_price": 1e-4,
        "highest_price": 1e-2, "gamma": 1.0, "gae_lambda": 0.95, "lambda_per": "look",
        "entropy_weight": 0.01, "value_weight": 0.5, "value_chunks": 8, "max_grad_norm": 0.5,
        "initial_strength": 2.0, "evaluation_episodes": 512, "evaluate_every": 25,
        "checkpoint_every": 25,
    }  # fmt: skip
    assert PPOConfig().batch_rows == 8448
    assert PPOConfig().total_updates == 149 * 3 * 8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: MetareasoningConfig(steps_per_chunk=0),
            "steps_per_chunk must be at least 1, got 0",
        ),
        (lambda: MetareasoningConfig(clip=0.0), "clip must be positive"),
        (lambda: MetareasoningConfig(num_chunks=4), "value_chunks must be below num_chunks = 4"),
        (
            lambda: metareasoning_networks.build(
                NetworkConfig("items"), _catch(), _catch().env.default_params, KEY
            ),
            r"an items network needs one row per computation, \[2, F\], got \[10, 5\]",
        ),
    ],
)
def test_bad_settings_get_one_clear_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def _catch():
    from gymnax.environments.bsuite.catch import Catch

    return adapt(Catch())
