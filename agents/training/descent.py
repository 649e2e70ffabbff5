"""How gradients of a training from a replay become steps: AdamW, clipped, along a warmed cosine."""

from dataclasses import dataclass

import optax

from agents.training.rounds import Rounds


@dataclass(frozen=True)
class DescentConfig(Rounds):
    """Settings of the steps; a base of those of a training in rounds."""

    learning_rate: float = 3e-3
    """Peak of the schedule: linear warm-up, then a cosine."""
    warmup_share: float = 0.05
    """Share of the gradient steps spent warming up."""
    final_learning_rate_share: float = 0.01
    """Last learning rate, as a share of the peak."""
    weight_decay: float = 1e-4
    """Decoupled weight decay (AdamW)."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this global norm."""


def make_schedule(config: DescentConfig) -> optax.Schedule:
    """Return the learning rate as a function of the gradient step: warm-up, then a cosine."""
    total = config.total_updates
    return optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=config.learning_rate,
        warmup_steps=min(int(config.warmup_share * total), total - 1),
        decay_steps=total,
        end_value=config.learning_rate * config.final_learning_rate_share,
    )


def make_optimizer(config: DescentConfig) -> optax.GradientTransformation:
    """Return AdamW with clipped gradients and the schedule of ``config``."""
    return optax.chain(
        optax.clip_by_global_norm(config.max_grad_norm),
        optax.adamw(make_schedule(config), weight_decay=config.weight_decay),
    )
