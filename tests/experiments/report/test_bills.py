"""What tables and figures say of the bill that timed returns are told under."""

import pytest

from experiments.calibration import Calibration, Seconds
from experiments.report import bills, compare, tables
from experiments.report.figures import drawing
from tests.experiments import made_up

OWN = Seconds(1e-4, 2e-6, 3e-6, 5e-7, 6e-6, levels=2.0, error=0.1, condition=9.0)
MEASURED = Calibration(OWN, OWN._replace(simulation=1e-6)).to_dict()
REFERENCE = "; c is the price of one simulation of the reference planner"


def charged(kind, price_per="simulation", price_level=0.0):
    return {
        "bill": {
            "kind": kind,
            "price_per": price_per,
            "price_level": price_level,
            "operations": {"reference": 23456.0, "step": 1.0, "evaluation": 2.0, "looks": {}},
            "seconds": MEASURED if kind == "seconds" else None,
        }
    }


@pytest.mark.parametrize(
    ("results", "short", "caption"),
    [
        ({}, "simulations only", "Bill: simulations only."),  # of an older version
        (charged("simulations"), "simulations only", "Bill: simulations only."),
        (
            charged("simulations", price_level=0.1),
            "simulations and levels",
            "Bill: simulations and levels. A level costs 0.1 of a simulation more.",
        ),
        (charged("operations"), "operations", f"Bill: operations{REFERENCE}, 23,456 operations."),
        (
            charged("operations", "flop"),
            "operations",
            "Bill: operations; c is the price of one operation.",
        ),
        (
            charged("seconds"),
            "seconds",
            f"Bill: seconds{REFERENCE}, 2 µs. By the clock a decision 2 µs, a simulation 3 µs,"
            " a level 0.5 µs and a look 6 µs (error 10%).",
        ),
        (
            charged("seconds", "second"),
            "seconds",
            "Bill: seconds; c is the price of one second. By the clock a decision 2 µs, a"
            " simulation 3 µs, a level 0.5 µs and a look 6 µs (error 10%).",
        ),
    ],
)
def test_the_bill_in_words(results, short, caption):
    assert bills.short(results) == short
    assert bills.caption(results) == caption


def test_every_table_says_what_is_charged():
    older = made_up.results()
    assert "Bill: simulations only." in tables.markdown_table(older)
    assert "\nTimed: simulations only. Gain:" in tables.markdown_table(older)
    text = tables.markdown_table({**older, **charged("operations")})
    assert "23,456 operations." in text
    assert "\nTimed: operations. Gain:" in text
    both = {"one": older, "other": {**older, **charged("operations")}}
    caption = str(compare.terminal_table(both).caption)
    assert caption.startswith("Timed: simulations only; operations. ")


@pytest.mark.parametrize("draw", [drawing.draw_returns, drawing.draw_front, drawing.draw_story])
def test_figures_of_timed_returns_say_what_is_charged(draw):
    results = made_up.results()
    assert "Bill: simulations only." in draw(results).get_supxlabel()
    written = draw({**results, **charged("seconds", "second")}).get_supxlabel()
    assert "the price of one second" in " ".join(written.split())
