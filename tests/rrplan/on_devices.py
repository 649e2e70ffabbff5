"""Evaluations to run in processes of their own: JAX fixes its devices when it starts.

    python on_devices.py devices FILE
    python on_devices.py process FILE COORDINATOR NUM_PROCESSES PROCESS_ID

Each writes the episodes of its cases to FILE.
"""

import re
import sys

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from agents import metapolicies
from rrplan.engine import dispatch as engine_devices
from tests.rrplan import tabular

ENVIRONMENT = tabular.TabularEnvironment()
EPISODES, LANES, LARGEST = 50, 4, 9
COLLECTIVES = r"all-reduce|all-gather|all-to-all|collective-permute|collective-broadcast"
TREE_ARRAY = rf"= \w+\[(?:1,)?{LARGEST + 1},{LANES}[,\]]"  # [M, B, ...] in compiled text


def evaluate(network=tabular.table_network, params=None, **kwargs) -> rrplan.Episodes:
    # Nothing here may touch JAX before jax.distributed is initialised: not even a constant.
    table = tabular.make_table(3, ENVIRONMENT.num_actions)
    arguments = {"episodes": EPISODES, "num_lanes": LANES, "trace": 3, **kwargs}
    params = table if params is None else params
    planner = rrplan.Planner(ENVIRONMENT, table, network, params, max_simulations=LARGEST)
    return rrplan.evaluate(
        planner, metapolicies.random_k(), jnp.array([0, 2, 7]),
        key=jax.random.key(11), **arguments,
    )  # fmt: skip


def make_mlp(hidden: int = 16) -> dict[str, jax.Array]:
    """Return the parameters of an untrained network: its matrix kernels depend on the batch."""
    keys = jax.random.split(jax.random.key(5), 3)
    return {
        "hidden": jax.random.normal(keys[0], (tabular.NUM_STATES, hidden)),
        "logits": jax.random.normal(keys[1], (hidden, ENVIRONMENT.num_actions)),
        "value": jax.random.normal(keys[2], (hidden,)),
    }


def mlp(params, observation: jax.Array) -> rrplan.Evaluation:
    hidden = jnp.tanh(observation @ params["hidden"])
    return rrplan.Evaluation(hidden @ params["logits"], hidden @ params["value"], hidden)


def read_program(run) -> dict[str, int]:
    """Count what the compiled ticks that ``run`` uses should not hold."""
    advance, found = engine_devices._advance, {}

    def look(*arguments):
        text = advance.lower(*arguments).compile().as_text()
        found["collectives"] = len(re.findall(COLLECTIVES, text))
        found["tree arrays"] = len(re.findall(TREE_ARRAY, text))
        found["tree copies"] = len(re.findall(TREE_ARRAY + r"\S* copy\(", text))
        return advance(*arguments)

    engine_devices._advance = look
    run()
    engine_devices._advance = advance
    return found


def run_cases() -> dict[str, rrplan.Episodes | dict[str, int]]:
    one, all_ = jax.devices()[:1], None
    engine_devices._BLOCK = 6  # of first states, so that it is filled again
    return {
        "table on 1": evaluate(devices=one),
        "table on 8": evaluate(devices=all_),
        "few on 8": evaluate(devices=all_, episodes=3),
        "network on 1": evaluate(mlp, make_mlp(), devices=one, episodes=64),
        "network on 8": evaluate(mlp, make_mlp(), devices=all_, episodes=64),
        "program": read_program(lambda: evaluate(devices=all_)),
        "devices": {"": len(jax.devices())},
    }


def save(path: str, cases: dict) -> None:
    arrays = {}
    for name, value in cases.items():
        fields = value._asdict() if isinstance(value, rrplan.Episodes) else dict(value)
        trace = fields.pop("trace", None)
        told = trace._asdict() if trace is not None else {}
        fields |= {f"trace_{name}": column for name, column in told.items()}
        fields = {name: column for name, column in fields.items() if column is not None}
        arrays |= {f"{name}/{field}": np.asarray(array) for field, array in fields.items()}
    np.savez(path, **arrays)


if __name__ == "__main__":
    mode, path, *rest = sys.argv[1:]
    if mode == "process":
        coordinator, num_processes, process_id = rest
        jax.distributed.initialize(coordinator, int(num_processes), int(process_id))
        save(path, {"all": evaluate(), "processes": {"": jax.process_count()}})
    else:
        save(path, run_cases())
