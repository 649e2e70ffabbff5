"""Thinker and Dynamic Thinker in a study: trained, charged, tabled, drawn, and gone on with."""

import json
import shlex

import numpy as np
import pytest

from agents.declarations import Player
from experiments import roster
from experiments.analysis import comparisons
from experiments.cli import main as cli

NAMES = ("thinker", "dynamic-thinker", "dynamic-thinker-priced")
TINY = shlex.split(
    "run knapsack --env.num_items 4 --k 0 4 --prices 1e-3 --network.size tiny "
    "--train.num-chunks 2 --train.num-lanes 8 --train.batch-size 16 "
    "--train.num-simulations 4 --train.updates-per-chunk 2 --train.evaluation-episodes 8 "
    "--sweep.episodes 16 --sweep.validation-episodes 16 --sweep.num-lanes 8 "
    "--search.acting visits --control.thinker.num-lanes 8 --control.thinker.steps 3 "
    "--control.thinker.k-max 2 --control.thinker.steps-per-chunk 6 "
    "--control.thinker.minibatches 2 --control.thinker.num-chunks 3 "
    "--control.thinker.value-chunks 1 --control.thinker.evaluation-episodes 8 "
    "--control.thinker.items-width 4"
)


@pytest.mark.slow
def test_they_are_trained_charged_tabled_and_drawn(tmp_path):
    out = tmp_path / "run"
    arguments = [*TINY, "--control.agents", *NAMES, "--out", str(out)]
    assert cli.main(arguments) == 0
    results = json.loads((out / "results.json").read_text())
    entries = {entry["agent"]: entry for entry in results["agents"] if entry["agent"] in NAMES}
    assert list(entries) == list(NAMES)
    for name, entry in entries.items():
        own = entry.get("replaced", {}).get("own", entry)
        assert own["gap_closed"] is None
        assert own["difference"] is not None
        looks, length = own["looks"]["mean"], own["length"]["mean"]
        assert looks > 0
        assert own["levels"]["mean"] >= own["simulations"]["mean"]
        # A look is charged: the whole bill is more than simulations alone.
        timed = own["timed_by"]
        assert timed["operations"]["mean"] < timed["simulations"]["mean"]
        rates = own["rates"]["operations"]
        bill = own["simulations"]["mean"] * rates["simulation"] + looks * rates["look"]
        bill += length * rates["decision"]
        expected = own["untimed"]["mean"] - 1e-3 * bill
        assert timed["operations"]["mean"] == pytest.approx(expected, abs=1e-5)
        assert name in (out / "table.md").read_text()
    assert {group["agent"] for group in results["thinking"]} >= set(NAMES)
    before = (out / "results.json").read_bytes()
    assert cli.main([*arguments, "--resume"]) == 0
    assert (out / "results.json").read_bytes() == before


def test_what_the_oracle_does_not_bound_closes_no_gap():
    draw = np.random.default_rng(0).normal(size=(3, 2, 40))
    yardstick = comparisons.Yardstick(1e-3, draw[0], draw[0] + 1.0)
    bounded = comparisons.compare(draw[1], yardstick)
    free = comparisons.compare(draw[1], yardstick, bounded=False)
    assert bounded["gap_closed"] is not None
    assert free["gap_closed"] is None
    assert free["difference"] == bounded["difference"]


def test_only_agents_that_take_other_actions_are_not_bounded():
    """Those of a network or a search of their own, of a draw, or of another planner."""
    free = {agent.name for agent in roster.ROSTER.values() if not agent.bounded}
    alone = {
        f"{kind}{of}{k}"
        for kind in ("longer", "larger")
        for of in ("", "-ops")
        for k in ("", "-k0")
    }
    by_itself = {"one-step", "one-step-prior", "greedy", "sampled", "direct", "ranks"}
    assert free == {*NAMES, *alone, *by_itself}


def test_a_meta_policy_is_no_player():
    from agents import metapolicies
    from agents.thinker.player import ThinkerPlayer

    assert not isinstance(metapolicies.fixed(), Player)
    assert all(hasattr(ThinkerPlayer, name) for name in ("evaluate", "operations_of_look"))
