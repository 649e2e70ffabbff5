"""A chunk of training against the sum of its parts, measured alone."""

from rrplan.imports import hand_on

__all__ = ("ChunkOptions", "run_chunk")
__getattr__ = hand_on(__name__, dict.fromkeys(__all__, "experiments.bench.chunk.measuring"))
