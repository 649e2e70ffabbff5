"""The roster: every agent of a study of planning depth, declared once.

Options, tuning, training, evaluation, tables, figures and ``compare`` read it. Their order here
is the order in which agents are listed. It is plain data: what builds an agent is named, and
imported when it is needed.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agents.declarations import (
    GREY,
    Agent,
    Ceiling,
    Fixed,
    Greedy,
    Learned,
    OneStep,
    Rule,
    Searched,
    Untuned,
)
from experiments.roster_controls import CONTROLS, UNSEARCHED
from rrplan.errors import InputError, unknown
from rrplan.imports import load_object

INK = "#333333"
_HOLLOW = {"markerfacecolor": "white"}

_AGENTS: tuple[Agent, ...] = (
    Fixed(
        name="fixed",
        help="always k simulations, for each k of the sweep",
        style={"color": "#0072B2", "marker": "o", "linestyle": "-"},
    ),
    Fixed(
        name="reactive",
        help="acts on the network's prior alone, k = 0",
        style={"color": GREY, "marker": "."},
        budgets=(0,),
    ),
    OneStep(
        name="one-step",
        help="tries each legal action once: the best reward and value; not bounded by the oracle",
        label="one step",
        style={"color": GREY, "marker": "x"},
        make="agents.lookahead:one_step",
    ),
    OneStep(
        name="one-step-prior",
        help="tries each legal action once: the best prior and completed Q; not bounded by the"
        " oracle",
        label="one step, prior",
        style={"color": GREY, "marker": "+"},
        make="agents.lookahead:one_step_prior",
    ),
    Untuned(
        name="random",
        help="draws k for each decision",
        label="random k",
        style={"color": GREY, "marker": "X"},
        make="agents.metapolicies.grids:random_k",
    ),
    Greedy(
        name="greedy",
        help="the environment's own greedy rule, without search",
        label="greedy rule",
        style={"color": GREY, "marker": "p"},
    ),
    Rule(
        name="entropy",
        help="searches where the prior's entropy is above a threshold",
        style={"color": "#CC79A7", "marker": "D", "linestyle": (0, (5, 1.5, 1.5, 1.5))},
        candidates="agents.metapolicies.grids:entropy",
    ),
    Rule(
        name="vet",
        help="searches until its forecast of the final visits holds still",
        style={"color": "#E69F00", "marker": "v", "linestyle": (0, (8, 2))},
        candidates="agents.metapolicies.grids:vet",
    ),
    Rule(
        name="margin",
        help="searches until no rival can overtake the most visited action",
        style={"color": "#56B4E9", "marker": "P", "linestyle": (0, (3, 1, 1, 1, 1, 1))},
        candidates="agents.metapolicies.grids:margin",
    ),
    Searched(
        name="schedule",
        help="one k for each index of the decision and number of legal actions; looks at no search",
        style={"color": "#8C510A", "marker": "<", "linestyle": (0, (4, 1, 1, 1))},
        make="agents.metapolicies.rules.schedule:schedule",
        search="agents.metapolicies.schedule_tuning:search",
    ),
    Rule(
        name="fixed-depth",
        help="the pair of k and a depth limit, of those of the sweep, that is best at a price",
        label="fixed k and depth",
        style={"color": "#0072B2", "marker": "o", "linestyle": (0, (5, 1.5)), **_HOLLOW},
        candidates="agents.metapolicies.grids:fixed_depth",
        chooses_depth=True,
    ),
    *CONTROLS,
    Learned(
        name="gate",
        help="learned: chooses k once a decision, trained for one price",
        style={"color": "#009E73", "marker": "^"},
        kind="gate",
        inputs=UNSEARCHED,
    ),
    Learned(
        name="stopper",
        help="learned: looks at the search and stops it, trained for one price",
        style={"color": "#D55E00", "marker": "s"},
    ),
    Learned(
        name="gate-priced",
        help="the gate, one network for all prices",
        style={"color": "#009E73", "marker": ">", "linestyle": (0, (1.5, 1.2)), **_HOLLOW},
        kind="gate",
        inputs=UNSEARCHED,
        priced=True,
    ),
    Learned(
        name="stopper-priced",
        help="the stopper, one network for all prices",
        style={"color": "#D55E00", "marker": "d", "linestyle": (0, (5, 1.5)), **_HOLLOW},
        priced=True,
    ),
    Learned(
        name="self-aware",
        help="learned: the planner's own network predicts what each k would gain; for all prices",
        label="self-aware",
        style={"color": "#5E3C99", "marker": "8", "linestyle": (0, (6, 1, 1, 1))},
        make="agents.metapolicies.selfaware.trainable:make",
        kind="gate",
        priced=True,
        needs_true_model=True,
    ),
    Learned(
        name="gate-aware",
        help="learned: the gate as a small head on the planner's own network, for one price",
        style={"color": "#66A61E", "marker": "^", "linestyle": (0, (2, 1))},
        make="agents.metapolicies.learned.trainable:aware",
        kind="gate",
        inputs=("prior", "progress", "features", "gains"),
    ),
    Learned(
        name="gate-depth",
        help="the gate, which chooses a depth limit with its k",
        style={"color": "#009E73", "marker": "^", "linestyle": (0, (4, 1, 1, 1)), **_HOLLOW},
        kind="gate",
        inputs=UNSEARCHED,
        chooses_depth=True,
    ),
    Learned(
        name="stopper-depth",
        help="the stopper, which chooses a depth limit at its first look of a decision",
        style={"color": "#D55E00", "marker": "s", "linestyle": (0, (4, 1, 1, 1)), **_HOLLOW},
        chooses_depth=True,
    ),
    Learned(
        name="thinker",
        help="learned: imagines a fixed number of steps of its choice; not bounded by the oracle",
        style={"color": "#7570B3", "marker": "H", "linestyle": (0, (3, 1, 1, 1))},
        make="agents.thinker.trainable:thinker",
        priced=True,
        bounded=False,
    ),
    Learned(
        name="dynamic-thinker",
        help="learned: imagines steps of its choice until it acts; not bounded by the oracle",
        style={"color": "#E7298A", "marker": "p", "linestyle": (0, (4, 1.5))},
        make="agents.thinker.trainable:dynamic",
        bounded=False,
    ),
    Learned(
        name="dynamic-thinker-priced",
        help="the dynamic thinker, one network for all prices",
        style={"color": "#E7298A", "marker": "p", "linestyle": (0, (1.5, 1.2)), **_HOLLOW},
        make="agents.thinker.trainable:dynamic",
        priced=True,
        bounded=False,
    ),
    Ceiling(
        name="oracle",
        help="the exact ceiling, where the environment's states can be enumerated",
        style={"color": INK, "marker": "*", "linestyle": (0, (1, 1)), "markersize": 6.0},
    ),
)
ROSTER: Mapping[str, Agent] = {agent.name: agent for agent in _AGENTS}

CHOSEN = ("rule", "learned", "planner", "ceiling")
"""Families of which a study has those that ``--control.agents`` names; it has all others."""
CONTROLLED = ("rule", "learned")
"""Families of agents that decide themselves how long to think."""
COMPARED = (*CONTROLLED, "planner")
"""Families of agents that are held against the best fixed k, and against each other."""


def is_subject(name: str, described: Mapping[str, Any]) -> bool:
    """Return whether an agent is one of which a study makes claims: learned, and no control."""
    return described["family"] == "learned" and all(name != control.name for control in CONTROLS)


def choosable(*, depth: bool = True) -> tuple[str, ...]:
    """Return the names that ``--control.agents`` knows, in the order of the roster.

    Args:
        depth: whether agents that choose a depth limit are among them.
    """
    known = (name for name, agent in ROSTER.items() if agent.family in CHOSEN)
    return tuple(name for name in known if depth or not chooses_depth(ROSTER[name]))


def chooses_depth(agent: Agent) -> bool:
    """Return whether an agent chooses how deep its planner may search."""
    return isinstance(agent, Rule | Learned) and agent.chooses_depth


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return names that may be chosen, each once: the suite's in its order, then a user's own.

    A user's own are taken at their word: nothing is imported.

    Raises:
        InputError: a name is neither one of the suite's nor ``package.module:NAME``.
    """
    names = list(dict.fromkeys(names))
    for name in names:
        if ":" not in name and name not in choosable():
            raise unknown("control agent", name, choosable())
    own = (name for name in names if ":" in name)
    return (*(name for name in choosable() if name in names), *own)


@functools.lru_cache
def find(name: str) -> Agent:
    """Return the declaration of an agent of the suite, or of a user's ``package.module:NAME``.

    Raises:
        InputError: there is none, or it is not a :class:`agents.Rule` or :class:`agents.Learned`,
            or it has the name of one of the suite's.
    """
    if ":" not in name:
        if name not in ROSTER:
            raise unknown("agent", name, ROSTER)
        return ROSTER[name]
    agent = load_object(name, "agent")
    if not isinstance(agent, Rule | Learned):
        raise InputError(
            f"agent {name!r} is a {type(agent).__name__}: expected an agents.Rule or agents.Learned"
        )
    if agent.name in ROSTER:
        raise InputError(f"agent {name!r} is called {agent.name!r}: the name is taken")
    return agent


def find_all(names: Sequence[str]) -> list[Agent]:
    """Return the declarations of agents, in their order.

    Raises:
        InputError: as :func:`find`, and where two have the same name.
    """
    found = [find(name) for name in names]
    for place, agent in enumerate(found):
        if any(other.name == agent.name for other in found[:place]):
            raise InputError(f"two agents are called {agent.name!r}: expected a name for each")
    return found


def describe(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what ``results.json`` tells of the agents of a study, by name."""
    always = [agent for agent in ROSTER.values() if agent.family not in CHOSEN]
    return {agent.name: agent.describe() for agent in (*always, *find_all(names))}


def of_results(results: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return what is known of agents by name: the suite's, then those that results tell of."""
    known: dict[str, Mapping[str, Any]] = {name: a.describe() for name, a in ROSTER.items()}
    return known | {name: a for name, a in results.get("roster", {}).items() if name not in known}
