"""Rules that find their parameters by a search of their own, on the validation episodes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from agents import declarations
from agents.declarations import Searched, SearchRequest
from agents.metapolicies.tuning import Candidate, Choice
from experiments import runs
from experiments.analysis.results import BestFixed
from experiments.bill import Bill
from experiments.evaluation import (
    Agent,
    Split,
    StudyProblem,
    TrainedSeed,
    evaluate_agent,
    make_planner,
)
from experiments.runs import Run
from experiments.runs.progress import Progress
from experiments.studies.planning_depth.config import StudyConfig
from rrplan.errors import InputError
from rrplan.types import Episodes, MetaPolicy, PyTree


def find_all(
    problem: StudyProblem,
    run: Run,
    params: Sequence[PyTree],
    acting: str,
    best_fixed: Sequence[BestFixed],
    split: Split,
    bill: Bill,
    progress: Progress,
) -> dict[str, list[Choice]]:
    """Search for each rule's parameters at each price; those that are on disk are read.

    Args:
        problem: of the study.
        run: where they are kept.
        params: of the network, of each training seed. All seeds share what is found.
        acting: rule of acting.
        best_fixed: the best fixed k of each price, from which searches begin.
        split: the validation episodes.
        bill: of the study.
        progress: of the study.
    """
    found: dict[str, list[Choice]] = {}
    for rule in _rules(problem.config):
        found[rule.name] = []
        with progress.evaluations(f"tuning {rule.name}", len(best_fixed)) as bar:
            for best in best_fixed:
                name = name_of(rule, best.price, problem.config)
                path = _path(run, acting, name)
                if runs.load_arrays(path) is None:
                    bar.begin(name)
                    agent = Agent(
                        rule.name,
                        None,
                        name,
                        rule.family,
                        best.price,
                        name,
                        rates=bill.rates(),
                        traced=True,
                    )
                    request = SearchRequest(
                        make_planner(problem, params[0], acting),
                        problem.config.sweep.budgets,
                        _evaluation(problem, params, agent, acting, split),
                        best.k,
                        lambda note, name=name: bar.begin(f"{name}, {note}"),
                    )
                    chosen = declarations.build(rule.search)(request)
                    arrays = {key: np.asarray(value) for key, value in chosen._asdict().items()}
                    runs.save_arrays(path, arrays)
                found[rule.name].append(_read(rule, path, name, best.price))
                bar.finish()
    return found


def load_all(run: Run, acting: str) -> dict[str, tuple[MetaPolicy, PyTree]]:
    """Return what was found in a finished run, by ``RULE-PRICE``."""
    found = {}
    for rule in _rules(run.config):
        for price in run.config.sweep.prices:
            name = name_of(rule, price, run.config)
            candidate = _read(rule, _path(run, acting, name), name, price).candidate
            found[f"{rule.name}-{price:g}"] = (candidate.meta_policy, candidate.params)
    return found


def name_of(rule: Searched, price: float, config: StudyConfig) -> str:
    """Return what a rule's evaluation at a price is called: other budgets give another one."""
    return "-".join([rule.name, f"{price:g}", "k", *map(str, config.sweep.budgets)])


def _rules(config: StudyConfig) -> list[Searched]:
    return [agent for agent in config.control.declared() if isinstance(agent, Searched)]


def _path(run: Run, acting: str, name: str) -> Path:
    return run.evaluation(f"found-{acting}-{name}")


def _read(rule: Searched, path: Path, name: str, price: float) -> Choice:
    arrays = runs.load_arrays(path)
    if arrays is None:
        raise InputError(f"{path} is missing or damaged: go on with the run by --resume")
    candidate = Candidate(name, declarations.build(rule.make)(), arrays["params"])
    return Choice(price, candidate, float(arrays["timed"]), float(arrays["simulations"]))


def _evaluation(
    problem: StudyProblem,
    params: Sequence[PyTree],
    agent: Agent,
    acting: str,
    split: Split,
) -> Callable[[MetaPolicy, PyTree], Episodes]:
    """Return what runs a meta-policy on the validation episodes of all training seeds, traced."""

    def evaluate(meta_policy: MetaPolicy, own: PyTree) -> Episodes:
        of_seeds = [
            evaluate_agent(
                problem,
                TrainedSeed(seed_params, {agent.evaluation: (meta_policy, own)}),
                agent,
                split,
                acting,
            )
            for seed_params in params
        ]
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *of_seeds)

    return evaluate
