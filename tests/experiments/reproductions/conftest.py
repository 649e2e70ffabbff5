"""A tiny run that reproductions of finished runs are made from."""

import pytest

from experiments.cli import main as cli

TINY = (
    "--env.num_items 4 --train.checkpoint-every 1 --train.num-lanes 8 --train.batch-size 16 "
    "--train.num-simulations 4 --train.updates-per-chunk 2 --train.evaluation-episodes 8 "
    "--train.num-chunks 2 --sweep.validation-episodes 16 --sweep.num-lanes 8 --sweep.episodes 16 "
    "--search.acting visits --prices 1e-3 --k 0 2 4 --control.agents stopper "
    "--control.ppo.num-chunks 2 --control.ppo.value-chunks 1 --control.ppo.num-lanes 8 "
    "--control.ppo.looks-per-chunk 64 --control.ppo.evaluation-episodes 8 --seeds 2"
)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """Return the directory of a finished run on a knapsack of four items, with a stopper."""
    path = tmp_path_factory.mktemp("tiny") / "run"
    assert (
        cli.main(["run", "knapsack", "--preset", "quick", "--out", str(path), *TINY.split()]) == 0
    )
    return path
