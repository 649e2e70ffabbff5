"""The safety net: a learned agent that earns too little on validation episodes is not deployed.

The best fixed k stands in for it, training seed by training seed: one training among several may
have failed. What counts is the mean timed return on the validation episodes, as it is where rules
are tuned: lower is lower, however little. Of two choices, the one that earned more there is the
better guess, and an agent that did not learn must not be kept because chance might have done it.

Controls are left as they are: they are there to be compared with, not to be deployed.
"""

from collections.abc import Mapping, Sequence

from agents.declarations import Learned
from experiments.analysis import columns
from experiments.analysis.columns import Columns
from experiments.analysis.results import BestFixed, Replaced
from experiments.evaluation import Agent, Split, StudyProblem, TrainedSeed, fixed_agent
from experiments.roster_controls import CONTROLS
from experiments.runs import Run
from experiments.runs.progress import Progress
from experiments.studies.planning_depth.evaluating import evaluate_all

Row = tuple[Agent, list[Columns]]  # with the table of each training seed, [E]
Validated = Mapping[str, Sequence[Columns]]  # by the name of the evaluation

_CONTROLS = frozenset(control.name for control in CONTROLS)


def validate(
    problem: StudyProblem,
    run: Run,
    trained: Sequence[TrainedSeed],
    agents: Sequence[Agent],
    best_fixed: Sequence[BestFixed],
    acting: str,
    progress: Progress,
) -> dict[str, list[Columns]]:
    """Return what learned agents, and the best fixed k's, did on the validation episodes."""
    learned = [agent for agent in agents if _is_guarded(agent)]
    if not learned:
        return {}
    split = Split.validation(problem.config.sweep)
    fixed = [fixed_agent("fixed", best.k) for best in best_fixed]
    both = [*fixed, *learned]
    return evaluate_all(problem, run, trained, both, split, acting, progress, "safety net")


def deploy(
    rows: Sequence[Row], validated: Validated, best_fixed: Sequence[BestFixed]
) -> tuple[list[Row], dict[tuple[str, float], Replaced]]:
    """Return the rows of what would be deployed, and what they took the place of.

    Args:
        rows: all agents on the held-out episodes; the learned ones as they are.
        validated: learned agents and best fixed k's on the validation episodes.
        best_fixed: for each price.

    Returns:
        The rows in their order, and by name and price each agent of which at least one training
        seed was replaced.
    """
    held_out = {agent.evaluation: tables for agent, tables in rows}
    ks = {best.price: best.k for best in best_fixed}
    deployed, replaced = [], {}
    for agent, tables in rows:
        if agent.price is None or not _is_guarded(agent):
            deployed.append((agent, tables))
            continue
        k = ks[agent.price]
        fixed = fixed_agent("fixed", k).evaluation
        own, its = (_timed(agent, validated[name]) for name in (agent.evaluation, fixed))
        failed = tuple(seed for seed, (a, b) in enumerate(zip(own, its, strict=True)) if a < b)
        if failed:
            replaced[agent.name, agent.price] = Replaced(agent, k, failed, own, its, tables)
            tables = [
                held_out[fixed][seed] if seed in failed else table
                for seed, table in enumerate(tables)
            ]
        deployed.append((agent, tables))
    return deployed, replaced


def _is_guarded(agent: Agent) -> bool:
    return agent.family == Learned.family and agent.name not in _CONTROLS


def _timed(agent: Agent, tables: Sequence[Columns]) -> list[float]:
    """Return each training seed's mean timed return; a fixed k never looks, and pays for none."""
    assert agent.price is not None
    timed = (columns.timed_return(table, agent.price, agent.rates) for table in tables)
    return [float(values.mean()) for values in timed]
