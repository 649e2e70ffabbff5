"""What the drop-in policies promise of their actions, by hand and over many keys."""

import functools
import inspect

import jax
import jax.numpy as jnp
import mctx
import numpy as np
import pytest

import rrplan
from tests.rrplan import bandit

LANES = 4000  # keys, in effect: each lane draws for itself
PRIOR = np.log([0.1, 0.2, 0.3, 0.4])
MOST_ERROR = 0.035  # over four standard errors of a share of 4,000 draws


PLAIN = functools.partial(rrplan.muzero_policy, dirichlet_fraction=0.0)
TRANSFORM = functools.partial(
    mctx.qtransform_completed_by_mix_value, value_scale=0.05, maxvisit_init=60
)
SCALED = functools.partial(rrplan.gumbel_muzero_policy, qtransform=TRANSFORM)


@functools.partial(jax.jit, static_argnames=("policy", "budget"))
def search(policy, budget, rewards, key, prior, value, invalid, options):
    root = bandit.make_root(prior, value)
    return policy(rewards, key, root, bandit.pull, budget, invalid, **options)


def run(policy, prior, rewards, budget, key=0, value=0.0, lanes=1, **options):
    """Search ``lanes`` copies of a bandit: one program for all of a policy, budget and options."""
    prior, rewards = (np.tile(np.asarray(row, np.float32), (lanes, 1)) for row in (prior, rewards))
    invalid = np.tile(np.asarray(options.pop("invalid_actions", np.zeros(4))), (lanes, 1))
    return search(policy, budget, rewards, jax.random.key(key), prior, value, invalid, options)


def shares(actions, num_actions=4):
    return np.bincount(actions, minlength=num_actions) / len(actions)


@pytest.mark.parametrize("name", ["muzero_policy", "gumbel_muzero_policy"])
def test_arguments_are_those_of_mctx_in_its_order_with_its_defaults(name):
    theirs = inspect.signature(getattr(mctx, name)).parameters
    ours = inspect.signature(getattr(rrplan, name)).parameters
    assert [p for p in ours if p in theirs] == list(theirs)
    for parameter, their in theirs.items():
        assert ours[parameter].kind == their.kind
        default = ours[parameter].default
        if isinstance(their.default, functools.partial):
            assert default in (their.default, their.default.func)
        else:
            assert default == their.default


@pytest.mark.parametrize(("temperature", "power"), [(1.0, 1.0), (2.0, 0.5)])
def test_actions_are_drawn_by_their_visits_to_the_power_of_one_over_temperature(temperature, power):
    rewards = [0.0, 1.0, 0.9, 0.0]
    output = run(PLAIN, PRIOR, rewards, 12, lanes=LANES, temperature=temperature)
    visits = output.search_tree.summary().visit_counts[0]
    expected = visits**power / (visits**power).sum()
    assert (visits > 0).sum() >= 2
    np.testing.assert_allclose(output.action_weights[0], visits / 12, rtol=1e-6)
    np.testing.assert_allclose(shares(output.action), expected, atol=MOST_ERROR)


def test_at_temperature_zero_the_most_visited_action_is_taken():
    output = run(PLAIN, PRIOR, [0.0, 1.0, 0.0, 0.0], 12, lanes=LANES, temperature=0.0)
    assert (output.action == output.action_weights.argmax(-1)).all()


def test_one_simulation_tries_the_likeliest_legal_action():
    output = run(PLAIN, [-1.0, 0.0, 2.0, 3.0], np.zeros(4), 1, invalid_actions=[0, 0, 0, 1])
    assert output.action == 2
    np.testing.assert_array_equal(output.action_weights, [[0.0, 0.0, 1.0, 0.0]])


@pytest.mark.parametrize(
    ("policy", "budget", "options"),
    [
        (rrplan.muzero_policy, 6, {"dirichlet_fraction": 0.25, "dirichlet_alpha": 0.3}),
        (rrplan.gumbel_muzero_policy, 4, {}),
    ],
)
def test_illegal_actions_are_never_taken_and_none_legal_is_no_nan(policy, budget, options):
    rewards = [9.0, 0.0, 1.0, 9.0]
    options = {"lanes": LANES, **options}
    output = run(policy, PRIOR, rewards, budget, invalid_actions=[1, 0, 0, 1], **options)
    assert set(np.unique(output.action)) <= {1, 2}
    np.testing.assert_array_equal(output.action_weights[:, [0, 3]], 0.0)
    none = np.full(4, -np.inf)
    nothing = run(policy, none, rewards, budget, invalid_actions=[1, 1, 1, 1], **options)
    assert np.isfinite(nothing.action_weights).all()


def test_dirichlet_noise_mixes_a_symmetric_draw_into_the_prior():
    """Its mean is (1 - f) p + f / A; a component has variance (1/A)(1 - 1/A) / (A alpha + 1)."""
    fraction, alpha = 0.5, 0.3
    options = {"dirichlet_fraction": fraction, "dirichlet_alpha": alpha}
    output = run(rrplan.muzero_policy, PRIOR, np.zeros(4), 6, lanes=LANES, **options)
    prior = jax.nn.softmax(output.search_tree.children_prior_logits[:, 0])
    np.testing.assert_allclose(
        prior.mean(0), (1 - fraction) * np.exp(PRIOR) + fraction / 4, atol=0.02
    )
    variance = fraction**2 * (0.25 * 0.75) / (4 * alpha + 1)
    np.testing.assert_allclose(prior.var(0), variance, rtol=0.1)


def scaled(qvalues, visits, value_scale=0.05, maxvisit_init=60):
    low, high = qvalues.min(), qvalues.max()
    return (maxvisit_init + visits) * value_scale * (qvalues - low) / (high - low)


def test_gumbel_divides_simulations_between_two_actions_and_improves_on_the_prior():
    """By hand: two legal actions have half the visits each; the others' Q is the mixed value."""
    prior, rewards, value = np.array([0.0, -1.0, 2.0, 3.0]), np.array([20.0, 3.0, -1.0, 10.0]), -5.0
    invalid = np.array([1, 0, 0, 1])
    output = run(SCALED, prior, rewards, 17, value=value, invalid_actions=invalid, gumbel_scale=1.0)
    visits = output.search_tree.summary().visit_counts[0]
    assert sorted(visits.tolist()) == [0, 0, 8, 9]  # which has the odd one is for the noise
    np.testing.assert_array_equal(visits[invalid == 1], 0)
    assert visits[output.action[0]] == 9
    legal = np.where(invalid, -np.inf, prior)
    probs = np.asarray(jax.nn.softmax(legal))
    mixed = (value + 17 * (probs[1] * rewards[1] + probs[2] * rewards[2])) / 18
    completed = np.array([mixed, rewards[1], rewards[2], mixed])
    expected = jax.nn.softmax(legal + scaled(completed, visits=9))
    np.testing.assert_allclose(output.action_weights[0], expected, atol=1e-6)


def test_gumbel_halves_four_actions_to_the_better_two():
    """By hand: 17 simulations over four actions: two each, then the best two share nine."""
    prior, rewards = np.array([0.0, -1.0, 2.0, 3.0]), np.array([20.0, 3.0, -1.0, 10.0])
    output = run(SCALED, prior, rewards, 17, value=-5.0, gumbel_scale=0.0)
    visits = output.search_tree.summary().visit_counts[0]
    np.testing.assert_array_equal(np.sort(visits), [2, 2, 6, 7])
    np.testing.assert_array_equal(visits[1:3], 2)
    expected = jax.nn.softmax(jnp.asarray(prior + scaled(rewards, visits=7)))
    np.testing.assert_allclose(output.action_weights[0], expected, atol=1e-6)


def test_where_values_say_nothing_gumbel_draws_from_the_prior():
    """The Gumbel-max trick: all Q equal, every action tried, so the noise alone decides."""
    output = run(rrplan.gumbel_muzero_policy, PRIOR, np.zeros(4), 4, lanes=LANES)
    np.testing.assert_allclose(shares(output.action), np.exp(PRIOR), atol=MOST_ERROR)


@pytest.mark.parametrize("budget", [2, 4, 9])
def test_gumbel_s_actions_are_better_than_the_prior_s(budget):
    """Policy improvement: the mean reward of what it takes is above that of the prior."""
    rewards = np.array([1.0, 0.5, 0.0, -0.2])
    output = run(rrplan.gumbel_muzero_policy, PRIOR, rewards, budget, lanes=LANES)
    taken = rewards[np.asarray(output.action)]
    assert taken.mean() - 4 * taken.std() / np.sqrt(LANES) > np.exp(PRIOR) @ rewards


def refuse(policy, wrong):
    """Call a policy with a recurrent_fn whose shapes are wrong: nothing is computed."""
    given = jnp.zeros((1, 4)), jax.random.key(0), bandit.make_root(PRIOR)
    jax.eval_shape(lambda: policy(*given, wrong, 3))


@pytest.mark.parametrize(
    ("field", "shape"), [("reward", (1, 1)), ("discount", ()), ("prior_logits", (1, 3))]
)
@pytest.mark.parametrize("policy", [rrplan.muzero_policy, rrplan.gumbel_muzero_policy])
def test_a_recurrent_fn_of_wrong_shapes_gets_one_clear_line(policy, field, shape):
    def wrong(*arguments):
        output, embedding = bandit.pull(*arguments)
        return output.replace(**{field: jnp.zeros(shape)}), embedding

    with pytest.raises(rrplan.InputError, match=f"recurrent_fn returned {field} of shape"):
        refuse(policy, wrong)


def test_an_embedding_of_another_shape_gets_one_clear_line():
    def wrong(*arguments):
        return bandit.pull(*arguments)[0], jnp.zeros((1, 2))

    with pytest.raises(rrplan.InputError, match=r"returned an embedding float32\[1, 2\]"):
        refuse(rrplan.muzero_policy, wrong)


WRONG = {
    "raises": (lambda *arguments: {}["boom"], "recurrent_fn raises KeyError: 'boom'"),
    "no pair": (
        lambda *arguments: bandit.pull(*arguments)[0],
        "recurrent_fn returns a RecurrentFnOutput: expected a pair, output and embedding",
    ),
    "no output": (
        lambda rewards, key, action, lane: (rewards, lane),
        r"recurrent_fn returns float32\[1,4\] without \w+: expected mctx.RecurrentFnOutput",
    ),
    "whole logits": (
        lambda *arguments: (
            bandit.pull(*arguments)[0].replace(prior_logits=jnp.zeros((1, 4), int)),
            arguments[-1],
        ),
        r"recurrent_fn returned prior_logits of int32\[1,4\] for a batch of 1: expected float32",
    ),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("policy", [rrplan.muzero_policy, rrplan.gumbel_muzero_policy])
def test_a_recurrent_fn_that_returns_something_else_gets_one_clear_line(policy, name):
    wrong, message = WRONG[name]
    with pytest.raises(rrplan.InputError, match=message) as caught:
        refuse(policy, wrong)
    assert "\n" not in str(caught.value)
