"""What a chunk of the training of predicted gains says of itself."""

from typing import NamedTuple

from rrplan.types import Array


class GainsMetrics(NamedTuple):
    """What one chunk says of itself, ``[]`` float32 each."""

    loss: Array  # mean squared error of gains, in units of the head's output
    explained: Array  # share of the found gains' variance that was predicted, before learning
    gain: Array  # mean of the found gains of the largest k, where there is a choice
    learning_rate: Array
    played_return: Array  # mean of the episodes that ended; NaN where none did
    simulations: Array  # of the targets' searches in this chunk
    finite_input: Array  # 1 where observations, rewards and searches held no NaN or infinity

    @property
    def mean_return(self) -> Array:
        """What progress shows: the mean return of the episodes that targets were made on."""
        return self.played_return
