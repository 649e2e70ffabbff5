"""Tables: who shares a row, what stands beside whom, and what fits where."""

import io
import json

import pytest
from rich.console import Console

from experiments.analysis import timings
from experiments.report import formatting, tables
from tests.experiments import made_up


def rows(markdown, first):
    """Return the cells of each row of the Markdown table whose header begins with ``first``."""
    (table,) = (part for part in markdown.split("\n\n") if part.startswith(f"| {first} |"))
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


def printed(results, seconds=None, width=80):
    console = Console(width=width, record=True, file=io.StringIO())
    for table in tables.terminal_tables(results, seconds):
        console.print(table)
    return console.export_text()


def test_who_plays_alike_at_all_prices_has_one_row():
    table = rows(tables.markdown_table(made_up.results()), "agent")
    assert [row[0] for row in table[2:]] == [
        *("fixed", "fixed", "fixed", "random"),
        *("entropy", "stopper", "stopper-priced", "stopper-priced", "oracle", "oracle"),
    ]
    entropy, stopper, *priced = table[6:10]
    assert "" not in entropy[2:]
    assert stopper[4] == "0.9473 ±.0020"
    assert stopper[5] == ""
    assert [row[4] == "" for row in priced] == [False, True]
    assert [row[5] == "" for row in priced] == [True, False]


def test_the_second_table_compares_with_the_best_fixed_k_of_each_price():
    table = rows(tables.markdown_table(made_up.results()), "c")
    assert [row[:2] for row in table[2:]] == [
        ["0.0003", "fixed k = 8"],
        *(["0.0003", name] for name in ("entropy", "stopper", "stopper-priced")),
        *(["0.0003", name] for name in ("random", "oracle")),
        ["0.002", "fixed k = 2"],
        *(["0.002", name] for name in ("entropy", "stopper-priced", "random", "oracle")),
    ]
    stopper = table[4]
    assert stopper[2:5] == ["0.9473 ±.0020", "+0.0030 [+0.0020, +0.0040]", "50% [30, 70]"]
    assert stopper[6:] == ["-", "9.5"]  # older results do not say what a fixed k needs


def test_the_third_table_holds_learned_agents_against_the_others():
    results = made_up.results()
    difference = made_up.around(0.003, 0.001)
    results["pairs"] = [
        {"price": price, "agent": agent, "other": other, "difference": difference}
        for price, agent, other in (
            (3e-4, "vet", "entropy"),
            (3e-4, "stopper", "entropy"),
            (3e-4, "stopper-priced", "entropy"),
            (3e-4, "stopper-priced", "stopper"),
        )
    ]
    text = tables.markdown_table(results)
    found = rows(text[text.index("| c | agent | less") :], "c")
    gain = "+0.0030 [+0.0020, +0.0040]"
    assert found[0] == ["c", "agent", "less entropy", "less stopper"]
    assert found[2:] == [
        ["0.0003", "stopper", gain, ""],
        ["0.0003", "stopper-priced", gain, gain],
    ]


def test_a_dash_stands_where_there_is_no_gap_to_close():
    results = made_up.results(("stopper",))
    results["agents"][-1]["gap_closed"] = None
    stopper = rows(tables.markdown_table(results), "c")[3]
    assert stopper[1:5:3] == ["stopper", "-"]


def test_seconds_are_shown_where_they_are_known():
    seconds = {"fixed-8": 4.2e-4, "stopper-0.0003": 1.234e-3, "random": 0.5}
    table = rows(tables.markdown_table(made_up.results(), seconds), "c")
    assert [row[-1] for row in table[2:8]] == ["420 µs", "-", "1.23 ms", "-", "500 ms", "-"]
    assert "µs" not in tables.markdown_table(made_up.results())


def test_a_tuned_rule_is_found_by_the_evaluation_that_its_entry_names():
    entry = made_up.entry("vet", 3e-4, 0.9, 5.0)
    assert timings.evaluation_of(entry) == "vet-0.0003"
    assert timings.evaluation_of({**entry, "evaluation": "vet-cap8"}) == "vet-cap8"


def test_without_agents_that_control_themselves_there_is_no_second_table():
    results = made_up.results(agents=())
    assert len(tables.terminal_tables(results)) == 1
    assert tables.markdown_table(results).count("| --- |") == 1


def test_results_of_older_runs_still_print():
    older = made_up.older(made_up.results(agents=()))
    assert "fixed" in tables.markdown_table(older)
    assert "oracle" in printed(made_up.older(made_up.results()))


def test_terminal_tables_fit_eighty_columns():
    results = made_up.results(prices=(3e-4, 1e-3, 2e-3))
    for entry in results["agents"]:
        entry["gap_closed"] = made_up.around(-1.6, 0.3)
        entry["difference"] = made_up.around(-0.0336, 0.0009)
    text = printed(results, {"fixed-8": 1.2e-3})
    assert "…" not in text
    assert "stopper-priced" in text
    assert "-160% [-190, -130]" in text
    assert "1.2 ms" in text


@pytest.mark.parametrize(
    ("mean", "interval", "expected"),
    [
        (0.4812, [0.361, 0.612], "48% [36, 61]"),
        (-1.04, [-3.0, -0.12], "-104% [-300, -12]"),
        (1.0, [1.0, 1.0], "100%"),
        (-0.001, [-0.002, 0.001], "0%"),
    ],
)
def test_shares_in_percent(mean, interval, expected):
    assert formatting.format_share({"mean": mean, "ci95": interval}) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(1.3e-4, "130 µs"), (9.994e-4, "999 µs"), (0.0123, "12.3 ms"), (2.0, "2 s"), (None, "-")],
)
def test_seconds_in_their_unit(seconds, expected):
    assert formatting.format_seconds(seconds) == expected


def test_gains_carry_their_sign():
    assert formatting.format_gain(made_up.around(0.0061, 0.0019), 1) == "+.006 ±.002"
    assert formatting.format_gain(made_up.around(-12.1, 3.0), 1) == "-12 ±3"
    assert formatting.format_gain(made_up.around(0.0, 0.0)) == "0"
    assert formatting.format_gain_in_full(made_up.around(-0.01, 0.002)).startswith("-0.0100 [-0.")


def test_seconds_are_pooled_over_seeds_and_the_last_line_counts(tmp_path):
    path = tmp_path / "timings.jsonl"
    assert timings.seconds_an_episode(path, "visits") == {}
    lines = [
        {"evaluation": "validation-visits-seed0-fixed-4", "seconds": 9.0, "episodes": 10},
        {"evaluation": "held-out-completed_q-seed0-fixed-4", "seconds": 9.0, "episodes": 10},
        {"evaluation": "held-out-visits-seed0-fixed-4", "seconds": 5.0, "episodes": 10},
        {"evaluation": "held-out-visits-seed0-fixed-4", "seconds": 1.0, "episodes": 10},
        {"evaluation": "held-out-visits-seed1-fixed-4", "seconds": 2.0, "episodes": 20},
        {"evaluation": "held-out-visits-seed0-stopper-0.0003", "seconds": 2.0, "episodes": 10},
        {"evaluation": "held-out-visits-seed0-random", "seconds": 2.0},  # of an older run
    ]
    cut_short = '{"evaluation": "held-out-vis'
    path.write_text("\n".join([*map(json.dumps, lines), cut_short]))
    assert timings.seconds_an_episode(path, "visits") == {
        "fixed-4": pytest.approx(0.1),
        "stopper-0.0003": pytest.approx(0.2),
    }
