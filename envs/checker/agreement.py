"""Do a reset and a step return arrays of the same types? What can be cast is told apart."""

import jax
import jax.numpy as jnp

from envs.checker.report import Findings
from envs.checker.subject import Leaf, leaf_types
from rrplan.types import PyTree


def compare_states(first: PyTree, second: PyTree, findings: Findings) -> bool:
    """Compare the types of the state after reset and after step; return whether it can be cast."""
    before, after = leaf_types(first), leaf_types(second)
    if jax.tree.structure(first) != jax.tree.structure(second):
        findings.problem(
            f"step_env returns a state of another structure ({', '.join(after)}) than reset_env "
            f"({', '.join(before)}): expected the same"
        )
        return False
    _compare(
        "leaves of the state change their type",
        before,
        after,
        "arrays of one shape and one strong dtype",
        findings,
    )
    return _fit(before, after)


def compare_observations(first: PyTree, second: PyTree, findings: Findings) -> bool:
    """Compare the types of two observations; return whether they can be cast."""
    before, after = leaf_types(first), leaf_types(second)
    _compare(
        "the observation changes its type",
        before,
        after,
        "one shape and one strong dtype",
        findings,
    )
    return _fit(before, after)


def _compare(
    what: str, before: dict[str, Leaf], after: dict[str, Leaf], wanted: str, findings: Findings
) -> None:
    """Tell which leaves differ: those that the adapter casts apart from the others."""
    names = {**before, **after}
    changed = [name for name in names if not _same(before.get(name), after.get(name))]
    cast = [name for name in changed if _castable(before.get(name), after.get(name))]
    for add, some in (
        (findings.problem, [name for name in changed if name not in cast]),
        (findings.mend, cast),
    ):
        listed = ", ".join(
            f"{name} ({before.get(name, 'missing')}, then {after.get(name, 'missing')})".lstrip()
            for name in some
        )
        if some:
            add(f"{what} between reset_env and step_env: {listed}; expected {wanted}")


def _fit(before: dict[str, Leaf], after: dict[str, Leaf]) -> bool:
    return all(_castable(before.get(name), after.get(name)) for name in {**before, **after})


def _same(a: Leaf | None, b: Leaf | None) -> bool:
    return a is not None and b is not None and str(a) == str(b) and not a.python


def _castable(a: Leaf | None, b: Leaf | None) -> bool:
    """Return whether one dtype serves both: they have one shape, and are numbers, or one kind."""
    if a is None or b is None or a.shape != b.shape or not (a.is_array and b.is_array):
        return False
    return a.dtype == b.dtype or not any(
        jnp.issubdtype(leaf.dtype, jax.dtypes.extended) for leaf in (a, b)
    )
