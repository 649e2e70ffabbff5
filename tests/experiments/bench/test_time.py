"""Thinking by the clock: rows by hand with a clock that is made up, and a run that is real."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from agents.metapolicies.controls import yoked
from experiments import loading, runs
from experiments.bench import figures, report, tables
from experiments.bench.time import fits, measuring
from experiments.bench.time.fits import Counted
from experiments.bench.time.measuring import Contestant, Played
from experiments.cli import main as cli
from experiments.studies.planning_depth.config import ControlConfig, StudyConfig, SweepConfig
from rrplan import InputError, MetaPolicy
from tests.experiments.bench.test_bench import fails, make_run

POLICY = MetaPolicy(init=None, apply=None)
# Simulations, looks and untimed return of an episode of five decisions.
DONE = {
    "fixed-0": (0, 0, 0.90),
    "fixed-4": (20, 0, 0.94),
    "fixed-8": (40, 0, 0.95),
    "stopper": (10, 8, 0.945),
    "gate": (10, 5, 0.97),
    "vet": (20, 4, 0.88),
}
DECISION, SIMULATION, LOOKS = 2e-6, 4e-6, {"stopper": 6e-6, "gate": 8e-6, "vet": 1e-6}
OUT_OF_STEP = 7e-6  # that an episode takes longer where lanes think for different times
EPISODES = 10


def contestant(name):
    agent, _, k = name.partition("-")
    fixed = agent == "fixed"
    return Contestant(agent, int(k) if fixed else None, None if fixed else 1e-3, POLICY, name)


class Clock:
    """A machine that takes what is counted, in odd rounds twice as long; it notes who was run.

    Who thinks as much as another, without looks, runs two simulations an episode more.
    """

    def __init__(self):
        self.played = []

    def __call__(self, one, *, traced=False):
        name, looks, more = one.params, None, 0
        if isinstance(name, yoked.Donors):
            name, looks, more = one.agent, 0, 2
        simulations, own, untimed = DONE[name]
        looks = own if looks is None else looks
        name = f"{name}, without looks" if more else name
        if not traced:
            self.played.append(name)
        turn = self.played.count(name) - 2  # after the warm-up
        simulations += more
        seconds = 5 * DECISION + simulations * SIMULATION + looks * LOOKS.get(one.agent, 0.0)
        seconds += 0.0 if one.agent == "fixed" else OUT_OF_STEP
        each = np.ones(EPISODES)
        shape = (EPISODES, 5)
        episodes = SimpleNamespace(
            untimed_return=untimed + 0.01 * (np.arange(EPISODES) % 2 - 0.5),
            simulations=simulations * each,
            looks=looks * each,
            length=5 * each,
            trace=SimpleNamespace(
                valid=np.ones(shape, bool),
                legal_actions=np.full(shape, 2),
                simulations=np.full(shape, simulations // 5),
                looks=np.ones(shape, int),
            )
            if traced
            else None,
        )
        return Played(episodes, EPISODES * seconds * (2.0 if turn % 2 else 1.0))


@pytest.fixture(scope="module")
def timed():
    clock = Clock()
    rows, fixed = measuring.measure([contestant(name) for name in DONE], clock, 2, rounds=5)
    return clock, {f"{row['agent']}-{row['k']}": row for row in rows}, fixed


def test_agents_take_turns_after_a_warm_up(timed):
    played = timed[0].played
    names = [*DONE, *(f"{agent}, without looks" for agent in LOOKS)]
    assert played == [*names, *names, *names[::-1], *names, *names[::-1], *names]


def test_rows_by_hand(timed):
    stopper = timed[1]["stopper-None"]
    own = 5 * 2e-6 + 10 * 4e-6 + 8 * 6e-6 + 7e-6
    assert stopper["seconds"]["raw"] == pytest.approx([own, 2 * own, own, 2 * own, own])
    assert stopper["seconds"]["median"] == pytest.approx(own)
    assert (stopper["decisions"], stopper["simulations"], stopper["looks"]) == (5.0, 10.0, 8.0)
    assert stopper["untimed"]["mean"] == pytest.approx(0.945)
    # Half-way from k = 4 to k = 8, also in time: 30 simulations an episode.
    needed = 5 * 2e-6 + 30 * 4e-6
    assert stopper["fixed_seconds"]["median"] == pytest.approx(needed)
    assert stopper["times_as_fast"]["raw"] == pytest.approx([needed / own] * 5)
    fixed = timed[1]["fixed-4"]
    assert "times_as_fast" not in fixed
    assert fixed["seconds"]["max"] == pytest.approx(2 * (5 * 2e-6 + 20 * 4e-6))


def test_who_earns_more_than_every_fixed_k_has_no_time_to_be_held_against(timed):
    gate = timed[1]["gate-None"]
    assert gate["fixed_seconds"] is None
    assert gate["times_as_fast"] is None
    # Less than the first of them: that one stands for it.
    assert timed[1]["vet-None"]["fixed_seconds"]["median"] == pytest.approx(5 * 2e-6)


def test_what_decisions_simulations_and_looks_take_is_found_again(timed):
    _, rows, fixed = timed
    assert fixed["decision"]["raw"] == pytest.approx([2e-6, 4e-6, 2e-6, 4e-6, 2e-6])
    assert fixed["simulation"]["median"] == pytest.approx(4e-6)
    assert fixed["error"] == pytest.approx(0.0, abs=1e-9)
    for agent, look in LOOKS.items():
        row = rows[f"{agent}-None"]
        assert row["look"]["seconds"]["median"] == pytest.approx(look)
        assert row["look"]["simulations"]["raw"] == pytest.approx([look / 4e-6] * 5)
        # Out of step as the agent is, and two simulations more.
        more = DONE[agent][0] + 2
        assert row["without_looks"]["simulations"] == more
        without = 5 * 2e-6 + more * 4e-6 + OUT_OF_STEP
        assert row["without_looks"]["seconds"]["median"] == pytest.approx(without)
    assert "look" not in rows["fixed-4"]
    assert "without_looks" not in rows["fixed-4"]


def test_one_k_does_not_tell_decisions_from_simulations():
    assert fits.cost_of_simulations([Counted(5.0, 20.0, 0.0)], np.ones((5, 1))) is None
    assert fits.cost_of_simulations([], np.ones((5, 0))) is None


# A run


CONFIG = StudyConfig(
    env="knapsack",
    sweep=SweepConfig(budgets=(0, 3), prices=(1e-3, 2e-3)),
    control=ControlConfig(agents=("vet", "stopper", "gate-priced", "oracle")),
)
LOADED = loading.Loaded(
    None,
    {
        "fixed-0.001": (POLICY, 3),
        **{f"vet-{price:g}": (POLICY, price) for price in CONFIG.sweep.prices},
        "stopper-0.001": (POLICY, 0),
        "gate-priced": (POLICY, 1),
    },
    CONFIG,
)


def test_every_agent_of_a_run_takes_part_once_a_price():
    found = measuring.list_contestants(LOADED)
    assert [(one.agent, one.k, one.price) for one in found if one.agent != "random"] == [
        *(("fixed", k, None) for k in (0, 3)),
        *(("vet", None, price) for price in (1e-3, 2e-3)),
        ("stopper", None, 1e-3),
        *(("gate-priced", None, price) for price in (1e-3, 2e-3)),
    ]
    assert [one.agent for one in found].count("random") == 1


def test_only_some_agents_beside_the_fixed_ones():
    found = measuring.list_contestants(LOADED, ("stopper",))
    assert [one.agent for one in found] == ["fixed", "fixed", "stopper"]
    with pytest.raises(InputError, match=r"^unknown agent 'stoper': did you mean 'stopper'"):
        measuring.list_contestants(LOADED, ("stoper",))


@pytest.fixture(scope="module")
def shown(tmp_path_factory, timed):
    """A directory with a result of made-up times."""
    directory = tmp_path_factory.mktemp("time")
    rows = list(timed[1].values())
    study = {"env": "knapsack", "env_kwargs": {}, "acting": "visits", "training_seed": 0}
    study |= {"episodes": EPISODES, "lanes": 4, "return_label": "return"}
    results = {"study": study, "roster": {}, "agents": rows, "fixed": timed[2]}
    report.write(directory, "time", {"rounds": 5}, report.begin(), results)
    return directory


def test_tables_and_figure_are_made_of_the_result_alone(shown):
    data = report.load(shown, "time")
    text = tables.write(shown, "time", data)
    assert "| stopper | 0.001 | " in text
    row = "10 | 8 | 105 µs (105 µs to 210 µs) | 65 µs (65 µs to 130 µs) | 1.5 (1.5 to 1.5) | 130 µs"
    assert f" | {row} | 1.2 (1.2 to 1.2) |" in text
    assert "a simulation 4 µs (4 µs to 8 µs)" in text
    assert "median of 5 rounds" in text
    assert all(path.stat().st_size > 5_000 for path in figures.draw(shown, "time", data))


def test_the_figure_names_every_agent_and_every_k(shown):
    figure = figures.draw_time(report.load(shown, "time"))
    (axes,) = figure.axes
    written = {text.get_text() for text in axes.texts if text.get_text()}
    assert written == {"0", "4", "k = 8", "stopper", "gate", "vet"}
    assert "5 rounds" in figure.get_supxlabel()
    assert axes.get_xscale() == "log"  # from 10 to 340 µs
    line = axes.lines[0]
    np.testing.assert_allclose(line.get_xdata(), [10.0, 90.0, 170.0])


@pytest.mark.slow
def test_a_real_run_is_timed(tmp_path):
    config = StudyConfig(
        env="knapsack",
        env_kwargs={"num_items": 4},
        sweep=SweepConfig(
            budgets=(0, 3), prices=(3e-4,), episodes=16, validation_episodes=16, num_lanes=8
        ),
        control=ControlConfig(agents=("margin",)),
    )
    directory = make_run(tmp_path / "run", config)
    path = runs.load_run(directory).results
    results = json.loads(path.read_text())
    agents = [{"agent": "margin", "k": None, "price": 3e-4, "evaluation": "margin-k3"}]
    runs.write_json(path, {**results, "best_fixed": [], "agents": agents})
    arguments = ["--run", str(directory), "--episodes", "12", "--out", str(tmp_path / "out")]
    assert cli.main(["bench", "time", *arguments]) == 0
    data = report.load(tmp_path / "out", "time")
    assert [row["agent"] for row in data["agents"]] == ["fixed", "fixed", "random", "margin"]
    for row in data["agents"]:
        assert len(row["seconds"]["raw"]) == 5
        assert row["seconds"]["min"] > 0.0
    none, some = data["agents"][:2]
    assert none["simulations"] == 0.0
    decisions = some["decisions"]  # one at most of an episode has no choice
    assert 3 * (decisions - 1) <= some["simulations"] <= 3 * decisions
    assert (tmp_path / "out" / "figures" / "time.png").exists()
    assert "| margin | 0.0003 |" in (tmp_path / "out" / "time.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "missing --run: see rrplan bench time --help"),
        ("--run nowhere", "nowhere holds no run: config.json is missing"),
        ("--run nowhere --rounds 4", "rounds holds 4: expected numbers >= 5"),
        ("--run nowhere --episodes 1", "episodes holds 1: expected numbers >= 2"),
    ],
)
def test_what_is_wrong_takes_one_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert fails(capsys, "time", *arguments.split()) == message
    assert not list(tmp_path.iterdir())
