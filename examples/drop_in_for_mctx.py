"""``rrplan.muzero_policy`` beside ``mctx.muzero_policy``: the same search, a budget for every lane.

The problem is a random one: 50 states, 4 actions, a reward and a next state for each. Run it with
``python examples/drop_in_for_mctx.py``.
"""

import jax
import jax.numpy as jnp
import mctx
import numpy as np

import rrplan

STATES, ACTIONS, LANES = 50, 4, 16

reward_key, next_key, prior_key, value_key, search_key = jax.random.split(jax.random.key(0), 5)
rewards = jax.random.uniform(reward_key, (STATES, ACTIONS))
next_states = jax.random.randint(next_key, (STATES, ACTIONS), 0, STATES)
priors = jax.random.normal(prior_key, (STATES, ACTIONS))
values = jax.random.uniform(value_key, (STATES,))


def recurrent_fn(params, key, action, state):
    """One step of the model, in mctx's terms."""
    del params, key
    following = next_states[state, action]
    output = mctx.RecurrentFnOutput(
        reward=rewards[state, action],
        discount=jnp.full(state.shape, 0.9),
        prior_logits=priors[following],
        value=values[following],
    )
    return output, following


state = jnp.arange(LANES)
root = mctx.RootFnOutput(prior_logits=priors[state], value=values[state], embedding=state)


def visits(policy, num_simulations):
    """Return the visits of every action at the root, as whole numbers."""

    @jax.jit
    def search(root):
        # No noise at the root, so that results can be compared.
        output = policy((), search_key, root, recurrent_fn, num_simulations, dirichlet_fraction=0.0)
        return output.search_tree.summary().visit_counts

    return np.asarray(search(root), int)


# 1. The same call, the same result: all lanes search 32 simulations.
theirs, ours = visits(mctx.muzero_policy, 32), visits(rrplan.muzero_policy, 32)
print("lanes with equal visits:", (ours == theirs).all(-1).sum(), "of", LANES)

# 2. What mctx cannot do: every lane has a budget of its own.
budgets = np.arange(LANES) % 4 * 8  # 0, 8, 16 or 24
ours = visits(rrplan.muzero_policy, budgets)
print("simulations of each lane:", *ours.sum(-1))

# 3. A lane with 8 simulations has the visits of a search of 8.
theirs = visits(mctx.muzero_policy, 8)
eight = budgets == 8
equal = (ours == theirs).all(-1)[eight]
print("lanes with 8 simulations that agree with mctx:", equal.sum(), "of", eight.sum())
