"""Benchmarks look at what other processes do, before and after: here only for a moment."""

import pytest

from experiments.bench import report


@pytest.fixture(scope="package", autouse=True)
def short_looks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "_LOOK", 0.02)
        yield
