"""What helps a learned meta-policy: the same training with one thing changed at a time.

``python -m experiments.study_control NAME --run DIR`` trains every arm of a study over a few seeds,
on the planner of a finished run, and prints a table of timed returns on episodes that nothing else
uses, with the paired difference to the first arm; 95% intervals resample seeds and episodes.
``docs/metapolicies.md`` quotes its tables.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from agents import metapolicies
from agents.metapolicies import learned
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned.config import GROUPS
from agents.metapolicies.learned.train import make_meta_train
from experiments import roster, runs
from experiments.evaluation import build_problem, load_params, make_planner
from experiments.studies.planning_depth.config import StudyConfig
from rrplan.planner import Planner
from rrplan.statistics import mean_ci, paired_difference
from rrplan.types import PyTree

EVALUATION_SEED = 0xAB1A


class Arm(NamedTuple):
    """One setting: what is changed in the run's own."""

    label: str
    meta: Mapping[str, Any] = {}
    ppo: Mapping[str, Any] = {}
    agent: str = "stopper"
    start: int | None = None  # the run's best fixed k if None
    longer: int = 1  # times as many chunks


def start() -> list[Arm]:
    """Where an untrained policy starts from."""
    return [
        Arm("the best fixed k"),
        Arm("a weaker preference for it", ppo={"initial_strength": 1.0}),
        Arm("no preference", ppo={"initial_strength": 0.0}),
        Arm("acting at once", start=0),
    ]


def inputs() -> list[Arm]:
    """What a stopper sees: everything, or all but one group."""
    groups = [g for g in GROUPS if g != "price"]
    arms = [Arm("all", meta={"inputs": tuple(groups)})]
    return arms + [
        Arm(f"without {left}", meta={"inputs": tuple(g for g in groups if g != left)})
        for left in groups
    ]


def advantages() -> list[Arm]:
    """How advantages are estimated."""
    return [
        Arm("λ = 0.95 an ask"),
        Arm("λ = 0.95 an act", ppo={"lambda_per": "act"}),
        Arm("λ = 1", ppo={"gae_lambda": 1.0}),
        Arm("λ = 0.8 an ask", ppo={"gae_lambda": 0.8}),
        Arm("values not learned first", ppo={"value_chunks": 0}),
    ]


def menus() -> list[Arm]:
    """What may be answered, and how often one is asked."""
    return [
        Arm("stopper, 0 1 2 4 8"),
        Arm("stopper, 0 1", meta={"menu": (0, 1)}),
        Arm("stopper, 0 4", meta={"menu": (0, 4)}),
        Arm("gate, 0 1 2 4 8 16 32", meta={"menu": (0, 1, 2, 4, 8, 16, 32)}, agent="gate"),
    ]


def learning() -> list[Arm]:
    """How fast, how long and how freely."""
    return [
        Arm("as it is"),
        Arm("entropy weight 0.03", ppo={"entropy_weight": 0.03}),
        Arm("entropy weight 0", ppo={"entropy_weight": 0.0}),
        Arm("learning rate 5e-4", ppo={"learning_rate": 5e-4}),
        Arm("learning rate 2e-3", ppo={"learning_rate": 2e-3}),
        Arm("width 128", meta={"width": 128}),
        Arm("twice as long", longer=2),
    ]


STUDIES: Mapping[str, Callable[[], list[Arm]]] = {
    study.__name__: study for study in (start, inputs, advantages, menus, learning)
}


class Setting(NamedTuple):
    """A finished run's planner, and what its agents are held against."""

    config: StudyConfig
    planner: Planner
    best_fixed: int
    price: float
    episodes: int


def load(directory: Path, price: float, episodes: int) -> Setting:
    """Return the planner of a finished run's first seed, and its best fixed k at a price.

    Raises:
        rrplan.InputError: there is no finished run, or it had no such price.
    """
    run = runs.load_run(directory)
    results = runs.load_results(directory)
    best = {choice["price"]: choice["k"] for choice in results["best_fixed"]}
    if price not in best:
        raise rrplan.InputError(f"price is {price}: expected one of {', '.join(map(str, best))}")
    problem = build_problem(run.config)
    planner = make_planner(problem, load_params(problem, run, 0), results["acting"])
    return Setting(run.config, planner, best[price], price, episodes)


def evaluate(setting: Setting, meta_policy: rrplan.MetaPolicy, params: PyTree) -> rrplan.Episodes:
    """Run an agent on the study's episodes."""
    return rrplan.evaluate(
        setting.planner,
        meta_policy,
        params,
        key=jax.random.key(EVALUATION_SEED),
        episodes=setting.episodes,
        costs=rrplan.Costs(price=setting.price),
    )


def run_arm(setting: Setting, arm: Arm, seeds: int, chunks: int | None) -> dict[str, Any]:
    """Train one arm and return its columns ``[S, E]`` and seconds a seed."""
    control = setting.config.control
    meta = dataclasses.replace(control.meta(roster.find(arm.agent)), **arm.meta)
    given = {"num_chunks": chunks} if chunks else {}
    prices = {"lowest_price": setting.price, "highest_price": setting.price}
    ppo = dataclasses.replace(control.ppo, **(given | prices | dict(arm.ppo)))
    ppo = dataclasses.replace(ppo, num_chunks=arm.longer * ppo.num_chunks)
    planner = setting.planner
    network = meta_networks.build(meta, planner)
    train = make_meta_train(
        planner, network, ppo, setting.best_fixed if arm.start is None else arm.start
    )
    rows, seconds = [], []
    for seed in range(seeds):
        begun = time.perf_counter()
        params_key, train_key = jax.random.split(jax.random.key(seed))
        state = train.init(train_key, network.init(params_key))
        for _ in range(ppo.num_chunks):
            state, metrics = train.advance(state)
        jax.block_until_ready(metrics)
        seconds.append(time.perf_counter() - begun)
        rows.append(evaluate(setting, learned.greedy(network), state.params))
    columns = {
        name: np.stack([np.asarray(getattr(row, name)) for row in rows])
        for name in ("timed_return", "untimed_return", "simulations", "asks")
    }
    return {"label": arm.label, "seconds": seconds, **columns}


def describe(row: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's figures as JSON."""
    timed = row["timed_return"]
    return {
        "arm": row["label"],
        "timed": mean_ci(timed)._asdict(),
        "difference": paired_difference(timed, first["timed_return"])._asdict(),
        "untimed": float(row["untimed_return"].mean()),
        "simulations": float(row["simulations"].mean()),
        "asks": float(row["asks"].mean()),
        "seeds": timed.mean(axis=1).tolist(),
        "seconds": float(np.median(row["seconds"])),
    }


def show(row: Mapping[str, Any]) -> str:
    """Return a described row as a line of a Markdown table."""
    cells = [row["arm"], _interval(row["timed"], ".4f"), _interval(row["difference"], "+.4f")]
    cells += [f"{row['untimed']:.4f}", f"{row['simulations']:.1f}", f"{row['asks']:.1f}"]
    return "| " + " | ".join([*cells, f"{row['seconds']:.0f}"]) + " |"


def _interval(interval: Mapping[str, float], style: str) -> str:
    return f"{interval['mean']:{style}} [{interval['low']:{style}}, {interval['high']:{style}}]"


def _fixed(setting: Setting, seeds: int) -> dict[str, Any]:
    episodes = evaluate(setting, metapolicies.fixed(), jnp.int32(setting.best_fixed))
    columns = {
        name: np.repeat(np.asarray(getattr(episodes, name))[None], seeds, axis=0)
        for name in ("timed_return", "untimed_return", "simulations", "asks")
    }
    return {"label": f"fixed k = {setting.best_fixed}", "seconds": [0.0], **columns}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a study from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.study_control", description=__doc__.splitlines()[0]
    )
    parser.add_argument("study", choices=sorted(STUDIES), help="what is compared")
    parser.add_argument("--run", type=Path, required=True, help="directory of a finished run")
    parser.add_argument("--price", type=float, default=3e-4, help="of one simulation")
    parser.add_argument("--seeds", type=int, default=3, help="training seeds of each arm")
    parser.add_argument("--episodes", type=int, default=4096, help="episodes to compare on")
    parser.add_argument(
        "--chunks", type=int, help="rounds of each training; the run's if not given"
    )
    parser.add_argument("--only", default="", help="arms whose label contains this")
    parser.add_argument("--out", type=Path, help="also write the rows to this JSON file")
    args = parser.parse_args(arguments)
    if args.out is not None and args.out.exists():
        parser.error(f"{args.out} exists already: choose another --out")
    arms = [arm for arm in STUDIES[args.study]() if args.only in arm.label]
    if not arms:
        parser.error(f"no arm of {args.study} is called anything with {args.only!r}")
    try:
        setting = load(args.run, args.price, args.episodes)
    except rrplan.InputError as error:
        parser.error(str(error))
    print(
        "| arm | timed return | to the first arm | untimed | simulations | asks | seconds a seed |"
    )
    print("| --- | --- | --- | ---: | ---: | ---: | ---: |", flush=True)
    rows: list[dict[str, Any]] = []
    first = None
    for arm in [*arms, None]:
        columns = (
            run_arm(setting, arm, args.seeds, args.chunks) if arm else _fixed(setting, args.seeds)
        )
        first = first or columns
        rows.append(describe(columns, first))
        print(show(rows[-1]), flush=True)
        if args.out is not None:
            args.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
