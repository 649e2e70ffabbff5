"""What a chunk of a meta-policy's training says of itself."""

from typing import NamedTuple, Protocol

import jax.numpy as jnp

from agents.ppo import learner
from rrplan.costs import Costs, counts_of, timed_return
from rrplan.engine.state import Results
from rrplan.types import Array


class MetaMetrics(NamedTuple):
    """What one chunk says of itself, ``[]`` float32 each."""

    loss: Array
    policy_loss: Array
    value_loss: Array  # 1 is the squared error of the search's own value
    entropy: Array  # of the policy, nats
    kl: Array
    clipped: Array
    grad_norm: Array
    learning_rate: Array
    timed_return: Array  # mean of the episodes that ended, with drawn answers; NaN where none did
    untimed_return: Array
    simulations: Array  # an episode
    length: Array  # decisions of an episode
    stops_at_once: Array  # share of decisions that act without a simulation
    episodes: Array  # that ended in this chunk
    looks: Array  # meta-steps learned from; all that were played, of learners of whole episodes
    finite_input: Array  # 1 where observations, rewards and evaluations held no NaN or infinity

    @property
    def mean_return(self) -> Array:
        """What progress shows: the mean timed return with drawn answers."""
        return self.timed_return


class Finished(Protocol):
    """What a chunk brought, as far as it is told."""

    @property
    def episodes(self) -> Results:
        """Sums of episodes, ``[N]``; length 0 where one did not end."""
        ...

    @property
    def prices(self) -> Array:
        """Of those episodes, ``[N]``."""
        ...


def summarize(
    harvest: Finished,
    batch: learner.Batch,
    stops: Array,
    losses: learner.Losses,
    learning_rate: Array,
    costs: Costs,
) -> MetaMetrics:
    """Return the metrics of a chunk; ``stops [N]`` says which answers of the batch are to act."""
    episodes, choice = harvest.episodes, batch.choice
    ended = episodes.length > 0
    number = ended.sum()

    def mean(values):
        return jnp.sum(jnp.where(ended, values, 0.0)) / number

    new = (choice.inputs.simulations == 0) & (batch.weight > 0)
    return MetaMetrics(
        **learner.tell(losses, learning_rate),
        timed_return=mean_of(harvest, costs),
        untimed_return=mean(episodes.untimed_return),
        simulations=mean(episodes.simulations),
        length=mean(episodes.length),
        stops_at_once=jnp.sum(new & stops) / jnp.maximum(new.sum(), 1),
        episodes=number.astype(jnp.float32),
        looks=batch.weight.sum(),
        finite_input=jnp.all(episodes.flaws == 0).astype(jnp.float32),
    )


def mean_of(harvest: Finished, costs: Costs) -> Array:
    """Return the mean timed return of the episodes that ended, ``[]``; NaN where none did."""
    episodes = harvest.episodes
    ended = episodes.length > 0
    costs = costs._replace(price=harvest.prices)
    timed = timed_return(episodes.untimed_return, costs, counts_of(episodes), episodes.weighted)
    return jnp.sum(jnp.where(ended, timed, 0.0)) / ended.sum()
