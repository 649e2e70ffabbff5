"""A user's file with agents of his own."""

OWN = """
import jax.numpy as jnp

import agents
import rrplan
from agents import metapolicies
from agents.metapolicies.learned import trainable


def apply(params, keys, carry, seen):
    extra = jnp.where(seen.decision < params["decisions"], 4 - seen.simulations, 0)
    return metapolicies.order(jnp.maximum(extra, 0), carry)


early = rrplan.MetaPolicy(metapolicies.no_carry, apply)


def grid(planner, budgets):
    return [
        agents.Candidate(f"first{n}", early, {"decisions": n})
        for n in range(planner.environment.num_actions + 1)
    ]


EARLY = agents.Rule(name="early", help="thinks at the first decisions", candidates=grid)
NARROW = agents.Learned(
    name="narrow", help="a gate of my own", kind="gate", make=trainable.make
)
NOBODY = 3
VET = agents.Rule(name="vet", help="mine", candidates=grid)
"""
