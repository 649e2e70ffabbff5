"""What a chunk of training takes, and what its parts take, each compiled and called alone."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import tyro

import envs
from agents import networks
from agents.alphazero import replay, selfplay
from agents.alphazero.config import TrainConfig
from agents.alphazero.train import make_train, update
from agents.presets import PRESETS, train_preset
from experiments.bench.search import Report
from experiments.bench.timing import Rounds, blocking, measure, summarise, timed
from rrplan.models.true_model import make_true_model


@dataclass(frozen=True)
class ChunkOptions:
    """Time a chunk of a planner's training, and its parts alone."""

    env: str = "SpaceInvaders-MinAtar"
    """Name of the environment."""
    preset: Literal[PRESETS] = "quick"  # pyright: ignore[reportInvalidTypeForm] - known to tyro
    """Where the settings of the training come from."""
    rounds: Annotated[Rounds, tyro.conf.arg(name="")] = Rounds(repeats=5)
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/bench")
    """Directory of the result, chunk.json."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace a result that is there already."""


class Part(NamedTuple):
    """A piece of the work of a chunk."""

    what: str
    calls: int  # in a chunk
    run: Callable[[], Any]  # one call; compiled, and comes back when it is done


def run_chunk(options: ChunkOptions, report: Report = lambda line: None) -> dict[str, Any]:
    """Measure in turns, and return the results as JSON.

    Raises:
        InputError: there is no such environment, or it cannot be planned in.
    """
    preset = train_preset(options.env, options.preset)
    env, env_params = envs.make_checked(options.env)
    environment = envs.adapt(env)
    network, params = networks.build(preset.network, environment, env_params, jax.random.key(0))
    training = make_train(environment, env_params, network, preset.train)
    # Lanes are then amid their episodes, and there is something to learn from.
    state, _ = blocking(training.advance)(training.init(jax.random.key(1), params))
    report("the first chunk is done")
    parts = find_parts(environment, env_params, network, preset.train, state)
    chunk = blocking(training.advance)
    contestants = {part.what: part.run for part in parts} | {"chunk": lambda: chunk(state)}
    timings = measure(
        {name: lambda number, run=run: run() for name, run in contestants.items()},
        options.rounds,
        {name: timed(run)[0] for name, run in contestants.items()},
    )
    result = compare({part.what: part.calls for part in parts}, timings)
    report(f"chunk / sum of parts: {result['chunk_over_sum']['median']:.2f}")
    settings = preset.train
    return result | {
        "env": options.env,
        "network": network.describe(),
        "lanes": settings.num_lanes,
        "steps": settings.steps_per_chunk,
        "simulations": settings.num_simulations,
        "updates": settings.updates_per_chunk,
        "batch": settings.batch_size,
    }


def find_parts(environment, env_params, network, config: TrainConfig, state) -> list[Part]:
    """Return the parts of a chunk at what the lanes and the replay hold in ``state``.

    A search evaluates its root and each simulation. What comes after the search once a step, the
    real step, also resets all lanes, because some may begin a new episode. The tree, the targets
    and the replay are no parts: a chunk takes longer by what they take.
    """
    model = make_true_model(environment, env_params, network, config.gamma)
    key, lanes, count = jax.random.key(2), state.lanes, config.num_lanes
    action = jnp.zeros(count, jnp.int32)
    keys = jax.random.split(key, count)
    over_lanes = jax.vmap(environment.step, (0, 0, 0, None))
    batch = replay.sample(state.replay, key, config.batch_size)
    steps, simulations = config.steps_per_chunk, config.num_simulations
    # Bootstrapping looks once more at each step; so does the end of a chunk.
    evaluations = steps * (simulations + 1 + config.bootstrap_truncated) + 1
    return [
        _part("evaluation", evaluations, network, state.params, lanes.observation),
        _part(
            "imagined step", steps * simulations, over_lanes, keys, lanes.state, action, env_params
        ),
        _part(
            "real step and reset",
            steps,
            lambda key, lanes, action: selfplay.step_lanes(model, key, key, lanes, action),
            key,
            lanes,
            action,
        ),
        _part(
            "gradient step",
            config.updates_per_chunk,
            lambda *arguments: update(network, config, *arguments),
            state.params,
            state.opt_state,
            batch,
        ),
    ]


def _part(what: str, calls: int, function: Callable[..., Any], *arguments: Any) -> Part:
    program = blocking(jax.jit(function).lower(*arguments).compile())
    program(*arguments)
    return Part(what, calls, lambda: program(*arguments))


def compare(calls: Mapping[str, int], timings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the parts, the chunk, the sum of the parts and the ratio, each over the rounds.

    Args:
        calls: of each part, in a chunk.
        timings: of the parts and of ``"chunk"``, as :func:`experiments.bench.timing.measure`
            returns them.
    """
    rounds = range(len(timings["chunk"]["raw"]))
    sums = [
        math.fsum(count * timings[name]["raw"][index] for name, count in calls.items())
        for index in rounds
    ]
    ratios = [timings["chunk"]["raw"][index] / sums[index] for index in rounds]
    return {
        "parts": [
            {"what": name, "calls": count, "seconds": dict(timings[name])}
            for name, count in calls.items()
        ],
        "chunk": dict(timings["chunk"]),
        "sum": summarise(sums),
        "chunk_over_sum": summarise(ratios),
    }
