"""The oracle's row in a study: the exact ceiling, worked out for the first held-out episodes."""

from collections.abc import Sequence

import jax
import numpy as np

import rrplan
from agents.declarations import Ceiling, Rule
from experiments import roster, runs
from experiments.analysis import columns, thinking
from experiments.analysis.columns import Columns
from experiments.bill import Bill
from experiments.evaluation import Agent, Domain, StudyProblem, TrainedSeed, make_planner, study_key
from experiments.runs import Run
from experiments.runs.progress import Progress
from experiments.studies.planning_depth.config import StudyConfig
from rrplan import oracle
from rrplan.capabilities import Enumerable, Priced, offers
from rrplan.engine.consult import NO_DEPTH_LIMIT
from rrplan.engine.dispatch import longest_queue
from rrplan.errors import InputError


def work_out(
    problem: StudyProblem,
    run: Run,
    trained: Sequence[TrainedSeed],
    acting: str,
    bill: Bill,
    progress: Progress,
) -> list[tuple[Agent, list[Columns]]]:
    """Return the oracle at each price with each seed's table ``[O]``; nothing if it is not wanted.

    Where the oracle refuses the environment there is none, and a line says why.
    """
    config = problem.config
    wanted = [agent.name for agent in config.control.declared() if isinstance(agent, Ceiling)]
    if not wanted:
        return []
    if not offers(problem.environment, Enumerable):
        progress.print(f"no oracle: {config.env} has no enumerate_states")
        return []
    *limits, _ = depths(config)
    told = "".join(f"-depth{limit}" for limit in limits)
    agents = [
        Agent(
            name,
            None,
            f"{name}-{price:g}-k{config.sweep.max_budget}{told}",
            Ceiling.family,
            price,
            rates=bill.rates(),
        )
        for name in wanted
        for price in config.sweep.prices
    ]
    by_seed = []
    try:
        with progress.evaluations("oracle", len(trained)) as bar:
            for seed, one in enumerate(trained):
                by_seed.append(_of_seed(problem, run, seed, one, agents, acting, bar))
                bar.finish()
    except InputError as error:
        progress.print(f"no oracle: {error}")
        return []
    return [(agent, [tables[agent.evaluation] for tables in by_seed]) for agent in agents]


def depths(config: StudyConfig) -> tuple[int, ...]:
    """Return the limits of depth that the oracle chooses among: those that an agent may, and none.

    Without such an agent there is no limit to choose.
    """
    limits: set[int] = set()
    for agent in config.control.declared():
        if roster.chooses_depth(agent):
            tuned = isinstance(agent, Rule)
            limits |= set(config.sweep.depths if tuned else config.control.depths)
    return (*sorted(limits - {0}), NO_DEPTH_LIMIT)


def _of_seed(problem, run, seed, trained, agents, acting, bar) -> dict[str, Columns]:
    config = problem.config
    episodes = config.oracle_episodes
    paths = {
        agent.evaluation: run.evaluation(f"held-out-{acting}-seed{seed}-{agent.evaluation}")
        for agent in agents
    }
    tables = {name: columns.load_table(path, episodes) for name, path in paths.items()}
    found = {name: table for name, table in tables.items() if table is not None}
    if len(found) == len(tables):
        return found
    bar.begin("oracle")
    # As many lanes as the engine has, so that the network's last digits agree with its own.
    episodes_on_a_device = longest_queue(config.sweep.episodes, len(jax.local_devices()))
    table = oracle.tabulate(
        make_planner(problem, trained.params, acting),
        key=study_key(config, Domain.HELD_OUT),
        episodes=episodes,
        num_lanes=min(config.sweep.num_lanes, episodes_on_a_device),
        depths=depths(config),
    )
    for agent in agents:
        solution = oracle.solve(table, rrplan.Costs(agent.price, agent.rates))
        found[agent.evaluation] = {
            "untimed_return": solution.untimed_return,
            "simulations": solution.simulations,
            "length": solution.length,
            "levels": solution.levels,
            "looks": np.zeros_like(solution.length),
            **_weighted(problem, solution),
            **thinking.summarize(
                solution.decisions.valid,
                solution.decisions.simulations,
                solution.decisions.legal_actions,
            ),
        }
        runs.save_arrays(paths[agent.evaluation], found[agent.evaluation])
    return found


def _weighted(problem: StudyProblem, solution: oracle.Solution) -> Columns:
    """Return the weighted counts, where the price depends on the situation; it never looks."""
    if not offers(problem.environment, Priced):
        return {}
    counts = solution.weighted._replace(looks=np.zeros(solution.length.shape))
    named = zip(columns.WEIGHTED, counts, strict=True)
    return {name: np.asarray(count) for name, count in named}
