"""The learners by name: who teaches a meta-policy, and what makes the training.

It is plain data: what makes a training is named, and imported when it is needed.
"""

from collections.abc import Mapping
from typing import NamedTuple

from rrplan.errors import unknown


class Declared(NamedTuple):
    """One learner."""

    name: str
    help: str
    """One sentence: what it learns from."""
    make: str
    """``(agents.metapolicies.learners.making.Task) -> Training``, as ``"module:function"``."""


_HERE = "agents.metapolicies.learners"
LEARNERS: Mapping[str, Declared] = {
    learner.name: learner
    for learner in (
        Declared(
            "ppo",
            "PPO: generalised advantages, with a learned value as the baseline",
            f"{_HERE}.making:ppo",
        ),
        Declared(
            "remax",
            "the clipped steps of PPO; the baseline is the return of the greedy run of the same"
            " episode",
            f"{_HERE}.groups:remax",
        ),
        Declared(
            "leave-one-out",
            "the same, with several runs of an episode; the baseline is the mean of the others",
            f"{_HERE}.groups:leave_one_out",
        ),
        Declared(
            "regression",
            "least squares onto exact gains, tabulated where states can be enumerated",
            f"{_HERE}.fitting:regression",
        ),
        Declared(
            "imitation",
            "imitates the best answer in hindsight, tabulated likewise, and goes on with PPO",
            f"{_HERE}.staged:imitation",
        ),
    )
}


def find(name: str) -> Declared:
    """Return a learner by its name.

    Raises:
        InputError: there is none of that name.
    """
    if name not in LEARNERS:
        raise unknown("learner", name, LEARNERS)
    return LEARNERS[name]
