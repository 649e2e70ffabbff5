# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Write a meta-policy
#
# A meta-policy is asked whenever a search has used up what it was given. It answers with a number
# of further simulations, and acts by answering 0. It is a pure function over a batch of `B` lanes:
#
# `apply(params, keys, carry, seen) -> rrplan.Control`

# %%
import jax
import jax.numpy as jnp

import envs
import rrplan
from agents import Candidate, metapolicies, networks
from agents.metapolicies import tuning

env, env_params = envs.make("knapsack")
environment = envs.adapt(env)
network, params = networks.build(
    networks.NetworkConfig(), environment, env_params, jax.random.key(0)
)
planner = rrplan.Planner(environment, env_params, network, params)

# %% [markdown]
# This one searches in steps of 4 until one action has a large enough share of the visits. `seen`
# holds the statistics of the search; its fields are those of `rrplan.MetaObservation`.


# %%
def apply(params, keys, carry, seen):
    share = seen.visit_counts.max(-1) / jnp.maximum(seen.simulations, 1)
    sure = (share >= params["share"]) & (seen.simulations > 0)
    return metapolicies.order(jnp.where(sure, 0, 4), carry)


sure_enough = rrplan.MetaPolicy(metapolicies.no_carry, apply)

# %% [markdown]
# Parameters are tuned on *validation* episodes, at the price of a simulation that is to be paid.
# The choice does not depend on the episodes that are reported in the end.

# %%
candidates = [
    Candidate(f"share{share}", sure_enough, {"share": jnp.float32(share)})
    for share in (0.0, 0.5, 0.7, 0.9)
]


def on_validation(candidate):
    return rrplan.evaluate(
        planner, candidate.meta_policy, candidate.params, key=jax.random.key(2), episodes=256
    )


(chosen,) = tuning.tune(on_validation, candidates, prices=[1e-3])
print(f"chosen: {chosen.candidate}, {chosen.simulations:.1f} simulations an episode")

# %% [markdown]
# On held-out episodes:

# %%
best = chosen.candidate
episodes = rrplan.evaluate(
    planner,
    best.meta_policy,
    best.params,
    key=jax.random.key(3),
    episodes=256,
    costs=rrplan.Costs(price=1e-3),
)
print(f"timed return {float(episodes.timed_return.mean()):.3f}")

# %% [markdown]
# To see it in the tables and figures of a study, declare it as a rule in a file of your own,
# `EARLY = agents.Rule(name=..., help=..., candidates=...)`, and run
# `rrplan run knapsack --control.agents my_file:EARLY stopper`.
