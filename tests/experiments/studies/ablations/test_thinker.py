"""Ablations of Thinker: each arm changes one thing, and has as many real steps."""

import types

import numpy as np

from agents.thinker.config import ThinkerConfig
from experiments.studies.ablations import thinker


def settings(arm, chunks=None):
    config = types.SimpleNamespace(control=types.SimpleNamespace(thinker=ThinkerConfig()))
    setting = types.SimpleNamespace(config=config, chunks=chunks)
    return thinker._settings(setting, arm)


def test_each_arm_changes_one_thing_and_has_as_many_real_steps():
    first, *others = thinker.thinker()
    base = settings(first)
    for arm in others:
        own = settings(arm)
        changed = {name for name in vars(base) if getattr(own, name) != getattr(base, name)}
        assert len(changed - {"steps_per_chunk"}) == 1
        assert own.steps_per_chunk == thinker.DECISIONS * own.steps
    assert settings(first, chunks=20).num_chunks == 20
    labels = [arm.label for arm in (first, *others)]
    assert len(set(labels)) == len(labels)


def test_a_row_tells_means_of_a_decision():
    columns = {
        "untimed_return": np.full((2, 4), 0.5),
        "timed_return": np.full((2, 4), 0.25),
        "simulations": np.full((2, 4), 6),
        "levels": np.full((2, 4), 9),
        "length": np.full((2, 4), 3),
    }
    row = thinker.describe(columns)
    assert (row["imagined"], row["simulations"], row["timed"]) == (3.0, 2.0, 0.25)
    assert row["untimed"]["mean"] == 0.5
