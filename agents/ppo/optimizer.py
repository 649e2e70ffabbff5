"""How gradients of PPO become steps: Adam, clipped, along a cosine."""

import optax

from agents.ppo.config import LearningConfig


def make_schedule(config: LearningConfig) -> optax.Schedule:
    """Return the learning rate as a function of the gradient step: a cosine to zero."""
    return optax.cosine_decay_schedule(config.learning_rate, max(1, config.total_updates))


def make_optimizer(config: LearningConfig) -> optax.GradientTransformation:
    """Return Adam with clipped gradients."""
    return optax.chain(
        optax.clip_by_global_norm(config.max_grad_norm), optax.adam(make_schedule(config))
    )
