"""Calls of ``rrplan.evaluate`` that are wrong, each with what its message must hold."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from agents import metapolicies
from tests.rrplan import tabular

ENVIRONMENT = tabular.TabularEnvironment()
TABLE = tabular.make_table(3, ENVIRONMENT.num_actions)
PLANNER = rrplan.Planner(ENVIRONMENT, TABLE, tabular.table_network, TABLE, max_simulations=4)
FIXED = metapolicies.fixed()


class Broken(tabular.TabularEnvironment):
    """An environment with some of its methods replaced; hashed by identity."""

    def __init__(self, **methods):
        vars(self).update(methods)


def step_with(**changes):
    """Return an environment whose step returns some fields otherwise."""
    sound = tabular.TabularEnvironment()

    def step(*arguments):
        transition = sound.step(*arguments)
        return transition._replace(**{name: change(transition) for name, change in changes.items()})

    return Broken(step=step)


def raises(*arguments):
    raise KeyError("boom")


def branches(key, state, action, params):
    return ENVIRONMENT.step(key, state, action if state.time > 1 else 0, params)


def network_with(**changes):
    def network(params, observation):
        evaluation = tabular.table_network(params, observation)
        return evaluation._replace(**{name: f(evaluation) for name, f in changes.items()})

    return network


def answers(extra=None, depth=None, carry=None, **kwargs):
    """Return a meta-policy that answers so; each is made of what is seen and the carry."""

    def apply(params, keys, given, seen):
        good = jnp.zeros_like(seen.simulations)
        return rrplan.Control(
            good if extra is None else extra(seen),
            good + 9 if depth is None else depth(seen),
            given if carry is None else carry(given),
        )

    return rrplan.MetaPolicy(**{"init": lambda size: (), "apply": apply, **kwargs})


def count(size):
    return jnp.zeros(size, jnp.int32)


META_POLICIES = {
    "None": (None, "meta_policy is None: expected a rrplan.MetaPolicy"),
    "a function": (raises, "meta_policy is a function: expected a rrplan.MetaPolicy"),
    "its class": (rrplan.MetaPolicy, "meta_policy is a type: expected a rrplan.MetaPolicy"),
    "an int": (3, "meta_policy is a int: expected a rrplan.MetaPolicy"),
    "a pair": ((FIXED, 3), "meta_policy is a tuple: expected a rrplan.MetaPolicy"),
    "no init": (answers(init=None), "meta_policy.init is None: expected a function"),
    "no apply": (answers(apply=None), "meta_policy.apply is None: expected a function"),
    "apply an int": (answers(apply=3), "meta_policy.apply is a int: expected a function"),
    "looks": (answers(looks="evry"), "unknown meta_policy.looks 'evry': did you mean 'every'?"),
    "looks None": (answers(looks=None), "unknown meta_policy.looks None"),
    "a list": (answers(looks=["once"]), "unknown meta_policy.looks ['once']"),
    "returns an int": (
        answers(apply=functools.partial(lambda params, keys, carry, seen: 0)),
        "meta_policy.apply returns int32[]: expected a rrplan.Control",
    ),
    "floats": (
        answers(lambda seen: seen.raw_value),
        "extra_simulations is float32[11]: expected int32[11], a whole number for each lane",
    ),
    "NaN": (answers(lambda seen: seen.raw_value * jnp.nan), "extra_simulations is float32[11]"),
    "bools": (answers(lambda seen: seen.raw_value > 0), "extra_simulations is bool[11]"),
    "[B, 1]": (answers(lambda seen: seen.simulations[:, None]), "extra_simulations is int32[11,1]"),
    "[B, A]": (answers(lambda seen: seen.visit_counts), "extra_simulations is int32[11,3]"),
    "a scalar": (answers(lambda seen: jnp.int32(3)), "extra_simulations is int32[]"),
    "a Python int": (answers(lambda seen: 3), "extra_simulations is int32[]"),
    "one lane too few": (
        answers(lambda seen: seen.simulations[1:]),
        "extra_simulations is int32[10]",
    ),
    "a sum": (answers(lambda seen: seen.simulations.sum()), "extra_simulations is int32[]"),
    "nothing": (answers(lambda seen: None), "extra_simulations is None"),
    "a text": (answers(lambda seen: "4"), "meta_policy.apply raises TypeError"),
    "depth of floats": (answers(depth=lambda seen: seen.raw_value), "max_depth is float32[11]"),
    "no depth": (answers(depth=lambda seen: None), "max_depth is None: expected int32[11]"),
    "depth [B, 1]": (
        answers(depth=lambda seen: seen.decision[:, None]),
        "max_depth is int32[11,1]",
    ),
    "carry grows": (
        answers(carry=lambda carry: (carry, 1.0)),
        "carry",
    ),
    "carry becomes float": (
        answers(carry=lambda carry: carry + 0.5, init=count),
        "meta_policy.apply returns the carry float32[11], but init returns int32[11]",
    ),
    "carry changes shape": (
        answers(carry=lambda carry: carry[:, None], init=count),
        "meta_policy.apply returns the carry int32[11,1], but init returns int32[11]",
    ),
    "carry lost": (
        answers(carry=lambda carry: None, init=count),
        "meta_policy.apply returns the carry nothing, but init returns int32[11]",
    ),
    "init scalar": (
        answers(init=lambda size: jnp.int32(0)),
        "meta_policy.init(11) returns the carry int32[]: expected arrays with 11 rows",
    ),
    "init fixed": (
        answers(init=lambda size: jnp.zeros(3)),
        "meta_policy.init(11) returns the carry float32[3]: expected arrays with 11 rows",
    ),
    "init text": (answers(init=lambda size: "carry"), "meta_policy.init raises TypeError"),
    "init without size": (answers(init=lambda: ()), "meta_policy.init raises TypeError"),
    "init raises": (answers(init=raises), "meta_policy.init raises KeyError: 'boom'"),
    "returns None": (
        answers(apply=lambda *arguments: None),
        "meta_policy.apply returns None: expected a rrplan.Control",
    ),
    "returns an array": (
        answers(apply=lambda params, keys, carry, seen: seen.simulations),
        "meta_policy.apply returns int32[11]: expected a rrplan.Control",
    ),
    "returns a tuple": (
        answers(apply=lambda params, keys, carry, seen: (seen.simulations,) * 2),
        "meta_policy.apply returns a tuple: expected a rrplan.Control",
    ),
    "raises": (answers(apply=raises), "meta_policy.apply raises KeyError: 'boom'"),
    "takes too few": (
        answers(apply=lambda params, seen: None),
        "meta_policy.apply raises TypeError",
    ),
    "branches": (
        answers(lambda seen: seen.simulations if seen.raw_value[0] > 0 else 0),
        "meta_policy.apply cannot be compiled by jit",
    ),
}


def planner(**changes):
    return {"planner": PLANNER._replace(**changes)}


CALLS = {
    "key int": ({"key": 0}, "key is 0: expected one random key, such as jax.random.key(0)"),
    "key None": ({"key": None}, "key is None: expected one random key"),
    "key text": ({"key": "a"}, "key is 'a': expected one random key"),
    "two keys": ({"key": jax.random.split(jax.random.key(0))}, "key is key<fry>[2]: expected one"),
    "key array": ({"key": jnp.zeros(3)}, "key is float32[3]: expected one random key"),
    "episodes float": ({"episodes": 2.0}, "episodes is 2.0: expected a number >= 1 or ids >= 0"),
    "episodes 0": ({"episodes": 0}, "episodes is 0"),
    "episodes negative": ({"episodes": -3}, "episodes is -3"),
    "episodes None": ({"episodes": None}, "episodes is None"),
    "episodes text": ({"episodes": "8"}, "episodes is '8'"),
    "episodes bool": ({"episodes": True}, "episodes is True"),
    "episodes floats": ({"episodes": np.array([0.0, 1.0])}, "episodes is "),
    "episodes matrix": ({"episodes": np.zeros((2, 2), int)}, "episodes is "),
    "episodes ragged": ({"episodes": [[1], [2, 3]]}, "episodes is [[1], [2, 3]]"),
    "episodes huge": ({"episodes": 10**30}, f"episodes is {10**30}"),
    "episodes large": ({"episodes": 2**40}, "episodes is 1099511627776"),
    "lanes negative": ({"num_lanes": -1}, "num_lanes is -1: expected a whole number, 1 or more"),
    "lanes float": ({"num_lanes": 4.0}, "num_lanes is 4.0: expected a whole number, 1 or more"),
    "lanes None": ({"num_lanes": None}, "num_lanes is None"),
    "trace negative": ({"trace": -1}, "trace is -1: expected a whole number, 0 or more"),
    "trace float": ({"trace": 1.5}, "trace is 1.5"),
    "trace None": ({"trace": None}, "trace is None"),
    "costs a float": ({"costs": 0.1}, "costs is a float: expected a rrplan.Costs"),
    "costs None": ({"costs": None}, "costs is None: expected a rrplan.Costs"),
    "price text": (
        {"costs": rrplan.Costs(price="low")},
        "price is 'low': expected a finite number",
    ),
    "price None": ({"costs": rrplan.Costs(price=None)}, "price is None: expected a finite number"),
    "price NaN": ({"costs": rrplan.Costs(price=np.nan)}, "price is nan: expected a finite number"),
    "rates": ({"costs": rrplan.Costs(rates=2.0)}, "rates is a float: expected a rrplan.Rates"),
    "devices text": ({"devices": "cpu"}, "devices is 'cpu': expected one or more"),
    "devices int": ({"devices": 3}, "devices is 3: expected one or more"),
    "devices ints": ({"devices": [0]}, "devices is [0]: expected one or more"),
    "progress": ({"progress": 3}, "progress is a int: expected a function or None"),
    "on_work": ({"on_work": True}, "on_work is a bool: expected a function or None"),
    "planner None": ({"planner": None}, "planner is None: expected a rrplan.Planner"),
    "planner tuple": ({"planner": tuple(PLANNER)}, "planner is a tuple: expected a rrplan.Planner"),
    "simulations negative": (
        planner(max_simulations=-1),
        "max_simulations is -1: expected a whole",
    ),
    "simulations float": (planner(max_simulations=4.0), "max_simulations is 4.0: expected a whole"),
    "simulations None": (planner(max_simulations=None), "max_simulations is None"),
    "simulations huge": (planner(max_simulations=10**20), "GiB in all, but"),
    "simulations large": (planner(max_simulations=10**9), "GiB in all, but"),
    "search None": (planner(search=None), "planner.search is None: expected a rrplan.Search"),
    "search dict": (planner(search={}), "planner.search is a dict: expected a rrplan.Search"),
    "environment None": (
        planner(environment=None),
        "planner.environment is None: expected one as envs.adapt returns it",
    ),
    "environment class": (
        planner(environment=tabular.TabularEnvironment),
        "planner.environment is the class TabularEnvironment: expected an object of it",
    ),
    "unhashable": (
        planner(environment=type("Odd", (Broken,), {"__hash__": None})()),
        "planner.environment cannot be hashed",
    ),
    "no actions": (planner(environment=Broken(num_actions=0)), "has 0 actions: expected 1 or more"),
    "step raises": (planner(environment=Broken(step=raises)), "step raises KeyError: 'boom'"),
    "step branches": (planner(environment=Broken(step=branches)), "step cannot be compiled by jit"),
    "reset raises": (planner(environment=Broken(reset=raises)), "reset raises KeyError: 'boom'"),
    "reset one value": (
        planner(environment=Broken(reset=lambda key, params: jnp.zeros(3))),
        "reset returns float32[3]: expected a pair, state and observation",
    ),
    "step tuple": (
        planner(environment=Broken(step=lambda key, state, action, params: (state, 1.0))),
        "step returns a tuple: expected a rrplan.Transition",
    ),
    "state changes": (
        planner(environment=step_with(state=lambda t: t.state._replace(time=t.state.time * 1.0))),
        "step returns the state index int32[], time float32[], but reset index int32[], time int32",
    ),
    "observation": (
        planner(environment=step_with(observation=lambda t: t.observation[:5])),
        "step returns the observation float32[5], but reset float32[12]",
    ),
    "reward": (
        planner(environment=step_with(reward=lambda t: t.observation)),
        "step returns reward float32[12]: expected float32[]",
    ),
    "end": (
        planner(environment=step_with(terminated=lambda t: t.reward)),
        "step returns terminated float32[]: expected bool[]",
    ),
    "mask": (
        planner(environment=Broken(invalid_actions=lambda state, params: jnp.zeros(2, bool))),
        "invalid_actions returns bool[2]: expected bool[3]",
    ),
    "env_params None": (planner(env_params=None), "step raises AttributeError"),
    "env_params text": (planner(env_params="easy"), "planner.env_params holds a str"),
    "network None": (planner(network=None), "planner.network is None: expected a function"),
    "network text": (planner(network="mlp"), "planner.network is a str: expected a function"),
    "network raises": (planner(network=raises), "network raises"),
    "network a tuple": (
        planner(network=lambda params, seen: (seen, seen)),
        "network returns a tuple: expected a rrplan.Evaluation",
    ),
    "logits": (
        planner(network=network_with(prior_logits=lambda e: e.prior_logits[:, :2])),
        "network returned prior_logits of shape (11, 2) for a batch of 11: expected (11, 3)",
    ),
    "value": (
        planner(network=network_with(value=lambda e: e.value[:, None])),
        "network returned value of shape (11, 1) for a batch of 11: expected (11,)",
    ),
    "value None": (planner(network=network_with(value=lambda e: None)), "network returned value"),
    "features": (
        planner(network=network_with(features=lambda e: e.value)),
        "network returned features",
    ),
    "whole logits": (
        planner(network=network_with(prior_logits=lambda e: e.prior_logits.astype(int))),
        "network returned prior_logits of int32",
    ),
    "params None": (planner(params=None), "network raises AttributeError"),
    "meta_params": ({"meta_params": "four"}, "meta_params holds a str: expected arrays"),
    "meta_params NaN": ({"meta_params": np.float32(np.nan)}, "meta_params holds NaN: expected num"),
    "meta_params dict": ({"meta_params": {"k": 3}}, "meta_policy.apply raises TypeError"),
    "meta_params None": ({"meta_params": None}, "meta_policy.apply raises TypeError"),
}


def evaluate(**changes):
    """Make a call that is right but for what is changed."""
    call = {
        "planner": PLANNER,
        "meta_policy": FIXED,
        "meta_params": jnp.int32(2),
        "key": jax.random.key(0),
        "episodes": 4,
        **changes,
    }
    first = [call.pop(name) for name in ("planner", "meta_policy", "meta_params")]
    return rrplan.evaluate(*first, **call)
