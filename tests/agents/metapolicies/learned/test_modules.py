"""The product of a layer on columns: a sum as it acts, a matrix product as it learns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.metapolicies.learned.modules import product


def draw(columns, *rest):
    rng = np.random.default_rng(columns)
    kernel, inputs = rng.normal(size=(columns, 3)), rng.normal(size=(columns, *rest))
    return jnp.asarray(kernel, jnp.float32), jnp.asarray(inputs, jnp.float32)


def matrix_product(kernel, inputs):
    return jnp.tensordot(kernel, inputs, axes=(0, 0))


@pytest.mark.parametrize("rest", [(5,), (2, 5)])
@pytest.mark.parametrize("columns", [1, 7, 64, 65])
def test_a_product_and_its_gradients_are_those_of_matrices(columns, rest):
    kernel, inputs = draw(columns, *rest)
    found = jax.jit(product)(kernel, inputs)
    np.testing.assert_allclose(found, matrix_product(kernel, inputs), rtol=1e-4, atol=1e-5)

    def loss(multiply):
        return lambda *arguments: jnp.square(multiply(*arguments)).sum()

    both = [jax.grad(loss(m), (0, 1))(kernel, inputs) for m in (product, matrix_product)]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3), *both)


def test_a_lane_is_the_same_in_any_group():
    kernel, inputs = draw(7, 2, 32)
    multiply = jax.jit(product)
    whole = multiply(kernel, inputs)
    np.testing.assert_array_equal(multiply(kernel, inputs[..., :8]), whole[..., :8])


def test_nothing_to_multiply_gives_zeros():
    np.testing.assert_array_equal(product(jnp.zeros((0, 3)), jnp.zeros((0, 4))), np.zeros((3, 4)))
