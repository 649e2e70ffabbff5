"""What follows from the settings of a training in rounds of playing and learning from a replay."""

from agents.training.ranges import round_up


class Rounds:
    """Sizes that trainings in rounds share; a base of their settings, without fields of its own."""

    num_lanes: int
    steps_per_chunk: int
    num_chunks: int
    replay_size: int
    updates_per_chunk: int

    @property
    def rows_per_chunk(self) -> int:
        """Steps that one round of playing yields."""
        return self.num_lanes * self.steps_per_chunk

    @property
    def replay_capacity(self) -> int:
        """Steps that are kept to learn from: whole chunks, at least one."""
        return round_up(self.replay_size, self.rows_per_chunk)

    @property
    def total_updates(self) -> int:
        """Gradient steps of the whole training."""
        return self.num_chunks * self.updates_per_chunk
