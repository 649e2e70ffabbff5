"""The knapsack: pack one item after another, worth more for planning than it looks."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from gymnax.environments import environment, spaces

from envs.options import check_integer
from envs.puzzles import texts
from envs.puzzles.knapsack_optimum import optimal_value
from rrplan.capabilities import Priced
from rrplan.errors import InputError, unknown
from rrplan.types import Array

LAWS = ("strongly", "weakly", "uncorrelated")
MAX_LISTED = 16  # items of which all subsets are listed


@struct.dataclass
class KnapsackState(environment.EnvState):
    """One instance and what has been packed of it. ``A`` is the number of items.

    Attributes:
        time: items packed so far; an illegal step does not count.
        weights: weight of each item, all different.
        values: value of each item, at least 1.
        packed: true for the items in the knapsack.
        remaining: capacity that is left.
        capacity: capacity of the empty knapsack.
        optimum: the largest total value that fits.
    """

    weights: Array  # [A] int32
    values: Array  # [A] int32
    packed: Array  # [A] bool
    remaining: Array  # [] int32
    capacity: Array  # [] int32
    optimum: Array  # [] int32


@struct.dataclass
class KnapsackParams(environment.EnvParams):
    """What can be swept without compiling again.

    Attributes:
        max_steps_in_episode: time limit; the default, one more than the number of items,
            is never reached.
        capacity_fraction: capacity as a share of the total weight, in (0, 1].
        price_scale: what else multiplies the price of thinking, where it depends on the situation.
    """

    max_steps_in_episode: int = 11
    capacity_fraction: float = 0.5
    price_scale: float = struct.field(default=1.0, metadata={"least": 0})


@dataclasses.dataclass(frozen=True)
class Knapsack(environment.Environment[KnapsackState, KnapsackParams]):
    """A 0/1 knapsack whose return is the share of the optimum that was packed.

    ``n`` items have integer weights drawn without replacement from 1..5n. Without, because two
    identical items give an equivariant network tied priors, and a tie makes a search depend
    on noise and look uncertain. The values follow one of three laws:

    - ``strongly`` (default): v = w + ⌊5n/4⌋. The greedy rule reaches 0.92 to 0.93 of the optimum
      at ten items, which leaves planning something to find;
    - ``weakly``: v = max(1, w + u), u uniform on the integers -⌊n/2⌋..⌊n/2⌋, a tenth of the range
      of the weights, as in Pisinger (2005), "Where are the hard knapsack problems?";
    - ``uncorrelated``: v uniform on the integers 1..5n. Greedy is all but optimal here.

    An action names the item to pack next and pays its value divided by the optimum. Packing an
    item that is packed already or does not fit changes nothing and pays 0. The episode ends
    when nothing fits. The capacity is ⌊fraction · total weight⌋, but never less than the lightest
    item, so that every episode has at least one decision (this matters for small fractions only).

    The observation ``[A, 5]`` float32 has a row per item: weight / capacity, value / mean value,
    packed (0 or 1), feasible (0 or 1), and the remaining share of the capacity, which is the
    same in every row.

    With a ``price_spread`` s above 0 the price of thinking depends on the situation: it is
    multiplied by 1 + s where the capacity that is left is an odd number, and by 1 - s where it is
    even. That is about a coin's toss at each decision, and says nothing of what to pack; the
    observation does not show it, the price does.

    Two objects with equal arguments are equal, so they share compiled programs.

    Attributes:
        num_items: number of items ``n``, at least 2.
        law: how values follow weights, one of ``LAWS``.
        capacity_fraction: default of the parameter of that name.
        price_spread: by how much the price of thinking varies, in [0, 1).

    Raises:
        InputError: for an argument out of range.

    Source: the task is Dynamic Thinker's; the law of its instances is this project's own.
    """

    num_items: int = 10
    law: str = "strongly"
    capacity_fraction: float = 0.5
    price_spread: float = 0.0

    # Tells `auto` networks that rows are items and action i is item i. No annotation: it is
    # not an option.
    observation_kind = "items"

    def __post_init__(self):
        check_integer("num_items", self.num_items, 2)
        if self.law not in LAWS:
            raise unknown("law", self.law, LAWS)
        number = isinstance(self.capacity_fraction, int | float)
        if not number or not 0 < self.capacity_fraction <= 1:
            raise InputError(
                f"capacity_fraction is {self.capacity_fraction!r}: expected a number above 0, "
                "at most 1"
            )
        number = isinstance(self.price_spread, int | float)
        if not number or not 0 <= self.price_spread < 1:
            raise InputError(
                f"price_spread is {self.price_spread!r}: expected a number from 0 on, below 1"
            )

    def offers(self, capability: type) -> bool:
        """Return whether it has an optional capability: a price factor where prices are spread."""
        return capability is not Priced or self.price_spread > 0

    @property
    def name(self) -> str:
        """Environment name."""
        return "knapsack"

    @property
    def num_actions(self) -> int:
        """Number of items, ``A``."""
        return self.num_items

    @property
    def default_params(self) -> KnapsackParams:
        """Parameters with this object's capacity fraction and a limit that never strikes."""
        return KnapsackParams(
            max_steps_in_episode=self.num_items + 1,
            capacity_fraction=float(self.capacity_fraction),
        )

    @property
    def max_weight(self) -> int:
        """Largest weight an item can have, 5n."""
        return 5 * self.num_items

    @property
    def max_total_weight(self) -> int:
        """Weight of the ``n`` heaviest items that can be drawn together."""
        return sum(range(self.max_weight - self.num_items + 1, self.max_weight + 1))

    def reset_env(self, key: Array, params: KnapsackParams) -> tuple[Array, KnapsackState]:
        """Draw an instance and solve it; return its ``(observation, state)``."""
        weights_key, values_key = jax.random.split(key)
        weights = 1 + _draw_apart(weights_key, self.max_weight, self.num_items)
        values = self._draw_values(values_key, weights)
        share = jnp.floor(params.capacity_fraction * weights.sum()).astype(jnp.int32)
        capacity = jnp.maximum(share, weights.min())
        state = KnapsackState(
            time=jnp.int32(0),
            weights=weights,
            values=values,
            packed=jnp.zeros(self.num_items, bool),
            remaining=capacity,
            capacity=capacity,
            optimum=optimal_value(weights, values, capacity, max_capacity=self.max_total_weight),
        )
        return self.observe(key, state, None, params), state

    def step_env(
        self, key: Array, state: KnapsackState, action: Array | int | float, params: KnapsackParams
    ) -> tuple[Array, KnapsackState, Array, Array, dict[str, Any]]:
        """Pack item ``action``; return ``(observation, state, reward, terminated, info)``."""
        legal = feasible(state)[action]
        reward = jnp.where(legal, state.values[action] / state.optimum, 0.0).astype(jnp.float32)
        state = dataclasses.replace(
            state,
            time=state.time + legal,
            packed=state.packed.at[action].set(state.packed[action] | legal),
            remaining=state.remaining - jnp.where(legal, state.weights[action], 0),
        )
        observation = self.observe(key, state, action, params)
        return observation, state, reward, self.is_terminated(state, params), {}

    def observe(
        self,
        key: Array,
        state: KnapsackState,
        action: Array | int | float | None,
        params: KnapsackParams,
    ) -> Array:
        """Return the observation ``[A, 5]`` float32 of a state."""
        values = state.values.astype(jnp.float32)
        columns = (
            state.weights / state.capacity,
            values / values.mean(),
            state.packed,
            feasible(state),
            jnp.broadcast_to(state.remaining / state.capacity, (self.num_items,)),
        )
        return jnp.stack([jnp.asarray(column, jnp.float32) for column in columns], axis=1)

    def invalid_actions(self, state: KnapsackState, params: KnapsackParams) -> Array:
        """Return a mask ``[A]`` bool, true for items that are packed or do not fit."""
        return ~feasible(state)

    def greedy_action(self, state: KnapsackState, params: KnapsackParams) -> Array:
        """Return the item ``[]`` int32 that fits with most value per weight, ties by index.

        Where nothing fits it returns 0, an illegal action.
        """
        density = jnp.where(feasible(state), state.values / state.weights, -jnp.inf)
        return jnp.argmax(density).astype(jnp.int32)

    def price_factor(self, state: KnapsackState, params: KnapsackParams) -> Array:
        """Return what multiplies the price of thinking, ``[]`` float32; 1 without a spread."""
        sign = jnp.where(state.remaining % 2 == 1, 1.0, -1.0)
        return jnp.float32(params.price_scale * (1.0 + self.price_spread * sign))

    def enumerate_states(self, first_state: KnapsackState, params: KnapsackParams) -> KnapsackState:
        """Return a state for each subset of the items, ``[2**A, ...]``: the packed ones.

        Item ``i`` is in subset number ``s`` where bit ``i`` of ``s`` is set. Subsets that do not
        fit are among them; no step leads there.

        Raises:
            InputError: if there are more than ``MAX_LISTED`` items.
        """
        if self.num_items > MAX_LISTED:
            raise InputError(
                f"num_items is {self.num_items}: expected at most {MAX_LISTED} to list all subsets"
            )
        subset = jnp.arange(2**self.num_items)
        packed = (subset[:, None] >> jnp.arange(self.num_items)) % 2 == 1
        states = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (subset.size, *leaf.shape)), first_state
        )
        weight = jnp.where(packed, first_state.weights, 0).sum(axis=1)
        return dataclasses.replace(
            states,
            time=packed.sum(axis=1, dtype=jnp.int32),
            packed=packed,
            remaining=first_state.capacity - weight,
        )

    def render_text(self, state: KnapsackState) -> str:
        """Return a state as text, a line for each item."""
        return texts.of_knapsack(state)

    def is_terminated(self, state: KnapsackState, params: KnapsackParams) -> Array:
        """Return whether nothing fits any more, ``[]`` bool."""
        return ~feasible(state).any()

    def action_space(self, params: KnapsackParams | None = None) -> spaces.Discrete:
        """Space of the actions: the index of an item."""
        return spaces.Discrete(self.num_items)

    def observation_space(self, params: KnapsackParams) -> spaces.Box:
        """Space of the observations, with bounds that hold for every capacity fraction."""
        # An item weighs at most 5n and the capacity is at least 1; no value exceeds their sum,
        # which is n times their mean.
        high = np.array([self.max_weight, self.num_items, 1, 1, 1], np.float32)
        high = np.broadcast_to(high, (self.num_items, 5))
        low = np.zeros_like(high)
        # gymnax takes NumPy's arrays too, whatever it declares.
        return spaces.Box(low, high, high.shape, jnp.float32)  # pyright: ignore[reportArgumentType]

    def _draw_values(self, key: Array, weights: Array) -> Array:
        if self.law == "strongly":
            return weights + self.max_weight // 4
        if self.law == "weakly":
            spread = self.num_items // 2
            offset = jax.random.randint(key, weights.shape, -spread, spread + 1)
            return jnp.maximum(1, weights + offset)
        return jax.random.randint(key, weights.shape, 1, self.max_weight + 1)


def feasible(state: KnapsackState) -> Array:
    """Return the mask ``[A]`` bool of the items that are not packed and fit."""
    return ~state.packed & (state.weights <= state.remaining)


def _draw_apart(key: Array, below: int, count: int) -> Array:
    """Return the first ``count`` of a random permutation, one by one: quicker than a sort."""

    def next_smallest(bits: Array, _: None) -> tuple[Array, Array]:
        place = jnp.argmin(bits).astype(jnp.int32)
        return bits.at[place].set(jnp.iinfo(jnp.uint32).max), place

    bits = jax.random.bits(jax.random.split(key)[1], (below,), jnp.uint32)
    return jax.lax.scan(next_smallest, bits, length=count)[1]
