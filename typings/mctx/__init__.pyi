"""Types of what this project uses of mctx, for pyright alone.

mctx's classes are chex's dataclasses: pyright sees neither their fields nor ``replace``. Its
arrays are declared as NumPy's or JAX's; here they are JAX's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from jax import Array

_Extra = TypeVar("_Extra")
_Number = Array | float
_QTransform = Callable[..., Array]

class _Replaceable:
    def replace(self, **changes: Any) -> Self: ...

@dataclass(frozen=True, kw_only=True)
class RecurrentFnOutput(_Replaceable):
    reward: Array
    discount: Array
    prior_logits: Array
    value: Array

@dataclass(frozen=True, kw_only=True)
class RootFnOutput(_Replaceable):
    prior_logits: Array
    value: Array
    embedding: Any

RecurrentFn = Callable[[Any, Array, Array, Any], tuple[RecurrentFnOutput, Any]]

class LoopFn(Protocol):
    def __call__(
        self, lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any, /
    ) -> Any: ...

@dataclass(frozen=True, kw_only=True)
class SearchSummary(_Replaceable):
    visit_counts: Array
    visit_probs: Array
    value: Array
    qvalues: Array

@dataclass(frozen=True, kw_only=True)
class Tree(_Replaceable, Generic[_Extra]):
    node_visits: Array
    raw_values: Array
    node_values: Array
    parents: Array
    action_from_parent: Array
    children_index: Array
    children_prior_logits: Array
    children_visits: Array
    children_rewards: Array
    children_discounts: Array
    children_values: Array
    embeddings: Any
    root_invalid_actions: Array
    extra_data: _Extra
    ROOT_INDEX: ClassVar[int]
    NO_PARENT: ClassVar[int]
    UNVISITED: ClassVar[int]

    @property
    def num_actions(self) -> int: ...
    @property
    def num_simulations(self) -> int: ...
    def qvalues(self, indices: Array) -> Array: ...
    def summary(self) -> SearchSummary: ...

@dataclass(frozen=True, kw_only=True)
class PolicyOutput(_Replaceable, Generic[_Extra]):
    action: Array
    action_weights: Array
    search_tree: Tree[_Extra]

@dataclass(frozen=True, kw_only=True)
class GumbelMuZeroExtraData(_Replaceable):
    root_gumbel: Array

def qtransform_by_min_max(
    tree: Tree[Any], node_index: _Number, *, min_value: _Number, max_value: _Number
) -> Array: ...
def qtransform_by_parent_and_siblings(
    tree: Tree[Any], node_index: _Number, *, epsilon: _Number = ...
) -> Array: ...
def qtransform_completed_by_mix_value(
    tree: Tree[Any],
    node_index: _Number,
    *,
    value_scale: _Number = ...,
    maxvisit_init: _Number = ...,
    rescale_values: bool = ...,
    use_mixed_value: bool = ...,
    epsilon: _Number = ...,
) -> Array: ...
def muzero_policy(
    params: Any,
    rng_key: Array,
    root: RootFnOutput,
    recurrent_fn: RecurrentFn,
    num_simulations: int,
    invalid_actions: Array | None = ...,
    max_depth: int | None = ...,
    loop_fn: LoopFn = ...,
    *,
    qtransform: _QTransform = ...,
    dirichlet_fraction: _Number = ...,
    dirichlet_alpha: _Number = ...,
    pb_c_init: _Number = ...,
    pb_c_base: _Number = ...,
    temperature: _Number = ...,
) -> PolicyOutput[None]: ...
def gumbel_muzero_policy(
    params: Any,
    rng_key: Array,
    root: RootFnOutput,
    recurrent_fn: RecurrentFn,
    num_simulations: int,
    invalid_actions: Array | None = ...,
    max_depth: int | None = ...,
    loop_fn: LoopFn = ...,
    *,
    qtransform: _QTransform = ...,
    max_num_considered_actions: int = ...,
    gumbel_scale: _Number = ...,
) -> PolicyOutput[GumbelMuZeroExtraData]: ...
