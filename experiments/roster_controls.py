"""The controls of the roster: agents that tell thinking from a second policy in disguise.

A learned meta-policy may earn more because it knows when to search, or because it is one more
network that saw the same states. Each control has one of the two, or a part of it.
"""

from agents.declarations import Agent, Learned, Yoked

_BLIND = ("prior", "search", "values", "progress", "price")
_DEAF = ("prior", "progress", "price", "features", "observation")

CONTROLS: tuple[Agent, ...] = (
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
    ),
    Learned(
        name="ranks",
        help="control: a gate whose k picks an action by its rank in the prior; no search helps it",
        style={"color": "#5AAE61", "marker": "P", "linestyle": (0, (3, 2))},
        make="agents.metapolicies.controls.trainable:ranks",
        kind="gate",
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
        inputs=_DEAF,
    ),
)
