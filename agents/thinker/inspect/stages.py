"""What steps say of stages: how much is imagined, how deep, and what comes of the plans."""

from typing import NamedTuple

import numpy as np

from agents.thinker.inspect.steps import Steps

COLUMNS = ("imagined", "calls", "walks", "depth", "first", "share", "whole")
"""What is told of each stage."""


class Stage(NamedTuple):
    """The imaginary steps before one real step, and that step."""

    episode: int
    decision: int
    action: int  # that was taken
    imagined: int  # imaginary steps
    calls: int  # of them, those to nodes that had not been visited
    walks: list[list[int]]  # actions of each walk from the root, in order
    plan: list[int]  # the beginning of a walk whose return was the largest; empty without any


def split(steps: Steps) -> list[Stage]:
    """Return the stages of episodes, episode by episode.

    The plan of a stage is the walk, down to the node, at which the return was the largest of the
    stage; of equals the first.

    Args:
        steps: ``[T, E]`` of whole episodes.
    """
    found = []
    for episode in range(steps.valid.shape[1]):
        decision, walks, best, plan = 0, [], -np.inf, []
        imagined, calls, restarts = 0, 0, True
        for t in range(steps.valid[:, episode].sum()):
            action = int(steps.action[t, episode])
            if steps.real[t, episode]:
                found.append(Stage(episode, decision, action, imagined, calls, walks, plan))
                decision, walks, best, plan = decision + 1, [], -np.inf, []
                imagined, calls, restarts = 0, 0, True
                continue
            if restarts:
                walks.append([])
            walks[-1].append(action)
            imagined, calls = imagined + 1, calls + int(steps.new[t, episode])
            restarts = bool(steps.restarts[t, episode])
            if steps.result[t, episode] > best:
                best, plan = float(steps.result[t, episode]), list(walks[-1])
    return found


def tell(stages: list[Stage]) -> dict[str, np.ndarray]:
    """Return what is told of stages by column, with their episodes and decisions, ``[S]`` each.

    ``first`` says whether the plan's first action was the one taken, ``share`` how much of the plan
    was carried out: the actions of it that were taken one after the other from here on, as a share
    of all of them; ``whole`` whether it was all. A plan that reaches beyond the end of the episode
    counts up to there. Where nothing was imagined these three are NaN, and where the plan has one
    action ``whole`` is.
    """
    taken: dict[int, list[int]] = {}
    for stage in stages:
        taken.setdefault(stage.episode, []).append(stage.action)
    rows = []
    for stage in stages:
        later = taken[stage.episode][stage.decision :]
        plan = stage.plan[: len(later)]
        kept = 0
        while kept < len(plan) and plan[kept] == later[kept]:
            kept += 1
        first = float(kept > 0) if plan else np.nan
        share = kept / len(plan) if plan else np.nan
        whole = float(kept == len(plan)) if len(plan) > 1 else np.nan
        depth = max(map(len, stage.walks), default=0)
        told = (stage.imagined, stage.calls, len(stage.walks), depth, first, share, whole)
        rows.append((stage.episode, stage.decision, *told))
    table = np.array(rows, float).reshape(len(rows), -1)
    names = ("episode", "decision", *COLUMNS)
    return {name: table[:, place] for place, name in enumerate(names)}
