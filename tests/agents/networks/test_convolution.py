"""Convolutions: by hand, against the library's, and their gradients on this platform."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from agents.networks.convolution import convolve, shift_and_multiply

KEY = jax.random.key(0)


def test_by_hand():
    image = jnp.arange(1.0, 10.0).reshape(1, 3, 3, 1)
    kernel = jnp.zeros((3, 3, 1, 2)).at[1, 1, 0, 0].set(2.0).at[0, 1, 0, 1].set(1.0)
    for function in (convolve, shift_and_multiply):
        found = function(image, kernel)[0]
        np.testing.assert_array_equal(found[..., 0], 2 * image[0, ..., 0])
        np.testing.assert_array_equal(found[..., 1], [[0, 0, 0], [1, 2, 3], [4, 5, 6]])


def test_values_and_gradients_are_the_librarys():
    layer = nnx.Conv(3, 5, (3, 3), use_bias=False, rngs=nnx.Rngs(0))
    kernel = layer.kernel[...]
    images = jax.random.normal(KEY, (2, 4, 6, 3))
    weights = jax.random.normal(KEY, (2, 4, 6, 5))

    def told(function):
        def loss(images, kernel):
            return (weights * jnp.tanh(function(images, kernel))).sum()

        return jax.value_and_grad(loss, (0, 1))(images, kernel)

    def library(images, kernel):
        graph, state = nnx.split(layer)
        state["kernel"] = nnx.Param(kernel)
        return nnx.merge(graph, state)(images)

    value, gradients = told(convolve)
    expected, others = told(library)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for gradient, other in zip(gradients, others, strict=True):
        np.testing.assert_allclose(gradient, other, rtol=1e-4, atol=1e-5)
