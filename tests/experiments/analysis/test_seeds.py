"""Claims over training seeds, by hand."""

import numpy as np
import pytest
import scipy.stats

from experiments.analysis import seeds
from experiments.report import tables
from tests.experiments import made_up

EPISODES = np.array([-0.5, 0.5])  # alike for all, so that pairs are free of it


def timed(*of_seeds):
    """Return timed returns ``[S, E]`` with these means."""
    return np.array(of_seeds)[:, None] + EPISODES


TIMED = {
    1e-3: {
        "entropy": timed(0.1, 0.2, 0.3),
        "gate": timed(0.4, 0.4, 0.8),
        "stopper": timed(0.2, 0.2, 0.5),
    }
}
FIXED = {1e-3: timed(0.1, 0.2, 0.3)}


def test_a_claim_is_students_test_over_the_seeds_with_holms_correction():
    found = seeds.claims(TIMED, FIXED, ["stopper"])
    assert [(claim["agent"], claim["other"]) for claim in found] == [
        ("stopper", "fixed"),
        ("stopper", "entropy"),
        ("stopper", "gate"),
    ]
    fixed, entropy, gate = found
    np.testing.assert_allclose(fixed["seeds"], [0.1, 0.0, 0.2], atol=1e-12)
    # Mean 0.1, deviation 0.1, so an error of 0.1 / √3; t with two degrees of freedom.
    half = 4.302652729911275 * 0.1 / np.sqrt(3)
    np.testing.assert_allclose(fixed["difference"]["ci95"], [0.1 - half, 0.1 + half])
    _, alone = scipy.stats.ttest_1samp([0.1, 0.0, 0.2], 0.0)
    assert seeds.p_value(np.array([0.1, 0.0, 0.2])) == pytest.approx(alone)
    # The least p of three counts three times; of the other two, the lesser one twice.
    _, least = scipy.stats.ttest_1samp([-0.2, -0.2, -0.3], 0.0)
    assert gate["p_holm"] == pytest.approx(3 * least)
    assert fixed["p_holm"] == entropy["p_holm"] == pytest.approx(2 * alone)


def test_agents_that_no_training_has_changed_are_not_tested():
    assert seeds.p_value(np.zeros(3)) is None
    assert seeds.p_value(np.array([0.25, 0.25 + 1e-8, 0.25])) is None
    agents = {**TIMED[1e-3], "schedule": TIMED[1e-3]["stopper"] - 0.25}
    *_, gate, schedule = found = seeds.claims({1e-3: agents}, FIXED, ["stopper"])
    assert (schedule["other"], schedule["p_holm"]) == ("schedule", None)
    assert schedule["difference"]["mean"] == pytest.approx(0.25)
    # It does not count among those that are corrected.
    _, least = scipy.stats.ttest_1samp([-0.2, -0.2, -0.3], 0.0)
    assert (len(found), gate["p_holm"]) == (4, pytest.approx(3 * least))
    price = made_up.PRICES[0]
    renamed = [{**schedule, "price": price}]
    text = tables.markdown_table(made_up.results() | {"claims": renamed})
    (line,) = (line for line in text.splitlines() if line.startswith("| 0.0003 | stopper | sch"))
    assert line == "| 0.0003 | stopper | schedule | +.25 | - | +0.2500, +0.2500, +0.2500 |"


def test_one_seed_claims_nothing():
    alone = {price: {n: v[:1] for n, v in agents.items()} for price, agents in TIMED.items()}
    assert seeds.claims(alone, {1e-3: FIXED[1e-3][:1]}, ["stopper", "gate"]) == []
    assert "each seed" not in tables.markdown_table(made_up.results() | {"claims": []})


def test_the_table_tells_each_seed_and_marks_what_is_significant():
    price = made_up.PRICES[0]
    agents = {**TIMED[1e-3], "schedule": timed(0.11, 0.12, 0.40)}
    found = seeds.claims({price: agents}, {price: FIXED[1e-3]}, ["stopper"])
    text = tables.markdown_table(made_up.results() | {"claims": found})
    lines = [line for line in text.splitlines() if line.startswith("| 0.0003 | stopper | ")]
    assert lines[-4:] == [
        "| 0.0003 | stopper | fixed k = 8 | +0.10 [-0.15, +0.35] | 0.45 | +0.10, +0.00, +0.20 |",
        "| 0.0003 | stopper | entropy | +0.10 [-0.15, +0.35] | 0.45 | +0.10, +0.00, +0.20 |",
        "| 0.0003 | stopper | gate | -0.23 [-0.38, -0.09] | 0.059 | -0.20, -0.20, -0.30 |",
        "| 0.0003 | stopper | schedule | +0.090 [+0.065, +0.115] | **0.016** |"
        " +0.090, +0.080, +0.100 |",
    ]
