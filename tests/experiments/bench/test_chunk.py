"""A chunk against its parts: the sum by hand, and how often each part is counted."""

import pytest

from agents.alphazero.config import TrainConfig
from agents.networks import NetworkConfig
from agents.presets import TrainPreset
from experiments.bench import report, tables
from experiments.bench.chunk import measuring
from experiments.bench.timing import Rounds, summarise

TINY = TrainConfig(
    num_lanes=4,
    steps_per_chunk=3,
    num_simulations=2,
    max_num_considered_actions=2,
    batch_size=6,
    updates_per_chunk=5,
    bootstrap_truncated=True,
)


def test_the_sum_counts_every_call_and_the_ratio_is_taken_round_by_round():
    timings = {
        "evaluation": summarise([1.0, 2.0, 4.0]),
        "step": summarise([0.5, 0.5, 1.0]),
        "chunk": summarise([8.0, 11.0, 7.0]),
    }
    found = measuring.compare({"evaluation": 3, "step": 2}, timings)
    assert found["sum"]["raw"] == [4.0, 7.0, 14.0]
    assert found["chunk_over_sum"]["raw"] == [2.0, 11 / 7, 0.5]
    assert found["chunk_over_sum"]["median"] == 11 / 7
    assert [part["calls"] for part in found["parts"]] == [3, 2]


@pytest.mark.slow
def test_a_small_chunk_is_measured_and_shown(tmp_path, monkeypatch):
    preset = TrainPreset(NetworkConfig("mlp", "tiny"), TINY)
    monkeypatch.setattr(measuring, "train_preset", lambda env, name: preset)
    once = Rounds(repeats=1, seconds=0.0, most=1, sample=0.0)
    options = measuring.ChunkOptions(env="Catch-bsuite", rounds=once, out=tmp_path)
    results = measuring.run_chunk(options)
    calls = {part["what"]: part["calls"] for part in results["parts"]}
    # Three steps of a root, two simulations and a look ahead at a cut; the end of the chunk.
    assert calls == {
        "evaluation": 3 * (1 + 2 + 1) + 1,
        "imagined step": 3 * 2,
        "real step and reset": 3,
        "gradient step": 5,
    }
    parts = sum(part["calls"] * part["seconds"]["raw"][0] for part in results["parts"])
    assert results["chunk_over_sum"]["raw"] == [pytest.approx(results["chunk"]["raw"][0] / parts)]
    start = report.begin()
    data = report.write(tmp_path, "chunk", report.config_of(options), start, results)
    text = tables.write(tmp_path, "chunk", data)
    assert "| gradient step | 5 |" in text
    assert "network mlp with" in text
