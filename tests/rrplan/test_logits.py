"""Prior logits: masked, and how much they leave open."""

import jax.numpy as jnp
import numpy as np

from rrplan.logits import entropy_of, mask_logits


def test_masking_twice_is_masking_once():
    """Also where the best logit is an illegal action's, and where nothing is legal."""
    logits = jnp.array([[3.0, 1.7, -0.4], [1.0, 2.0, 3.0]])
    invalid = jnp.array([[True, False, False], [True, True, True]])
    once = mask_logits(logits, invalid)
    np.testing.assert_array_equal(mask_logits(once, invalid), once)
    np.testing.assert_allclose(once[0, 1:], [0.0, -2.1], rtol=1e-6)
    assert np.isfinite(once).all()


def test_the_entropy_of_equals_is_the_log_of_their_number():
    probs = jnp.array([[0.25, 0.25, 0.25, 0.25], [0.5, 0.0, 0.5, 0.0], [0.0, 1.0, 0.0, 0.0]])
    np.testing.assert_allclose(entropy_of(probs), np.log([4.0, 2.0, 1.0]), rtol=1e-6)
