"""A learned model in mctx's terms: one that is exact gives the episodes of the perfect model."""

import functools

import jax
import jax.numpy as jnp
import mctx
import numpy as np
import pytest

import rrplan
from agents import metapolicies
from tests.rrplan import tabular

KEY = jax.random.key(11)
EPISODES, LARGEST = 40, 9


class TellingEnvironment(tabular.TabularEnvironment):
    """The tabular environment, whose observations tell the time that its end depends on."""

    def reset(self, key, params):
        state, _ = super().reset(key, params)
        return state, state

    def step(self, key, state, action, params):
        transition = super().step(key, state, action, params)
        return transition._replace(observation=transition.state)


ENVIRONMENT = TellingEnvironment()
TABLE = tabular.make_table(3, ENVIRONMENT.num_actions)


def table_network(table, observation):
    index = observation.index
    return rrplan.Evaluation(table.logits[index], table.value[index], index[:, None] * 1.0)


def root_fn(table, key, observation):
    del key
    index = observation.index
    # The engine knows which actions are legal at the root: the model may say anything of them.
    return mctx.RootFnOutput(
        prior_logits=table.logits[index], value=table.value[index], embedding=observation
    )


def recurrent_fn(table, key, action, embedding):
    index = embedding.index
    following = tabular.State(table.next_state[index, action], embedding.time + 1)
    over = table.terminal[index, action] | (following.time >= ENVIRONMENT.max_length)
    output = mctx.RecurrentFnOutput(
        reward=table.reward[index, action],
        discount=jnp.where(over, 0.0, 1.0),
        prior_logits=tabular.masked_logits(table, following.index),
        value=jnp.where(over, 0.0, table.value[following.index]),
    )
    return output, following


LEARNED = rrplan.LearnedModel(root_fn, recurrent_fn)


def evaluate(network, k=5, meta_policy=None, params=TABLE, **kwargs):
    arguments = {"episodes": EPISODES, "num_lanes": 16, **kwargs}
    planner = rrplan.Planner(ENVIRONMENT, TABLE, network, params, max_simulations=LARGEST)
    meta_policy = meta_policy or metapolicies.fixed()
    return rrplan.evaluate(planner, meta_policy, jnp.asarray(k), key=KEY, **arguments)


def assert_same_episodes(result, expected):
    if result.trace is not None:
        # A mean over the simulations, which two compiled programs may round in the last digit.
        searched, other = result.trace.search_value, expected.trace.search_value
        np.testing.assert_allclose(searched, other, rtol=1e-6, atol=1e-7)
        result, expected = (
            episodes._replace(trace=episodes.trace._replace(search_value=()))
            for episodes in (result, expected)
        )
    jax.tree.map(np.testing.assert_array_equal, result, expected)


def test_an_exact_learned_model_gives_the_episodes_of_the_perfect_one():
    # A k drawn of three equal ones is a fixed k, of the same compiled program.
    for k in ([0] * 3, [1] * 3, [5] * 3, [LARGEST] * 3, [0, 2, 7]):
        play = functools.partial(evaluate, k=k, meta_policy=metapolicies.random_k(), trace=6)
        assert_same_episodes(play(LEARNED), play(table_network))


class ListedEnvironment(TellingEnvironment):
    """The same with a list of its states, for the oracle."""

    max_length = 3

    def enumerate_states(self, first_state, params):
        del first_state, params
        total = tabular.NUM_STATES * (self.max_length + 1)
        time, index = jnp.divmod(jnp.arange(total), tabular.NUM_STATES)
        return tabular.State(index, time)


def listed_recurrent_fn(table, key, action, embedding):
    """Imagine a step, as the environment with a list makes it."""
    output, following = recurrent_fn(table, key, action, embedding)
    over = (output.discount == 0) | (following.time >= ListedEnvironment.max_length)
    return output.replace(
        discount=jnp.where(over, 0.0, 1.0), value=jnp.where(over, 0.0, output.value)
    ), following


def tabulate(network):
    planner = rrplan.Planner(ListedEnvironment(), TABLE, network, TABLE, max_simulations=5)
    return rrplan.oracle.tabulate(planner, key=KEY, episodes=6, num_lanes=8)


def test_an_exact_learned_model_gives_the_oracle_of_the_perfect_one():
    found = tabulate(rrplan.LearnedModel(root_fn, listed_recurrent_fn))
    jax.tree.map(np.testing.assert_array_equal, found, tabulate(table_network))
    assert (found.action[..., 0] != found.action[..., -1]).any()  # search changes something


def test_the_oracle_of_a_model_that_errs_goes_where_the_environment_leads():
    def wrong(table, key, action, embedding):
        output, following = listed_recurrent_fn(table, key, action, embedding)
        return output.replace(reward=-output.reward), following

    found, right = tabulate(rrplan.LearnedModel(root_fn, wrong)), tabulate(table_network)
    jax.tree.map(np.testing.assert_array_equal, found.graph, right.graph)
    assert (found.action[..., -1] != right.action[..., -1]).any()


def test_the_oracle_refuses_a_model_that_draws():
    with pytest.raises(rrplan.InputError, match="the learned model answers otherwise under"):
        tabulate(rrplan.LearnedModel(root_fn, noisy_recurrent_fn))


def test_a_learned_model_may_tell_its_features():
    def features(embedding):
        return jnp.stack([embedding.index, embedding.time], axis=1) * 1.0

    def think(params, meta_keys, carry, seen):
        # The features are those of the root: in each decision, its index says how long to think.
        right = (seen.features == jnp.stack(seen.observation, axis=1)).all(-1)
        return metapolicies.order(jnp.where(right & (seen.simulations == 0), 2, 0), carry)

    model = LEARNED._replace(features_fn=features)
    policy = rrplan.MetaPolicy(metapolicies.no_carry, think)
    episodes = evaluate(model, meta_policy=policy, episodes=8, num_lanes=4, trace=6)
    chosen = np.asarray(episodes.trace.legal_actions > 1)
    np.testing.assert_array_equal(episodes.trace.simulations, 2 * chosen)
    message = r"features_fn returned float32\[11\] for a batch of 11: expected float32\[11,F\]"
    with pytest.raises(rrplan.InputError, match=message):
        evaluate(model._replace(features_fn=lambda embedding: embedding.index * 1.0))


def noisy_recurrent_fn(table, key, action, embedding):
    output, following = recurrent_fn(table, key, action, embedding)
    reward = output.reward + jax.random.normal(key, output.reward.shape)
    return output.replace(reward=reward), following


def test_samples_of_a_stochastic_model_do_not_depend_on_the_number_of_lanes():
    noisy = rrplan.LearnedModel(root_fn, noisy_recurrent_fn)
    result = evaluate(noisy)
    assert_same_episodes(evaluate(noisy, num_lanes=3), result)
    assert (result.untimed_return != evaluate(LEARNED).untimed_return).any()


def badly_discounted_root_fn(params, key, observation):
    return root_fn(params[0], key, observation)


def badly_discounted_recurrent_fn(params, key, action, embedding):
    table, bad = params
    output, following = recurrent_fn(table, key, action, embedding)
    return output.replace(discount=jnp.where(action == 1, bad, output.discount)), following


@pytest.mark.parametrize("bad", [1.5, -1.01, np.nan])
def test_a_discount_outside_its_range_is_told_with_the_episode_that_met_it(bad):
    model = rrplan.LearnedModel(badly_discounted_root_fn, badly_discounted_recurrent_fn)
    params = (TABLE, jnp.float32(bad))
    evaluate(model, params=(TABLE, jnp.float32(-1.0)), episodes=6, num_lanes=2)  # is allowed
    with pytest.raises(rrplan.InputError) as caught:
        evaluate(model, params=params, episodes=6, num_lanes=2)
    message = r"^episode \d: a discount of the model is not in \[-1, 1\] \(\d of 6 episodes"
    assert caught.match(message)


def changed(**fields):
    def wrong(table, key, action, embedding):
        output, following = recurrent_fn(table, key, action, embedding)
        following = fields.get("embedding", lambda told: told)(following)
        own = {name: change for name, change in fields.items() if name != "embedding"}
        return output.replace(
            **{name: change(getattr(output, name)) for name, change in own.items()}
        ), following

    return rrplan.LearnedModel(root_fn, wrong)


def rooted(change):
    def wrong(table, key, observation):
        return change(root_fn(table, key, observation))

    return LEARNED._replace(root_fn=wrong)


def test_whole_rewards_and_discounts_are_as_good_as_floating_ones():
    whole = changed(
        reward=lambda told: told.astype(jnp.int32), discount=lambda told: told.astype(jnp.int32)
    )
    same = changed(reward=lambda told: told.astype(jnp.int32).astype(jnp.float32))
    assert_same_episodes(evaluate(whole, episodes=8), evaluate(same, episodes=8))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            changed(reward=lambda told: told[:, None]),
            r"recurrent_fn returned reward of shape \(11, 1\) for a batch of 11: expected \(11,\)$",
        ),
        (
            changed(prior_logits=lambda told: told[:, :2]),
            r"recurrent_fn returned prior_logits of shape \(11, 2\) for a batch of 11: "
            r"expected \(11, 3\)$",
        ),
        (
            changed(embedding=lambda told: told._replace(time=told.time * 1.0)),
            r"recurrent_fn returned an embedding .*float32\[11\].* for a batch of 11: expected "
            r".*int32\[11\].*, as it was given$",
        ),
        (
            changed(prior_logits=lambda told: told.astype(int)),
            r"recurrent_fn returned prior_logits of int32\[11,3\] for a batch of 11: "
            r"expected float32\[11,3\]$",
        ),
        (
            changed(value=lambda told: None),
            r"recurrent_fn returned value of None for a batch of 11: expected float32\[11\]$",
        ),
        (
            rooted(lambda root: (root.prior_logits, root.value, root.embedding)),
            r"root_fn returns a tuple without prior_logits: expected mctx.RootFnOutput$",
        ),
        (
            rooted(lambda root: root.replace(prior_logits=root.prior_logits.astype(int))),
            r"root_fn returned prior_logits of int32\[11,3\] for a batch of 11: expected",
        ),
        (
            LEARNED._replace(recurrent_fn=lambda *arguments: recurrent_fn(*arguments)[0]),
            r"recurrent_fn returns a RecurrentFnOutput: expected a pair, output and embedding$",
        ),
        (
            LEARNED._replace(recurrent_fn=lambda *arguments: arguments[-2:]),
            r"recurrent_fn returns int32\[11\] without \w+: expected mctx.RecurrentFnOutput$",
        ),
        (
            lambda table, observation: table_network(table, observation)._replace(
                value=TABLE.value
            ),
            r"network returned value of shape \(12,\) for a batch of 11: expected \(11,\)$",
        ),
    ],
)
def test_outputs_of_wrong_shapes_get_one_clear_line(model, message):
    with pytest.raises(rrplan.InputError, match=message) as caught:
        evaluate(model)
    assert "\n" not in str(caught.value)
