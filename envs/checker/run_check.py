"""Does an environment keep the contract? A check for anybody's environment."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from envs.adapters.gymnax_adapter import require_gymnax
from envs.checker import behaviour, chance, enumeration, interface, traces
from envs.checker.behaviour import SeenRange
from envs.checker.random_play import LANES, Player, play
from envs.checker.report import BrokenMethod, Findings, Report
from envs.checker.subject import Subject
from rrplan.capabilities import SEVERAL_PLAYERS, CurrentPlayer, offers
from rrplan.errors import InputError
from rrplan.imports import one_line
from rrplan.tracing import explain
from rrplan.types import Array, PyTree

VISITS = 40  # ticks that are kept and looked at again, beside those in which episodes end


def check(
    env: Any, params: PyTree = None, *, key: Array | None = None, steps: int = 1024
) -> Report:
    """Check an environment, as its author wrote it, against what the suite builds on.

    It must be a gymnax 1.x environment with discrete actions: its state a pytree of arrays whose
    shapes and dtypes do not change, its methods pure functions that ``jit`` and ``vmap`` accept
    and trace once, its observations inside their space, nothing NaN, at least one legal action
    while an episode goes on, and an end to every episode. What ``envs.adapt`` mends by casting is
    no problem, and is told apart: types of leaves, whole rewards, ends as numbers.

    Notes say what is no fault but changes what a search in it means: whether it is stochastic,
    whether its state holds what its observation hides, whether terminal states absorb. They
    speak of the states that random legal play visits and prove nothing about others.

    Args:
        env: a gymnax environment (not an adapter).
        params: its parameters; by default its ``default_params``.
        key: random key of the play; by default ``jax.random.key(0)``.
        steps: most steps of random play in each of 16 lanes.

    Returns:
        The findings. A method that raises is a finding: nothing is raised here.
    """
    findings = Findings()
    subject = begin(env, params, findings)
    if subject is not None:
        key = jax.random.key(0) if key is None else key
        _check_behaviour(subject, key, steps, findings)
    return findings.report(name_of(env))


def name_of(env: Any) -> str:
    """Return what an environment calls itself, or its class where it cannot."""
    kind = type(env).__name__
    try:
        return kind if isinstance(env, type) else str(env.name)
    except Exception:
        return kind


def begin(env: Any, params: PyTree, findings: Findings) -> Subject | None:
    """Check the object and its actions; return what can be checked further, or None."""
    try:
        require_gymnax(env)
        str(env.name)
        params = env.default_params if params is None else params
    except InputError as error:
        findings.problem(str(error))
        return None
    except Exception as error:
        findings.problem(explain("name or default_params", error))
        return None
    if offers(env, CurrentPlayer):
        findings.problem(SEVERAL_PLAYERS)
    static = attempt(findings, "the check of the object", interface.check_static, env, findings)
    num_actions = attempt(
        findings, "the check of the actions", interface.check_actions, env, params, findings
    )
    return Subject(env, params, num_actions) if static and num_actions else None


def _check_behaviour(subject: Subject, key: Array, steps: int, findings: Findings) -> None:
    """Check types, then what shows only in play."""
    if not attempt(findings, "the check of types", interface.check_types, subject, findings):
        findings.note("no episode was played: first mend the problems above")
        return
    attempt(findings, "the count of traces", traces.check_one_trace, subject, findings)
    attempt(findings, "the comparison of traces", traces.check_retracing, subject, findings)
    player = attempt(findings, "the start of play", Player, subject)
    if player is not None:
        attempt(findings, "random play", _check_play, player, key, steps, findings)


def _check_play(player: Player, key: Array, steps: int, findings: Findings) -> None:
    """Play, and look at what was visited from every side."""
    subject = player.subject
    play_key, reset_key, chance_key, hidden_key = jax.random.split(key, 4)
    kept, ends, ended = [], [], np.zeros(LANES, bool)
    seen = SeenRange(subject.call("observation_space", subject.params))
    for tick in play(player, play_key, steps=steps, at_least=VISITS):
        # Everything is looked at as it passes; what will be stepped again is kept.
        behaviour.check_values(tick, findings)
        seen.add(tick.observation)
        seen.add(tick.outcome.observation)
        ended |= tick.done
        if len(kept) < VISITS:
            kept.append(tick)
        if tick.done.any() and len(ends) < VISITS:
            ends.append(tick)
    seen.check(findings)
    behaviour.check_ends(subject, ended, steps, findings)
    looks: tuple[tuple[str, Callable, tuple], ...] = (
        ("masks", behaviour.check_masks, (subject, kept, findings)),
        ("the greedy rule", behaviour.check_greedy, (subject, kept, findings)),
        ("illegal steps", behaviour.check_illegal_steps, (player, kept, findings)),
        ("lanes", behaviour.check_lanes_alike, (player, reset_key, kept[:4], findings)),
        ("determinism", chance.check_determinism, (player, reset_key, kept[:8], findings)),
        ("terminal states", behaviour.describe_terminal, (player, ends, findings)),
        ("chance", chance.describe_chance, (player, chance_key, kept, findings)),
        ("the list of states", enumeration.check_listing, (subject, reset_key, findings)),
        ("hidden state", chance.describe_hidden_state, (player, hidden_key, kept, findings)),
    )
    for title, look, args in looks:
        attempt(findings, f"the check of {title}", look, *args)


def attempt(findings: Findings, title: str, look: Callable, *args: Any) -> Any:
    """Return ``look(*args)``; if it fails, say so among the problems and return None."""
    try:
        return look(*args)
    except BrokenMethod as error:
        findings.problem(str(error))
    except Exception as error:
        findings.problem(f"{title} could not be finished ({one_line(error)})")
    return None
