"""How a method traces: once for all steps, and to the same program each time."""

import jax
import jax.numpy as jnp

from envs.checker.report import Findings
from envs.checker.subject import Subject


def check_one_trace(subject: Subject, findings: Findings, *, steps: int = 8) -> None:
    """Check that a jitted step is traced once, over states as the author returns them.

    The shapes must have been checked: then only types can differ, and the adapter casts them.
    """
    traces = 0

    def step(key, state, params):
        nonlocal traces
        traces += 1
        return subject.step(key, state, jnp.int32(0), params).state

    # What is called is jit's own cache of traces; only nothing is compiled or run.
    jitted_step = jax.jit(step)
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = jax.eval_shape(lambda *args: subject.reset(*args).state, key, subject.params)
    for _ in range(steps):
        state = jitted_step.eval_shape(key, state, subject.params)
    if traces != 1:
        findings.mend(
            f"a jitted step was traced {traces} times in {steps} steps: expected once (the types "
            "of the state change on the way)"
        )


def check_retracing(subject: Subject, findings: Findings) -> None:
    """Check that tracing a method twice gives the same program: no hidden Python state."""
    key = jax.eval_shape(lambda: jax.random.key(0))

    def reset_text():
        # A new function each time, so that nothing comes from jit's cache.
        return jax.jit(lambda *args: subject.reset(*args)).lower(key, subject.params).as_text()

    def step_text():
        state = jax.eval_shape(lambda *args: subject.reset(*args).state, key, subject.params)
        step = jax.jit(lambda *args: subject.step(*args))
        return step.lower(key, state, jnp.int32(0), subject.params).as_text()

    for method, text in (("reset_env", reset_text), ("step_env", step_text)):
        if text() != text():
            findings.problem(
                f"{method} compiles to another program each time it is traced: expected a pure "
                "function (no Python or NumPy random numbers, no attribute that changes)"
            )
