"""An environment of your own: written, checked, and played with and without search.

Run it with ``python examples/own_environment.py``. docs/your-own.md has the same class and runs a
whole study on it, which trains the network. Here the network is not trained: it does not know yet
that treats become more valuable, so a short search may even do harm.
"""

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces


@struct.dataclass
class State(environment.EnvState):
    worth: jax.Array  # [8] float32, 0 once taken
    left: jax.Array  # [] int32
    right: jax.Array  # [] int32


class Treats(environment.Environment):
    @property
    def num_actions(self):
        return 2  # take the left end, or the right

    @property
    def default_params(self):
        return environment.EnvParams(max_steps_in_episode=8)

    def reset_env(self, key, params):
        worth = jax.random.uniform(key, (8,))
        state = State(time=jnp.int32(0), worth=worth, left=jnp.int32(0), right=jnp.int32(7))
        return worth, state

    def step_env(self, key, state, action, params):
        taken = jnp.where(action == 0, state.left, state.right)
        reward = state.worth[taken] * (state.time + 1) / 8
        state = State(
            time=state.time + 1,
            worth=state.worth.at[taken].set(0.0),
            left=state.left + (action == 0),
            right=state.right - (action == 1),
        )
        return state.worth, state, reward, state.left > state.right, {}

    def action_space(self, params=None):
        return spaces.Discrete(2)

    def observation_space(self, params):
        return spaces.Box(0.0, 1.0, (8,))


if __name__ == "__main__":
    import envs
    import rrplan
    from agents import networks

    treats = Treats()
    print(envs.check(treats, treats.default_params))
    adapted = envs.adapt(treats)
    network, params = networks.build(
        networks.NetworkConfig(), adapted, treats.default_params, jax.random.key(0)
    )
    search = rrplan.Search(acting="completed_q")
    planner = rrplan.Planner(adapted, treats.default_params, network, params, search, 32)

    def always(k, keys, carry, seen):
        """Search k simulations at every decision, then act."""
        extra = jnp.maximum(k - seen.simulations, 0)
        return rrplan.Control(extra, max_depth=jnp.full_like(extra, 99), carry=carry)

    fixed = rrplan.MetaPolicy(init=lambda batch_size: (), apply=always)
    for k in (0, 32):
        episodes = rrplan.evaluate(
            planner, fixed, jnp.int32(k), key=jax.random.key(1), episodes=64, num_lanes=64
        )
        print(f"return with k = {k}: {episodes.untimed_return.mean():.3f}")
