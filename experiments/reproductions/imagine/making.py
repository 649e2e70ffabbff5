"""Makes the reproduction: solves the problem, trains and runs every agent, writes and draws."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import envs
import rrplan
from agents import metapolicies
from agents.thinker import network as thinker_networks
from agents.thinker.config import ThinkerConfig
from agents.thinker.inspect.optimum import Optimum
from agents.thinker.player import ThinkerPlayer, prepare
from agents.thinker.train import make_thinker_train
from agents.training import fit
from experiments import runs
from experiments.analysis import columns
from experiments.analysis.columns import Columns
from experiments.analysis.comparisons import as_json
from experiments.evaluation import play
from experiments.reproductions import keeping
from experiments.reproductions.imagine.figure import draw_values
from experiments.reproductions.imagine.options import ImagineOptions
from experiments.reproductions.imagine.table import markdown
from experiments.seeds import name_key
from rrplan import keys
from rrplan.costs import Costs, Rates
from rrplan.planner import Planner
from rrplan.statistics import mean_ci
from rrplan.types import Array, Evaluation

_TRAINING, _HELD_OUT = 0, 3  # roots of keys; settings were chosen on the episodes of 1
_LANES = 1024
_GRID = 16  # prices at which the optimum's curve is worked out


@dataclasses.dataclass(frozen=True)
class Silent:
    """A network that says nothing: every action alike, and all is worth 0.

    The rows of observations are actions.

    Attributes:
        num_actions: ``A``.
    """

    num_actions: int
    kind = "items"  # no field: it is no setting

    def __call__(self, params: Any, observation: Array) -> Evaluation:
        """Evaluate observations ``[B, A, 1]``."""
        del params
        number = observation.shape[0]
        nothing = jnp.zeros((number, self.num_actions))
        return Evaluation(nothing, jnp.zeros(number), jnp.zeros((number, 1)))


def build(options: ImagineOptions) -> Planner:
    """Return the planner: it knows the model, and nothing else."""
    env, params = envs.make("imagine", branching=options.branching, depth=options.depth)
    most = max(*options.k, options.thinker.k_max)
    search = rrplan.Search(acting="completed_q")
    return Planner(envs.adapt(env), params, Silent(options.branching), (), search, most)


def solve(options: ImagineOptions, price: float) -> Optimum:
    """Return the optimum at a price.

    Raises:
        InputError: the problem is too large for it.
    """
    stage = options.thinker.stage(chosen=True)
    return Optimum(options.branching, options.depth, stage, price)


def reproduce(options: ImagineOptions, say: Callable[[str], None]) -> list[str]:
    """Solve, train and evaluate, and write results, table and figure; return lines.

    Args:
        options: of the command.
        say: takes a line of progress.

    Raises:
        InputError: the problem is too large to be solved exactly, or the directory holds another
            reproduction, or this one and it is not resumed.
    """
    optima = {price: solve(options, price) for price in options.prices}
    for price, optimum in optima.items():
        say(f"price {price:g}: the optimum is {optimum.start.value:.4f}")
    with keeping.claimed(options.directory, options):
        return _make(options, optima, say)


def _make(
    options: ImagineOptions, optima: Mapping[float, Optimum], say: Callable[[str], None]
) -> list[str]:
    planner = build(options)
    searched = {k: _search(planner, options, k) for k in options.k}
    learned: dict[float, list[Columns]] = {price: [] for price in options.prices}
    for seed in range(options.seeds):
        for price in options.prices:
            learned[price].append(_learn(planner, options, price, seed))
            value = float(_timed(learned[price][-1], price).mean())
            say(f"seed {seed}, price {price:g}: Dynamic Thinker earns {value:.4f}")
    stacked = {price: columns.stack_tables(found) for price, found in learned.items()}
    rewards = draw_trees(planner, options.episodes)
    results = summarize(optima, stacked, searched, rewards)
    results |= {"curve": _curve(options, searched, rewards)}
    results |= {"options": keeping.tell(options), "versions": runs.versions()}
    return keeping.write(options.directory, results, markdown(results), {"values": draw_values})


def draw_trees(planner: Planner, episodes: int) -> np.ndarray:
    """Return the rewards of the held-out trees, ``[E, n]`` whole numbers."""
    given = planner.environment, planner.env_params, jax.random.key(_HELD_OUT), jnp.arange(episodes)
    states, _ = jax.jit(keys.first_states, static_argnums=0)(*given)
    sizes = [leaf for leaf in jax.tree.leaves(states) if leaf.ndim == 2]
    assert len(sizes) == 1  # all else of a state is a number
    return np.asarray(sizes[0], int)


def summarize(
    optima: Mapping[float, Optimum],
    learned: Mapping[float, Columns],
    searched: Mapping[int, Columns],
    rewards: np.ndarray,
) -> dict[str, Any]:
    """Return what ``results.json`` holds: plain values, the same whenever it is made.

    Timed returns are the optimum's exact value, and how the agent differs from the optimum on the
    same episodes: so the luck of the trees is in none of them.

    Args:
        optima: at each price.
        learned: the table ``[S, E]`` of Dynamic Thinker at each price.
        searched: the table ``[1, E]`` of the search with each number of simulations.
        rewards: of the trees, ``[E, n]``.
    """
    found = []
    for price, optimum in optima.items():
        best, decisions, lucky = optimum.start, optimum.depth, luck(optimum, rewards)
        exact = {"agent": "optimum", "k": None, "timed": None, "score": None, "seeds": []}
        exact |= {"value": best.value, "imagined": best.levels / decisions}
        exact |= {"calls": best.calls / decisions}
        agents = [exact, _entry("dynamic", None, learned[price], optimum, lucky)]
        agents += [_entry("search", k, table, optimum, lucky) for k, table in searched.items()]
        found.append({"price": price, "optimum": best.value, "agents": agents})
    return {"reproduction": "imagine", "prices": found}


def luck(optimum: Optimum, rewards: np.ndarray) -> np.ndarray:
    """Return by how much the optimum earns more than its value in each tree, ``[E]``."""
    trees, which = np.unique(rewards, axis=0, return_inverse=True)
    earned = np.array([optimum.play(tree.tolist()) for tree in trees])
    return earned[which.reshape(-1)] - optimum.start.value


def _entry(
    agent: str, k: int | None, table: Columns, optimum: Optimum, lucky: np.ndarray
) -> dict[str, Any]:
    timed, best = _timed(table, optimum.price) - lucky, optimum.start.value
    # Without imagining nothing is earned, so the score is the value's share of the optimum.
    score = timed / best if best > 0.0 else None
    return {
        "agent": agent,
        "k": k,
        "timed": as_json(mean_ci(timed)),
        "score": None if score is None else as_json(mean_ci(score)),
        "seeds": [] if score is None else score.mean(axis=1).tolist(),
        "value": float(timed.mean()),
        "imagined": float(table["levels"].sum() / table["length"].sum()),
        "calls": float(table["simulations"].sum() / table["length"].sum()),
    }


def _curve(
    options: ImagineOptions, searched: Mapping[int, Columns], rewards: np.ndarray
) -> list[dict[str, float]]:
    """Return the optimum and the best search over prices, up to where thinking pays little."""
    top = max(0.45, *options.prices)
    prices = sorted({*np.linspace(0.0, top, _GRID).round(6).tolist(), *options.prices})
    found = []
    for price in prices:
        optimum = solve(options, price)
        lucky = luck(optimum, rewards).mean()
        search = max(_timed(table, price).mean() for table in searched.values()) - lucky
        value = optimum.start.value
        found.append({"price": price, "optimum": value, "search": max(0.0, float(search))})
    return found


def _search(planner: Planner, options: ImagineOptions, k: int) -> Columns:
    """Return what the search with k simulations at each decision does, run or read."""
    given = metapolicies.fixed(), jnp.int32(k)
    return columns.stack_tables([_evaluate(planner, options, f"search-{k}", *given, 0.0)])


def _learn(planner: Planner, options: ImagineOptions, price: float, seed: int) -> Columns:
    """Return what Dynamic Thinker does, trained or read."""
    config: ThinkerConfig = options.thinker
    stage = config.stage(chosen=True)
    network = thinker_networks.build(config, stage, *prepare(planner, stage, Costs()))
    training = make_thinker_train(planner, network, stage, config, (price, price), Costs())
    label = f"dynamic-{price:g}"
    directory = options.directory / "seeds" / str(seed) / label
    key = name_key(jax.random.fold_in(jax.random.key(_TRAINING), seed), label)
    params = fit.fit(training, key, directory, resume=True, report=lambda record: None)
    player = ThinkerPlayer(network, stage)
    return _evaluate(planner, options, f"seed{seed}-{label}", player, params, price)


def _evaluate(
    planner: Planner, options: ImagineOptions, label: str, who: Any, params: Any, price: float
) -> Columns:
    given = {"key": jax.random.key(_HELD_OUT), "episodes": options.episodes}
    return keeping.evaluated(
        options.directory / "evaluations" / f"{label}.npz",
        options.episodes,
        lambda: play(planner, who, params, **given, costs=Costs(price), num_lanes=_LANES),
    )


def _timed(table: Columns, price: float) -> np.ndarray:
    """Return untimed returns less the price of all model calls."""
    return columns.timed_return(table, price, Rates())
