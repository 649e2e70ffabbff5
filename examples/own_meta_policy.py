"""A meta-policy of your own: think on while the two best actions are visited about as often.

Run it with ``python examples/own_meta_policy.py``. It prints the mean timed return and the mean
number of simulations an episode.
"""

import jax
import jax.numpy as jnp

import envs
import rrplan
from agents import networks


def apply(params, keys, carry, seen):
    best, second = jax.lax.top_k(seen.visit_counts, 2)[0].T
    undecided = best - second < params["gap"]
    extra = jnp.where(undecided & (seen.simulations < 32), 8, 0)
    return rrplan.Control(extra, max_depth=jnp.full_like(extra, 99), carry=carry)


env, env_params = envs.make("knapsack")
environment = envs.adapt(env)
network, params = networks.build(
    networks.NetworkConfig(), environment, env_params, jax.random.key(0)
)
planner = rrplan.Planner(environment, env_params, network, params)
episodes = rrplan.evaluate(
    planner,
    rrplan.MetaPolicy(init=lambda batch_size: (), apply=apply),
    {"gap": jnp.int32(6)},
    key=jax.random.key(1),
    episodes=256,
    costs=rrplan.Costs(price=1e-3),
)
print(episodes.timed_return.mean(), episodes.simulations.mean())
