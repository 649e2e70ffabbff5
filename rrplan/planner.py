"""A planner: what it steps, what evaluates its states, and how it searches and acts."""

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp

from rrplan.capabilities import return_scale_of
from rrplan.errors import InputError, is_number, unknown
from rrplan.search import final_action
from rrplan.types import Environment, LearnedModel, Network, PyTree

VALIDATE = "validate"  # the rule of acting that is not chosen yet


@dataclass(frozen=True)
class Search:
    """How a lane searches and acts. Everything here is traced: changing it compiles nothing.

    Where ``acting`` is ``validate``, it is not chosen yet: a study does that before it evaluates.

    Raises:
        InputError: for an unknown rule of acting; for a number out of its range.
    """

    acting: Literal["visits", "completed_q", "validate"] = "visits"
    """Rule of acting: most visits, completed Q, or whichever earns more on validation episodes."""
    c_init: float = 1.25
    """PUCT's exploration constant, c_1 in its formula."""
    c_base: float = 19652.0
    """PUCT's scale, in visits, on which exploration grows; c_2 in its formula."""
    value_floor: float = 0.05
    """For *completed Q*: differences of Q-values below this share of the network's return_scale are
    not stretched, so that noise does not overrule the prior. 0 is Gumbel MuZero's rule."""
    discount: float = 1.0
    """Discount of real steps inside the search, in [0, 1]."""

    def __post_init__(self):
        if self.acting not in (*final_action.RULES, VALIDATE):
            raise unknown("acting rule", self.acting, (*final_action.RULES, VALIDATE))
        for name, holds, expected in (
            ("c_init", lambda number: 0.0 <= number < math.inf, "a finite number >= 0"),
            ("c_base", lambda number: 0.0 < number < math.inf, "a finite number > 0"),
            ("value_floor", lambda number: 0.0 <= number < math.inf, "a finite number >= 0"),
            ("discount", lambda number: 0.0 <= number <= 1.0, "a number in [0, 1]"),
        ):
            value = getattr(self, name)
            if not is_number(value) or not holds(value):
                raise InputError(f"{name} is {value!r}: expected {expected}")

    def traced(self, return_scale: float = 1.0) -> dict[str, Any]:
        """Return the fields of :class:`rrplan.models.Settings` that say how to search and act.

        Args:
            return_scale: of the network that evaluates.

        Raises:
            InputError: where the rule of acting is not chosen yet.
        """
        if self.acting == VALIDATE:
            raise InputError(
                f"acting is {VALIDATE!r}, so no rule is chosen yet: expected"
                f" {' or '.join(map(repr, final_action.RULES))} to search with"
            )
        return {
            "acting": final_action.Acting.by(self.acting, self.value_floor * return_scale),
            "c_init": jnp.float32(self.c_init),
            "c_base": jnp.float32(self.c_base),
            "discount": jnp.float32(self.discount),
        }


class Planner(NamedTuple):
    """Everything that a meta-policy controls, and nothing of the meta-policy itself.

    Static are ``environment``, ``network`` and ``max_simulations``: planners that share these
    share compiled programs. ``env_params``, ``params`` and all that ``search`` says are traced.
    """

    environment: Environment  # static; ``envs.adapt(env)`` for a gymnax environment
    env_params: PyTree  # its parameters, traced
    # Static: ``(params, observation [B, ...]) -> Evaluation``, and the search steps the
    # environment itself; or a learned model, which it steps instead.
    network: Network | LearnedModel
    params: PyTree  # of the network or model, arrays, traced
    search: Search = Search()  # constants of the search and the rule of acting
    max_simulations: int = 64  # static bound on the simulations of one decision

    @property
    def value_floor(self) -> float:
        """The floor of values that ``search`` holds as a share, in units of the return."""
        return self.search.value_floor * return_scale_of(self.network)

    def traced_search(self) -> dict[str, Any]:
        """Return how it searches and acts as :meth:`Search.traced` does, in its network's units."""
        return self.search.traced(return_scale_of(self.network))
