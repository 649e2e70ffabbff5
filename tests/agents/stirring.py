"""Parameters that say something, as if they had been learned."""

import jax
import jax.numpy as jnp
import numpy as np


def stir(params, scale=0.3):
    """Return parameters with noise on every leaf.

    Drawn by NumPy: JAX would compile a program for each shape that a leaf has.
    """
    draw = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf + draw.normal(0.0, scale, leaf.shape), leaf.dtype),
        jax.tree.map(np.asarray, params),
    )
