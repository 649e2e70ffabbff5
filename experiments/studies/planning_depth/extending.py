"""Whether a study that is there may be gone on with as another one."""

import dataclasses

from experiments import runs
from experiments.runs.codec import first_difference, to_dict
from experiments.runs.progress import Progress
from experiments.studies.planning_depth.config import StudyConfig
from rrplan.errors import InputError


def conflict(there: StudyConfig, here: StudyConfig) -> str | None:
    """Return in words what keeps a study from being extended to another; None where nothing does.

    It may be extended by agents, prices, budgets and depths, by prices that agents are trained for,
    and by seconds of the clock.

    Raises:
        InputError: it may, but learned agents that are there would have to be trained anew.
    """
    same = dataclasses.replace(
        here,
        sweep=dataclasses.replace(
            here.sweep,
            budgets=there.sweep.budgets,
            prices=there.sweep.prices,
            depths=there.sweep.depths,
            depth_budgets=there.sweep.depth_budgets,
        ),
        control=dataclasses.replace(
            here.control, agents=there.control.agents, num_prices=there.control.num_prices
        ),
        calibrate=here.calibrate and there.calibrate,
    )
    if same != there:
        return first_difference(to_dict(there), to_dict(same))
    added = (
        (there.sweep.budgets, here.sweep.budgets),
        (there.sweep.prices, here.sweep.prices),
        (there.sweep.pairs, here.sweep.pairs),
        (there.control.agents, here.control.agents),
    )
    if any(set(before) - set(after) for before, after in added):
        return first_difference(to_dict(there), to_dict(here))
    before, after = there.sweep.max_budget, here.sweep.max_budget
    learned = there.control.learned()
    if learned and before != after:
        raise InputError(
            f"{learned[0].name} was trained with at most {before} simulations a decision, and the "
            f"largest k is {after} now: choose another --out"
        )
    trained = there.trained_prices
    by_price = [agent for agent in learned if not agent.priced]
    if by_price and not set(trained) <= set(here.trained_prices):
        least = here.sweep.prices.index(max(trained)) + 1
        raise InputError(
            f"{by_price[0].name} was trained for the price {max(trained):g}, and now it would not "
            f"be: expected --control.num-prices of at least {least}, or another --out"
        )
    return None


def warn_of_other_versions(run: runs.Run, progress: Progress) -> None:
    """Say which packages, or what machine, are others than when the run was begun."""
    now = runs.versions()
    for name, version in run.versions.items():
        if now.get(name) != version:
            progress.print(
                f"warning: this run was begun with {name} {version}, now it is {now.get(name)}; "
                "numbers may differ in their last digits"
            )
