"""Where the stopper's gain comes from: a chain of agents, each with one thing more.

From the best fixed k the chain goes to the schedule (the right amounts, without looking), to the
yoked agent (the stopper's own amounts, its looks paid), to the deaf stopper (it knows the state)
and to the stopper (it sees the search). The steps add up to the stopper's gain. Agents that are
not in a study are passed over. Beside the chain stand agents that choose actions themselves, and
planners on which the whole training is spent.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.analysis.comparisons import as_json
from rrplan.statistics import paired_difference

LAST = "stopper"
LINKS = ("schedule", "yoked", "stopper-deaf", LAST)
"""After the best fixed k, in their order."""
BESIDE = (
    *("direct", "ranks", "longer", "longer-k0", "longer-ops", "longer-ops-k0"),
    *("larger", "larger-k0", "larger-ops", "larger-ops-k0"),
)
YOKED = "yoked"
TOLERATED = 0.05
"""By how much mean simulations of the yoked agent may differ from those of the stopper, as a share
of the latter. What differs is priced in any case, and tables say so beyond it."""


def describe(
    price: float,
    timed: Mapping[str, np.ndarray],
    best_fixed: np.ndarray,
    reactive: np.ndarray,
    spent: Mapping[str, tuple[float, float]],
) -> dict[str, Any] | None:
    """Return the chain at a price as ``results.json`` has it; None where there is nothing to split.

    ``steps`` has for each agent of the chain what it earns more than the one ``after`` which it
    comes, paired by training seed and episode; ``total`` is what all steps add up to. ``beside``
    has what an agent earns more than no search at all and than the best fixed k, and what the
    stopper earns more than it. ``yoked`` compares amounts: ``simulations`` of an episode of the
    yoked agent and of the stopper, ``apart`` by which share, and the ``bill`` of the former less
    that of the latter.

    Args:
        price: of a simulation.
        timed: timed returns ``[S, E]`` by agent.
        best_fixed: those of the best fixed k.
        reactive: those of k = 0.
        spent: by agent, mean simulations and mean bill of an episode.
    """
    links = [name for name in LINKS if name in timed]
    beside = [name for name in BESIDE if name in timed]
    chained = LAST in links and len(links) > 1
    if not chained and not beside:
        return None
    steps, before, earlier = [], best_fixed, "fixed"
    for name in links if chained else ():
        steps.append({"agent": name, "after": earlier, "difference": _less(timed[name], before)})
        before, earlier = timed[name], name
    return {
        "price": price,
        "steps": steps,
        "total": _less(timed[LAST], best_fixed) if chained else None,
        "yoked": _compare(spent) if chained and YOKED in links else None,
        "beside": [
            {
                "agent": name,
                "to_reactive": _less(timed[name], reactive),
                "to_best_fixed": _less(timed[name], best_fixed),
                "stopper": _less(timed[LAST], timed[name]) if LAST in timed else None,
            }
            for name in beside
        ],
    }


def _less(values: np.ndarray, others: np.ndarray) -> dict[str, Any]:
    return as_json(paired_difference(values, others))


def _compare(spent: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    (own, bill), (thought, paid) = spent[YOKED], spent[LAST]
    apart = 0.0 if own == thought else abs(own - thought) / thought if thought else None
    return {"simulations": [own, thought], "apart": apart, "bill": bill - paid}
