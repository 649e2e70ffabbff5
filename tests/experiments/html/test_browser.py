"""The page in a real browser: Debian's Chromium without a window, driven by Playwright.

``make test-browser`` runs these. ``RRPLAN_RUN=runs/demo`` shows them a run of your own,
``RRPLAN_SHOTS=shots`` keeps the pictures.
"""

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import polars as pl
import pytest

from experiments import runs
from experiments.cli import main as cli
from experiments.html import depth
from experiments.html.page import render
from tests.experiments.html.browsing import NEEDS_CHROMIUM, SIZES, Watched

pytestmark = NEEDS_CHROMIUM
TINY = shlex.split(
    "run traps --env.depth 4 --env.look_ahead 2 --k 0 4 16 --prices 1e-4 1e-2 --network.size tiny "
    "--train.num-chunks 3 --train.num-lanes 8 --train.batch-size 16 --train.num-simulations 4 "
    "--train.updates-per-chunk 2 --train.evaluation-episodes 8 --sweep.episodes 64 "
    "--sweep.validation-episodes 64 --sweep.num-lanes 16 --search.acting visits "
    "--control.agents entropy stopper oracle --control.oracle-episodes 16 "
    "--control.ppo.num-lanes 8 --control.ppo.looks-per-chunk 32 --control.ppo.minibatches 2 "
    "--control.ppo.num-chunks 2 --control.ppo.value-chunks 1 "
    "--control.ppo.evaluation-episodes 8 --control.width 4"
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A finished run."""
    if given := os.environ.get("RRPLAN_RUN"):
        return Path(given).resolve()
    path = tmp_path_factory.mktemp("runs") / "tiny"
    assert cli.main([*TINY, "--out", str(path)]) == 0
    return path


def held_out(directory, price):
    """Return the mean timed return of each fixed k, from the episodes."""
    results = runs.load_results(directory)
    rates = next(e for e in results["agents"] if e["agent"] == "fixed")["rates"]
    own = rates[results["bill"]["kind"]]
    frame = pl.read_parquet(directory / "episodes.parquet")
    frame = frame.filter(pl.col("agent") == "fixed", pl.col("depth").is_null())
    units = sum(
        own[one] * pl.col(many)
        for one, many in zip(
            ("simulation", "look", "decision", "level"),
            ("simulations", "looks", "length", "levels"),
            strict=True,
        )
    )
    timed = (
        frame.with_columns(timed=pl.col("untimed_return").cast(pl.Float64) - price * units)
        .group_by("k")
        .agg(pl.col("timed").mean())
        .sort("k")
    )
    return dict(zip(timed["k"], timed["timed"], strict=True))


def test_the_slider_moves_the_mark_to_the_best_k_of_the_data(watched, directory):
    grid = watched.ask("() => rrplan.grid")
    slider, seen = watched.page.locator("#price"), set()
    slider.focus()
    for place in range(0, len(grid), 7):
        slider.fill(str(place))
        timed = held_out(directory, grid[place])
        best = max(timed, key=timed.get)
        marks = {row["note"]: row for row in watched.points("timed", "best")}
        mark = marks["highest on these episodes"]
        assert mark["k"] == best
        assert mark["mean"] == pytest.approx(timed[best], abs=1e-9)
        shown = {row["k"]: row["mean"] for row in watched.points("timed", "curve")}
        assert shown == pytest.approx(timed, abs=1e-9)
        seen.add(best)
    assert len(seen) > 1
    # By the keyboard alone.
    slider.press("Home")
    assert watched.page.locator("#price-shown").inner_text() == "c = 0"
    slider.press("ArrowRight")
    shown = watched.page.locator("#price-shown").inner_text()
    assert float(shown.removeprefix("c = ")) == grid[1]


def test_at_the_runs_prices_the_best_k_is_that_of_results_json(watched, directory):
    for choice in runs.load_results(directory)["best_fixed"]:
        watched.page.click(f"#stops [data-price='{choice['price']}']")
        found = watched.ask("() => rrplan.bestK(0).validation")
        assert found == choice["k"]
        assert f"validation episodes: {choice['k']}." in watched.page.inner_text("#best")


def test_hovering_shows_the_numbers_of_results_json(watched, directory):
    results = runs.load_results(directory)
    price = results["best_fixed"][0]["price"]
    watched.page.click(f"#stops [data-price='{price}']")
    watched.page.locator("[data-figure=timed]").first.scroll_into_view_if_needed()
    watched.ask("() => 0")
    symbols = watched.page.locator("[data-figure=timed] .mark-symbol.role-mark path")
    wanted = {
        e["k"]: e["timed"]
        for e in results["agents"]
        if e["agent"] == "fixed" and e["price"] == price
    }
    seen = set()
    for place in range(symbols.count()):
        box = symbols.nth(place).bounding_box()
        if box is None:
            continue
        watched.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        watched.page.wait_for_timeout(80)
        tooltip = watched.page.locator("#vg-tooltip-element.visible")
        if not tooltip.count():
            continue
        text = tooltip.inner_text()
        k = re.search(r"fixed k = (\d+)", text)
        if not k:
            continue
        told = wanted[int(k[1])]
        mean = float(re.search(r"timed (-?[\d.e-]+)", text)[1])
        low, high = map(float, re.search(r"\[(\S+), (\S+)\]", text).groups())
        assert mean == pytest.approx(told["mean"], rel=1e-6)
        assert [low, high] == pytest.approx(told["ci95"], rel=1e-4)
        seen.add(int(k[1]))
    assert len(seen) >= min(3, len(wanted))


def test_the_table_sorts_by_every_column_and_tells_results_json(watched, directory):
    results = runs.load_results(directory)
    price = results["best_fixed"][0]["price"]
    watched.page.click(f"#stops [data-price='{price}']")
    watched.ask("() => 0")
    names = watched.page.eval_on_selector_all(
        "#table thead button", "all => all.map(b => b.dataset.column)"
    )
    assert {"agent", "timed", "gain", "untimed", "simulations"} <= set(names)
    for name in names:
        for _ in range(2):
            button = watched.page.locator(f"#table thead [data-column={name}]")
            button.focus()
            button.press("Enter")
            way = watched.page.locator(f"#table th:has([data-column={name}])").get_attribute(
                "aria-sort"
            )
            place = names.index(name) + 1
            values = watched.page.eval_on_selector_all(
                f"#table tbody td:nth-child({place})", "all => all.map(td => td.dataset.value)"
            )
            if name in ("agent", "run"):
                continue
            numbers = [float(value) for value in values if value != ""]
            assert numbers == sorted(numbers, reverse=way == "descending")
            assert values[len(numbers) :] == [""] * (len(values) - len(numbers))
    column = names.index("timed") + 1
    shown = watched.page.eval_on_selector_all(
        f"#table tbody td:nth-child({column})", "all => all.map(td => Number(td.dataset.value))"
    )
    told = [
        e["timed"]["mean"] for e in results["agents"] if e["price"] == price and not e.get("depth")
    ]
    for mean in told:
        assert any(abs(mean - value) < 1e-12 for value in shown)


def test_agents_are_switched_off_and_on(watched):
    def names():
        return {row["agent"] for row in watched.points("front", "points")}

    boxes = watched.page.locator("#agents input")
    agent = boxes.first.get_attribute("data-agent")
    for _ in range(2):
        before = boxes.first.is_checked()
        boxes.first.focus()
        boxes.first.press("Space")
        assert (agent in names()) == (not before)


def test_trees_unfold_by_the_keyboard(watched):
    tree = watched.page.locator("#told details[open] .tree")
    visits = tree.locator(":scope > ul > li").all_inner_texts()
    counts = [int(re.search(r"N\s(\d+)", text)[1]) for text in visits]
    summary = watched.page.locator("#told details[open] > summary").first.inner_text()
    assert sum(counts) == int(re.search(r"(\d+) simulations", summary)[1])
    folded = tree.locator("details:not([open]) > summary")
    assert folded.count() > 0
    before = watched.page.locator("#told .tree li").count()
    first = folded.first
    first.focus()
    first.press("Enter")
    watched.page.wait_for_timeout(100)
    assert watched.page.locator("#told .tree li").count() > before
    assert {"Q", "P", "V"} <= set(re.findall(r"\b([QPV])\s-?[\d.]", tree.inner_text()))


def test_the_keyboard_reaches_everything(watched):
    watched.page.evaluate("() => { document.body.focus(); window.scrollTo(0, 0); }")
    reached = watched.page.evaluate(
        "() => [...document.querySelectorAll("
        "'a[href], button, input, select, summary, [tabindex]')]"
        ".filter((one) => one.offsetParent !== null).length"
    )
    found = set()
    for _ in range(reached + 20):
        watched.page.keyboard.press("Tab")
        found.add(
            watched.page.evaluate(
                "() => [...document.querySelectorAll('*')].indexOf(document.activeElement)"
            )
        )
    assert len(found) >= reached
    figure = watched.page.locator("[data-figure=timed]").first
    figure.focus()
    lines = []
    for _ in range(3):
        figure.press("ArrowRight")
        lines.append(figure.locator(".readout").inner_text())
    assert len(set(lines)) == 3
    assert all(re.search(r"fixed k = \d+; timed -?\d", line) for line in lines)
    assert len(watched.points("timed", "cursor")) == 1


@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures(browser, report, tmp_path, width, scheme):
    opened = Watched(browser, report, width, scheme)
    shots = Path(os.environ.get("RRPLAN_SHOTS", tmp_path))
    shots.mkdir(parents=True, exist_ok=True)
    opened.ask("() => 0")
    assert opened.ask("() => document.scrollingElement.scrollWidth") <= width
    path = shots / f"report-{width}-{scheme}.png"
    opened.page.screenshot(path=path, full_page=True)
    assert path.stat().st_size > 50_000
    assert opened.complaints == []
    opened.page.close()


def test_names_of_any_kind_do_no_harm(browser, directory, tmp_path):
    hostile = "\"><script>alert('1')</script><img src=x onerror=alert(2)>" + "e" * 2_000
    copied = tmp_path / "run'<b>\""
    shutil.copytree(directory, copied)
    config = json.loads((copied / "config.json").read_text())
    results = json.loads((copied / "results.json").read_text())
    for holder in (config["config"], results["config"]):
        holder["return_label"] = hostile
    results["warnings"] = [hostile]
    for story in results["stories"]:
        story["agent"] = hostile
    (copied / "config.json").write_text(json.dumps(config))
    (copied / "results.json").write_text(json.dumps(results))
    data = depth.collect([copied])
    data["runs"][0]["env"] = data["runs"][0]["name"] = hostile
    page = tmp_path / "hostile.html"
    page.write_text(render(depth.PAGE, data))
    for width in SIZES:
        opened = Watched(browser, page, width)
        assert opened.ask("() => document.querySelectorAll('img').length") == 0
        assert opened.ask("() => document.scrollingElement.scrollWidth") <= width
        assert opened.complaints == []
        opened.page.close()
