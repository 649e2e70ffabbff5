# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # First steps
#
# A *planner* is an environment, a network that evaluates states, and a search. It runs `k`
# simulations before each action. This page makes one, and asks what more simulations are worth.

# %%
import jax

import envs
import rrplan
from agents import metapolicies, networks

env, env_params = envs.make("knapsack")
environment = envs.adapt(env)

# %% [markdown]
# An untrained network will do for now: search alone makes something of it.

# %%
network, params = networks.build(
    networks.NetworkConfig(), environment, env_params, jax.random.key(0)
)
planner = rrplan.Planner(
    environment, env_params, network, params, rrplan.Search(acting="completed_q"), 32
)

# %% [markdown]
# A *meta-policy* says how long to think. The simplest one thinks for `k` simulations at every
# decision. The *untimed return* is what the episode earns. The *timed return* is that less what the
# thinking costs: here 0.0002 a simulation.

# %%
returns = {}
for k in (0, 8, 32):
    episodes = rrplan.evaluate(
        planner,
        metapolicies.fixed(),
        k,
        key=jax.random.key(1),
        episodes=256,
        costs=rrplan.Costs(price=0.0002),
    )
    returns[k] = float(episodes.untimed_return.mean()), float(episodes.timed_return.mean())
    print(f"k = {k}: untimed {returns[k][0]:.3f}, timed {returns[k][1]:.3f}")

# %% [markdown]
# Many simulations raise the untimed return. The timed return need not rise: at a higher price a
# simulation costs more than it earns.
#
# All agents met the same episodes, because the key was the same. So differences can be taken
# episode by episode:

# %%
from rrplan.statistics import mean_ci  # noqa: E402

some, none = (
    rrplan.evaluate(planner, metapolicies.fixed(), k, key=jax.random.key(1), episodes=256)
    for k in (32, 0)
)
gain = mean_ci(some.untimed_return - none.untimed_return)
print(f"k = 32 earns {gain.mean:.3f} [{gain.low:.3f}, {gain.high:.3f}] more than k = 0")

# %% [markdown]
# What comes next: `rrplan run knapsack --preset quick` trains the network, tunes and trains
# meta-policies, and draws figures.
