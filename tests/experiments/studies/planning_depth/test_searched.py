"""Rules that search by themselves: tuned on validation episodes of all seeds, once, and kept."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest

from experiments import runs
from experiments.studies.planning_depth import searched, study
from experiments.studies.planning_depth.config import ControlConfig
from rrplan import Episodes, Trace

PRICES = (3e-4, 2e-3)


def played(seed, table, price, episodes):
    """Play two decisions, of two legal actions and of three.

    Two simulations earn 0.05 where there are three; with the first training seed eight earn 0.01
    more. A simulation costs the price.
    """
    first = 2 + np.arange(episodes) % 2
    legal = np.stack([first, 5 - first], axis=1)
    k = table[[0, 1], legal]
    paid = (legal == 3) * (0.05 * (k >= 2) + 0.01 * (k >= 8) * (seed == 0))
    untimed, simulations = paid.sum(axis=1), k.sum(axis=1)
    return Episodes(
        untimed_return=jnp.asarray(untimed),
        timed_return=jnp.asarray(untimed - price * simulations),
        cost=jnp.asarray(price * simulations),
        simulations=jnp.asarray(simulations),
        length=jnp.full(episodes, 2),
        looks=jnp.zeros(episodes, int),
        levels=jnp.asarray(simulations),
        trace=Trace(*[k] * len(Trace._fields))._replace(valid=legal > 0, legal_actions=legal),
    )


@pytest.fixture
def searches(monkeypatch, fake_work):
    """Return the evaluations that searches ask for, as split, seed, price, name."""
    asked = []

    def evaluate(problem, trained, agent, split, acting):
        assert agent.traced
        assert agent.rates.look == 0.0
        meta_policy, table = trained.meta_policies[agent.evaluation]
        assert meta_policy.looks == "never"
        asked.append((split.name, trained.params, agent.price, agent.name))
        return played(trained.params, np.asarray(table), agent.price, split.episodes)

    monkeypatch.setattr(searched, "evaluate_agent", evaluate)
    return asked


@pytest.fixture
def config(config):
    sweep = dataclasses.replace(config.sweep, budgets=(0, 2, 8), validation_episodes=80)
    return dataclasses.replace(config, sweep=sweep, control=ControlConfig(agents=("schedule",)))


def tables(directory, config):
    """Return the cells that are met at the two decisions, at two and at three legal actions."""
    run = runs.load_run(directory)
    found = searched.load_all(run, "visits")
    return {name: params[:2, 2:4].tolist() for name, (_, params) in found.items()}


def test_a_schedule_is_found_for_each_price_on_validation_episodes(tmp_path, config, searches):
    results = study.run_study(config, tmp_path / "run")
    # The first seed's eight cost 6 x 3e-4 = 0.0018 more than two and earn 0.01; at 2e-3, 0.012.
    assert tables(tmp_path / "run", config) == {
        "schedule-0.0003": [[0, 8], [0, 8]],
        "schedule-0.002": [[0, 2], [0, 2]],
    }
    assert {split for split, *_ in searches} == {"validation"}
    entries = [entry for entry in results["agents"] if entry["agent"] == "schedule"]
    assert [entry["price"] for entry in entries] == list(PRICES)
    assert all(entry["difference"] is not None for entry in entries)
    assert results["roster"]["schedule"]["family"] == "rule"
    assert "| schedule |" in (tmp_path / "run" / "table.md").read_text()


def test_several_training_seeds_share_what_is_best_for_all_of_them(tmp_path, config, searches):
    """With two seeds of which one gains by eight, these earn 0.005 for 0.0018; with five, 0.002."""
    for seeds, best in ((2, 8), (5, 8), (6, 2)):
        directory = tmp_path / str(seeds)
        study.run_study(dataclasses.replace(config, seeds=seeds), directory)
        found = tables(directory, config)
        assert found["schedule-0.0003"] == [[0, best], [0, best]], seeds
        assert {seed for _, seed, *_ in searches} == set(range(seeds))


def test_resuming_tunes_nothing_again(tmp_path, config, searches, fake_work):
    directory = tmp_path / "run"
    study.run_study(config, directory)
    before = (directory / "results.json").read_text()
    searches.clear()
    study.run_study(config, directory, resume=True)
    assert searches == []
    assert (directory / "results.json").read_text() == before
    # A damaged table is searched for again, and that alone.
    (path,) = (directory / "evaluations").glob("found-visits-schedule-0.002-*.npz")
    path.write_bytes(path.read_bytes()[:-20])
    study.run_study(config, directory, resume=True)
    assert {price for _, _, price, _ in searches} == {2e-3}
    assert (directory / "results.json").read_text() == before


def test_more_prices_and_budgets_are_tuned_as_at_once(tmp_path, config, searches):
    study.run_study(config, tmp_path / "run")
    more = dataclasses.replace(config.sweep, prices=(3e-4, 1e-3, 2e-3))
    larger = dataclasses.replace(config, sweep=more)
    searches.clear()
    extended = study.run_study(larger, tmp_path / "run", resume=True)
    assert {price for _, _, price, _ in searches} == {1e-3}
    finer = dataclasses.replace(larger, sweep=dataclasses.replace(more, budgets=(0, 2, 4, 8)))
    searches.clear()
    study.run_study(finer, tmp_path / "run", resume=True)
    assert {price for _, _, price, _ in searches} == {3e-4, 1e-3, 2e-3}
    at_once = study.run_study(larger, tmp_path / "at-once")
    assert json.dumps(extended["agents"]) == json.dumps(at_once["agents"])
