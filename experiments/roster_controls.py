"""The controls of the roster: agents that tell thinking from a second policy in disguise.

A learned meta-policy may earn more because it knows when to search, or because it is one more
network that saw the same states. Each control has one of the two, or a part of it.
"""

from typing import Any

from agents.declarations import Agent, Learned, PlannerAlone, Rule, Yoked

_BLIND = ("prior", "search", "values", "progress", "price")
UNSEARCHED = ("prior", "progress", "price", "features", "observation", "gains")
"""All that there is to see before a search, which is when a gate is asked."""

_LONGER: dict[str, Any] = {"color": "#4D4D4D", "linestyle": (0, (6, 2))}
_OPERATIONS: dict[str, Any] = {"color": "#8C6BB1", "linestyle": (0, (6, 2, 1, 2))}
_LARGER: dict[str, Any] = {"color": "#02818A", "linestyle": (0, (8, 1.5))}
_LARGER_OPERATIONS: dict[str, Any] = {"color": "#67001F", "linestyle": (0, (8, 1.5, 1, 1.5))}
_POINT: dict[str, Any] = {"linestyle": "none", "markerfacecolor": "white"}

CONTROLS: tuple[Agent, ...] = (
    Rule(
        name="sampled",
        help="control: the k that is best if actions are drawn from the searched policy; not"
        " bounded by the oracle",
        style={"color": "#7F7F00", "marker": "H", "linestyle": (0, (1.5, 1))},
        candidates="agents.metapolicies.rules.sampled:candidates",
        bounded=False,
    ),
    Yoked(
        name="yoked",
        help="control: the stopper's amounts, each from such a decision of another episode",
        style={"color": "#B2182B", "marker": "D", "linestyle": (0, (2, 1)), "markersize": 3.5},
        to="stopper",
    ),
    Learned(
        name="direct",
        help="control: a network like the gate's that chooses actions, and never searches",
        style={"color": "#1B7837", "marker": "X", "linestyle": (0, (5, 2))},
        make="agents.metapolicies.controls.trainable:direct",
        kind="gate",
        inputs=UNSEARCHED,
        bounded=False,
    ),
    Learned(
        name="ranks",
        help="control: a gate whose k picks an action by its rank in the prior; no search helps it",
        style={"color": "#5AAE61", "marker": "P", "linestyle": (0, (3, 2))},
        make="agents.metapolicies.controls.trainable:ranks",
        kind="gate",
        inputs=UNSEARCHED,
        bounded=False,
    ),
    Learned(
        name="gate-blind",
        help="control: the gate without the observation and the planner's features",
        style={"color": "#66A61E", "marker": "^", "linestyle": (0, (1, 1)), "markersize": 4.0},
        kind="gate",
        inputs=_BLIND,
    ),
    Learned(
        name="stopper-blind",
        help="control: the stopper without the observation and the planner's features",
        style={"color": "#E6550D", "marker": "s", "linestyle": (0, (1, 1)), "markersize": 4.0},
        inputs=_BLIND,
    ),
    Learned(
        name="stopper-deaf",
        help="control: the stopper without anything that the search has found",
        style={"color": "#A63603", "marker": "h", "linestyle": (0, (3, 1))},
        inputs=UNSEARCHED,
    ),
    PlannerAlone(
        name="longer",
        help="control: the planner alone, trained for the time of planner and stopper; its best k",
        style={**_LONGER, "marker": "p"},
        to="stopper",
        length="seconds",
    ),
    PlannerAlone(
        name="longer-k0",
        help="control: the planner of longer at k = 0",
        label="longer, k = 0",
        style={**_LONGER, **_POINT, "marker": "p"},
        to="stopper",
        length="seconds",
        k=0,
    ),
    PlannerAlone(
        name="longer-ops",
        help="control: the planner alone, trained for the operations of planner and stopper",
        label="longer (operations)",
        style={**_OPERATIONS, "marker": "<"},
        to="stopper",
        length="operations",
    ),
    PlannerAlone(
        name="longer-ops-k0",
        help="control: the planner of longer-ops at k = 0",
        label="longer (operations), k = 0",
        style={**_OPERATIONS, **_POINT, "marker": "<"},
        to="stopper",
        length="operations",
        k=0,
    ),
    PlannerAlone(
        name="larger",
        help="control: a planner with the weights of planner and stopper, trained for their time",
        style={**_LARGER, "marker": ">"},
        to="stopper",
        length="seconds",
        larger=True,
    ),
    PlannerAlone(
        name="larger-k0",
        help="control: the planner of larger at k = 0",
        label="larger, k = 0",
        style={**_LARGER, **_POINT, "marker": ">"},
        to="stopper",
        length="seconds",
        larger=True,
        k=0,
    ),
    PlannerAlone(
        name="larger-ops",
        help="control: a planner with the weights of both, trained for the operations of both",
        label="larger (operations)",
        style={**_LARGER_OPERATIONS, "marker": "v"},
        to="stopper",
        length="operations",
        larger=True,
    ),
    PlannerAlone(
        name="larger-ops-k0",
        help="control: the planner of larger-ops at k = 0",
        label="larger (operations), k = 0",
        style={**_LARGER_OPERATIONS, **_POINT, "marker": "v"},
        to="stopper",
        length="operations",
        larger=True,
        k=0,
    ),
)
