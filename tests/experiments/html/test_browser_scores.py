"""The page of a metareasoning problem in a real browser.

``RRPLAN_SHOTS=shots`` keeps the pictures.
"""

import os
import re
from pathlib import Path

import pytest

from experiments import runs
from tests.experiments.html.browsing import NEEDS_CHROMIUM, SIZES, Watched
from tests.experiments.html.test_scores import make_run

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "boxes", costs=(0.5, 1.0))


def test_the_slider_stops_at_every_cost_and_the_table_tells_results_json(watched, directory):
    results = runs.load_results(directory)
    told = {(e["agent"], e["price"]): e for e in [*results["curve"], *results["agents"]]}
    grid = watched.ask("() => rrplan.grid")
    assert grid == sorted({price for _, price in told})
    slider = watched.page.locator("#price")
    slider.focus()
    for place, price in enumerate(grid):
        slider.press("Home")
        for _ in range(place):
            slider.press("ArrowRight")
        rows = watched.ask(
            "() => [...document.querySelectorAll('#table tbody tr')].map((row) =>"
            " [...row.children].slice(0, 3).map((cell) => cell.dataset.value))"
        )
        expected = {
            agent: (e["timed"]["mean"], e["score"] and e["score"]["mean"])
            for (agent, at), e in told.items()
            if at == price
        }
        assert {name for name, *_ in rows} == set(expected)
        for name, value, score in rows:
            assert float(value) == expected[name][0]
            assert (float(score) if score else None) == expected[name][1]


def test_a_point_tells_its_numbers_to_the_mouse_and_to_the_keyboard(watched, directory):
    results = runs.load_results(directory)
    (own,) = [e for e in results["agents"] if (e["agent"], e["price"]) == ("ppo", 1.0)]
    low, high = own["score"]["ci95"]
    figure = watched.page.locator("[data-figure=score]").first
    figure.focus()
    lines = []
    for _ in watched.ask("() => rrplan.figures[0].given.points"):
        figure.press("ArrowRight")
        lines.append(figure.locator(".readout").inner_text())
    (line,) = [one for one in lines if one.startswith("ppo") and "c = 1;" in one]
    assert f"score {own['score']['mean']:.7g} [{low:.5g}, {high:.5g}]" in line
    assert "2 training seeds, least score 0" in line
    symbols = watched.page.locator("[data-figure=score] .mark-symbol.role-mark path")
    seen = set()
    for place in range(symbols.count()):
        if box := symbols.nth(place).bounding_box():
            watched.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            watched.page.wait_for_timeout(80)
            tooltip = watched.page.locator("#vg-tooltip-element.visible")
            seen |= {tooltip.inner_text()} if tooltip.count() else set()
    assert any(re.search(r"ppo(.|\n)*least score 0", text) for text in seen)


def test_policies_are_switched_off_and_columns_sort(watched):
    def names():
        return {row["line"] for row in watched.points("value", "points")}

    box = watched.page.locator("#agents [data-agent=optimum]")
    assert "optimum" in names()
    box.focus()
    box.press("Space")
    assert "optimum" not in names()
    for column in ("computations", "policy"):
        button = watched.page.locator(f"#table thead [data-column={column}]")
        button.focus()
        button.press("Enter")
        way = watched.page.locator(f"#table th:has([data-column={column}])")
        assert way.get_attribute("aria-sort") == (
            "ascending" if column == "policy" else "descending"
        )


@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures(browser, report, tmp_path, width, scheme):
    opened = Watched(browser, report, width, scheme)
    shots = Path(os.environ.get("RRPLAN_SHOTS", tmp_path))
    shots.mkdir(parents=True, exist_ok=True)
    opened.ask("() => 0")
    assert opened.ask("() => document.scrollingElement.scrollWidth") <= width
    path = shots / f"scores-{width}-{scheme}.png"
    opened.page.screenshot(path=path, full_page=True)
    assert path.stat().st_size > 50_000
    assert opened.complaints == []
    opened.page.close()
