"""Planners of a grid, made up: returns rise by 0.01 with each doubling of the width."""

import numpy as np

from experiments.reproductions.capacity.reading import Planner


def planner(width, chunks=4, gained=0.02, noise=0.0, seeds=2, episodes=64):
    """Return planners whose search with 16 simulations earns ``gained`` more, with 4 a half of it.

    Weights are ten times the width, an evaluation takes as many operations, and a step 5.
    """
    rng = np.random.default_rng(width + chunks)
    base = 0.8 + 0.01 * np.log2(width) + 0.001 * np.log2(chunks)
    instance = np.random.default_rng(0).normal(0, 0.01, episodes)
    instance -= instance.mean()

    def returns(more):
        return base + more + instance + noise * rng.normal(size=(seeds, episodes))

    steps = 100 * np.arange(1, 3 * chunks + 1)
    return Planner(
        width=width,
        chunks=chunks,
        steps=300 * chunks,
        weights=10 * width,
        evaluation=10.0 * width,
        simulation=10.0 * width + 5.0,
        training=1e4 * width * chunks,
        returns={0: returns(0.0), 4: returns(gained / 2), 16: returns(gained)},
        curve_steps=steps,
        curve=np.full((seeds, len(steps)), base),
    )


def grid(widths=(4, 8, 16, 32), lengths=(1, 2, 4), **options):
    """Return all planners of a grid."""
    return [planner(width, chunks, **options) for width in widths for chunks in lengths]
