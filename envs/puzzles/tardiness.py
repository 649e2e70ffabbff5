"""Total tardiness on one machine: in which order to run jobs so that they are late the least."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from gymnax.environments import environment, spaces

from envs.options import check_integer
from envs.puzzles import texts
from envs.puzzles.tardiness_optimum import MAX_JOBS
from rrplan.errors import InputError
from rrplan.types import Array

LONGEST = 100  # processing time
LATEST = 2.0  # bound of due dates, in multiples of the sum of the processing times


@struct.dataclass
class TardinessState(environment.EnvState):
    """One instance and which of its jobs are scheduled. ``A`` is the number of jobs.

    Attributes:
        time: jobs scheduled so far; an illegal step does not count.
        processing_times: how long each job takes.
        due_dates: when each job is due, counted from the start.
        scheduled: true for jobs that are scheduled.
        elapsed: when the machine is free: the processing times of the scheduled jobs, summed.
        scale: tardiness that costs a reward of -1.
    """

    processing_times: Array  # [A] int32
    due_dates: Array  # [A] int32
    scheduled: Array  # [A] bool
    elapsed: Array  # [] int32
    scale: Array  # [] float32


@struct.dataclass
class TardinessParams(environment.EnvParams):
    """What can be swept without compiling again.

    Attributes:
        max_steps_in_episode: time limit; the default, one more than the number of jobs, is
            never reached.
        tardiness_factor: T, from 0 to 1; about this share of the jobs is late.
        due_date_range: R, from 0 to 1; how far due dates lie apart, as a share of the sum of the
            processing times.
    """

    max_steps_in_episode: int = 11
    tardiness_factor: float = 0.6
    due_date_range: float = 0.2


@dataclasses.dataclass(frozen=True)
class Tardiness(environment.Environment[TardinessState, TardinessParams]):
    """One machine runs ``n`` jobs one after another, without a pause and from time 0 on.

    The tardiness of a job is how long after its due date it is completed, or 0 if it is completed
    in time. The sum over all jobs should be small. To find the least sum is NP-hard (Du and Leung
    1990); a job that is scheduled now delays all others, so the order matters to the end.

    Processing times are uniform on the integers 1..100. With P their sum, due dates are uniform
    on the integers between P (1 - T - R/2) and P (1 - T + R/2), both rounded. A date below 0 is
    set to 0: such a job is late in any case, so this takes the same from the tardiness of every
    order. Of the usual choices, multiples of 0.2, greedy is farthest from the optimum at the
    defaults, T = 0.6 and R = 0.2.

    An action names the job to run next. It pays minus the tardiness of that job, divided by the
    scale. A job that is scheduled already changes nothing and pays 0. An episode has exactly
    ``n`` decisions.

    The scale is n P / 10. It is never 0, whereas the tardiness of a good order may be. By default
    the return of the best order is then above that of a random one by 0.88 on average over
    instances of 10 or 12 jobs, and 0.84 of 5. Multiplying all times by a number changes no return.

    The observation ``[A, 6]`` float32 has a row per job: its processing time / mean processing
    time, its due date / P, its slack / P (the time between its completion and its due date, if it
    is run next; negative if it is late), its modified due date / P (the later one of due date and
    completion), scheduled (0 or 1), and the elapsed time / P, which is the same in every row. The
    first four are 0 for scheduled jobs.

    Two objects with equal arguments are equal, so they share compiled programs.

    Attributes:
        num_jobs: number of jobs ``n``, at least 2.
        tardiness_factor: default of the parameter of that name, T.
        due_date_range: default of the parameter of that name, R.

    Raises:
        InputError: for an argument out of range.

    Source: instances as in Potts and Van Wassenhove (1982), "A decomposition algorithm for the
    single machine total tardiness problem".
    """

    num_jobs: int = 10
    tardiness_factor: float = 0.6
    due_date_range: float = 0.2

    # Tells `auto` networks that rows are jobs and action i is job i. No annotation: it is not
    # an option.
    observation_kind = "items"

    def __post_init__(self):
        check_integer("num_jobs", self.num_jobs, 2)
        for name in ("tardiness_factor", "due_date_range"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value <= 1:
                raise InputError(f"{name} is {value!r}: expected a number from 0 to 1")

    @property
    def name(self) -> str:
        """Environment name."""
        return "tardiness"

    @property
    def num_actions(self) -> int:
        """Number of jobs, ``A``."""
        return self.num_jobs

    @property
    def default_params(self) -> TardinessParams:
        """Parameters with this object's T and R, and a limit that never strikes."""
        return TardinessParams(
            max_steps_in_episode=self.num_jobs + 1,
            tardiness_factor=float(self.tardiness_factor),
            due_date_range=float(self.due_date_range),
        )

    def reset_env(self, key: Array, params: TardinessParams) -> tuple[Array, TardinessState]:
        """Draw an instance; return its ``(observation, state)``."""
        times_key, dates_key = jax.random.split(key)
        times = jax.random.randint(times_key, (self.num_jobs,), 1, LONGEST + 1)
        middle, half = 1 - params.tardiness_factor, params.due_date_range / 2
        first = jnp.round(times.sum() * (middle - half)).astype(jnp.int32)
        last = jnp.round(times.sum() * (middle + half)).astype(jnp.int32)
        dates = jax.random.randint(dates_key, (self.num_jobs,), first, last + 1)
        state = TardinessState(
            time=jnp.int32(0),
            processing_times=times,
            due_dates=jnp.maximum(dates, 0),
            scheduled=jnp.zeros(self.num_jobs, bool),
            elapsed=jnp.int32(0),
            scale=jnp.float32(self.num_jobs / 10 * times.sum()),
        )
        return self.observe(key, state, None, params), state

    def step_env(
        self,
        key: Array,
        state: TardinessState,
        action: Array | int | float,
        params: TardinessParams,
    ) -> tuple[Array, TardinessState, Array, Array, dict[str, Any]]:
        """Run job ``action``; return ``(observation, state, reward, terminated, info)``."""
        legal = ~state.scheduled[action]
        completion = state.elapsed + state.processing_times[action]
        late = jnp.where(legal, jnp.maximum(0, completion - state.due_dates[action]), 0)
        reward = (-late / state.scale).astype(jnp.float32)
        state = dataclasses.replace(
            state,
            time=state.time + legal,
            scheduled=state.scheduled.at[action].set(True),
            elapsed=jnp.where(legal, completion, state.elapsed),
        )
        observation = self.observe(key, state, action, params)
        return observation, state, reward, self.is_terminated(state, params), {}

    def observe(
        self,
        key: Array,
        state: TardinessState,
        action: Array | int | float | None,
        params: TardinessParams,
    ) -> Array:
        """Return the observation ``[A, 6]`` float32 of a state."""
        total = state.processing_times.sum()
        columns = (
            self.num_jobs * state.processing_times / total,
            state.due_dates / total,
            (state.due_dates - completions(state)) / total,
            modified_due_dates(state) / total,
        )
        seen = jnp.where(state.scheduled, 0.0, jnp.stack(columns))
        elapsed = jnp.broadcast_to(state.elapsed / total, state.scheduled.shape)
        return jnp.concatenate([seen, jnp.stack([state.scheduled, elapsed])]).T.astype(jnp.float32)

    def invalid_actions(self, state: TardinessState, params: TardinessParams) -> Array:
        """Return a mask ``[A]`` bool, true for scheduled jobs."""
        return state.scheduled

    def greedy_action(self, state: TardinessState, params: TardinessParams) -> Array:
        """Return the job ``[]`` int32 with the earliest modified due date, ties by index.

        Where all are scheduled it returns 0, an illegal action.

        Source: Baker and Bertrand (1982), "A dynamic priority rule for scheduling against
        due-dates".
        """
        never = jnp.iinfo(jnp.int32).max
        date = jnp.where(state.scheduled, never, modified_due_dates(state))
        return jnp.argmin(date).astype(jnp.int32)

    def enumerate_states(
        self, first_state: TardinessState, params: TardinessParams
    ) -> TardinessState:
        """Return a state for each subset of the jobs, ``[2**A, ...]``: the scheduled ones.

        Job ``i`` is in subset number ``s`` where bit ``i`` of ``s`` is set. The elapsed time is
        the sum of their processing times, in whatever order they ran.

        Raises:
            InputError: if there are more than ``MAX_JOBS`` jobs.
        """
        if self.num_jobs > MAX_JOBS:
            raise InputError(
                f"num_jobs is {self.num_jobs}: expected at most {MAX_JOBS} to list all subsets"
            )
        subset = jnp.arange(2**self.num_jobs)
        scheduled = (subset[:, None] >> jnp.arange(self.num_jobs)) % 2 == 1
        states = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (subset.size, *leaf.shape)), first_state
        )
        return dataclasses.replace(
            states,
            time=scheduled.sum(axis=1, dtype=jnp.int32),
            scheduled=scheduled,
            elapsed=jnp.where(scheduled, first_state.processing_times, 0).sum(axis=1),
        )

    def render_text(self, state: TardinessState) -> str:
        """Return a state as text, a line for each job."""
        return texts.of_tardiness(state)

    def is_terminated(self, state: TardinessState, params: TardinessParams) -> Array:
        """Return whether all jobs are scheduled, ``[]`` bool."""
        return state.scheduled.all()

    def action_space(self, params: TardinessParams | None = None) -> spaces.Discrete:
        """Space of the actions: the index of a job."""
        return spaces.Discrete(self.num_jobs)

    def observation_space(self, params: TardinessParams) -> spaces.Box:
        """Space of the observations, with bounds that hold for all T and R."""
        high = np.array([self.num_jobs, LATEST, LATEST, LATEST, 1, 1], np.float32)
        high = np.broadcast_to(high, (self.num_jobs, 6))
        low = np.zeros_like(high)
        low[:, 2] = -1  # due at once, completed last
        # gymnax takes NumPy's arrays too, whatever it declares.
        return spaces.Box(low, high, high.shape, jnp.float32)  # pyright: ignore[reportArgumentType]


def completions(state: TardinessState) -> Array:
    """Return when each job would be completed if it ran next, ``[A]`` int32."""
    return state.elapsed + state.processing_times


def modified_due_dates(state: TardinessState) -> Array:
    """Return of each job the later one of its due date and its completion, ``[A]`` int32."""
    return jnp.maximum(state.due_dates, completions(state))
