"""A plain command line is read once, to the same as by two readings."""

import pytest

from experiments.cli import options


@pytest.mark.parametrize(
    ("words", "preset"),
    [
        ("knapsack", "quick"),
        ("knapsack --seeds 2 --preset full", "full"),
        ("sokoban --preset=full", "full"),
        ("--preset full sliding_tiles --k 0 4", "full"),
        ("bernoulli --preset full --seeds 2", "full"),
        ("knapsack --preset quick --out full", "quick"),
    ],
)
def test_a_glance_sees_what_a_whole_reading_sees(words, preset, monkeypatch):
    seen = options.parse_run(words.split(), "rrplan run")
    monkeypatch.setattr(options, "_glance", lambda arguments: None)
    assert options.parse_run(words.split(), "rrplan run") == seen
    assert seen.preset == preset
