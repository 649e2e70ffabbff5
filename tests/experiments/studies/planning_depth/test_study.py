"""The study around training and evaluation: what is chosen, stored, reused and repeated."""

import dataclasses
import json

import polars as pl
import pytest
from rich.console import Console

from agents.metapolicies.learned.config import PPOConfig
from experiments import runs
from experiments.analysis.columns import COLUMNS
from experiments.studies.planning_depth import study
from experiments.studies.planning_depth.checks import conflict
from experiments.studies.planning_depth.config import ControlConfig
from rrplan import InputError
from rrplan.search.final_action import RULES


def read(directory):
    return (directory / "results.json").read_text()


def test_a_finished_study_leaves_all_its_files(finished):
    assert {path.name for path in finished.iterdir()} >= {
        "config.json",
        "episodes.parquet",
        "results.json",
        "table.md",
        "timings.jsonl",
        "evaluations",
        "figures",
    }
    assert not list(finished.rglob("*.tmp"))


def test_results_hold_every_agent_at_every_price(finished, config):
    results = json.loads(read(finished))
    agents = [(entry["agent"], entry["k"], entry["price"]) for entry in results["agents"]]
    named = [("fixed", k) for k in config.sweep.budgets]
    named += [("reactive", 0), ("one-step", None), ("one-step-prior", None)]
    named += [("random", None), ("greedy", None)]
    assert agents == [(*agent, price) for agent in named for price in config.sweep.prices]


def test_episodes_have_a_row_for_each_agent(finished, config):
    frame = pl.read_parquet(finished / "episodes.parquet")
    assert frame.columns == ["agent", "k", "depth", "price", "seed", "episode", *COLUMNS]
    assert len(frame) == 9 * config.sweep.episodes
    mean = frame.filter(agent="fixed", k=8)["untimed_return"].cast(float).mean()
    results = json.loads(read(finished))
    entry = next(e for e in results["agents"] if (e["agent"], e["k"]) == ("fixed", 8))
    assert entry["untimed"]["mean"] == pytest.approx(mean)


def test_the_better_rule_and_the_best_k_are_chosen_on_validation_episodes(finished, fake_work):
    results = json.loads(read(finished))
    assert results["acting"] == "visits"  # completed_q is made worse by 0.01
    # 0.06 k/(k + 4) - 5 c k over k in 0, 2, 8, 32 peaks at 8 for c = 3e-4, at 2 for c = 2e-3
    # (0.028 and 0.000), the latter within noise of k = 0.
    assert results["best_fixed"][0]["k"] == 8
    assert results["best_fixed"][1]["k"] in (0, 2)
    split_and_rule = [(split, acting) for split, acting, _, _ in fake_work.evaluated]
    assert set(split_and_rule) == {
        ("validation", "visits"),
        ("validation", "completed_q"),
        ("held-out", "visits"),
    }


def test_a_rule_that_is_given_is_not_validated(tmp_path, config, fake_work):
    search = dataclasses.replace(config.search, acting="completed_q")
    results = study.run_study(dataclasses.replace(config, search=search), tmp_path)
    assert results["acting"] == "completed_q"
    assert {acting for _, acting, _, _ in fake_work.evaluated} == {"completed_q"}


def test_nothing_is_evaluated_twice(finished, fake_work):
    assert len(fake_work.evaluated) == len(set(fake_work.evaluated))


@pytest.mark.parametrize("finished_before", [0, 1, 5, 12])
def test_an_interrupted_study_resumes_to_the_same_results(
    finished, tmp_path, config, fake_work, finished_before
):
    fake_work.evaluated.clear()
    fake_work.interrupt_after = finished_before
    with pytest.raises(KeyboardInterrupt):
        study.run_study(config, tmp_path / "killed")
    fake_work.interrupt_after = None
    study.run_study(config, tmp_path / "killed", resume=True)
    assert len(fake_work.evaluated) == len(set(fake_work.evaluated))
    assert read(tmp_path / "killed") == read(finished)


def test_a_damaged_evaluation_is_run_again(finished, config, fake_work):
    before = read(finished)
    path = finished / "evaluations" / "held-out-visits-seed0-fixed-8.npz"
    path.write_bytes(path.read_bytes()[:-20])
    fake_work.evaluated.clear()
    study.run_study(config, finished, resume=True)
    assert fake_work.evaluated == [("held-out", "visits", 0, "fixed-8")]
    assert read(finished) == before


def test_resuming_a_finished_study_only_draws_again(finished, config, fake_work):
    before = read(finished)
    fake_work.evaluated.clear()
    study.run_study(config, finished, resume=True)
    assert fake_work.evaluated == []
    assert read(finished) == before


def test_several_training_seeds_meet_the_same_episodes(tmp_path, config, fake_work):
    results = study.run_study(dataclasses.replace(config, seeds=3), tmp_path)
    assert {entry["seeds"] for entry in results["agents"]} == {3}
    frame = pl.read_parquet(tmp_path / "episodes.parquet")
    by_seed = frame.filter(agent="fixed", k=8).sort("seed", "episode")["untimed_return"]
    first, second = by_seed.to_numpy().reshape(3, -1)[:2]
    assert abs(first - second).max() < 0.05 < first.max() - first.min()


def test_each_training_seed_has_its_own_place(tmp_path, config):
    one = runs.Run(tmp_path, config, {})
    several = runs.Run(tmp_path, dataclasses.replace(config, seeds=2), {})
    assert one.training(0) == tmp_path
    assert several.training(1) == tmp_path / "seeds" / "1"


def test_other_versions_are_warned_of(finished, config, fake_work, capsys):
    path = finished / "config.json"
    stored = json.loads(path.read_text())
    stored["versions"]["jax"] = "0.0.1"
    path.write_text(json.dumps(stored))
    study.run_study(config, finished, resume=True, console=Console(stderr=True))
    assert "warning: this run was begun with jax 0.0.1" in capsys.readouterr().err


def test_meta_policies_stand_beside_the_sweep_each_at_its_prices(tmp_path, config, fake_work):
    agents = ("stopper-priced", "oracle", "stopper", "entropy")
    control = ControlConfig(agents=agents, oracle_episodes=8)
    config = dataclasses.replace(config, control=control)
    directory = tmp_path / "controlled"
    study.run_study(config, directory)
    results = json.loads(read(directory))
    named = [(e["agent"], e["price"]) for e in results["agents"] if e["k"] is None]
    assert named == [
        *(("one-step", price) for price in (3e-4, 2e-3)),
        *(("one-step-prior", price) for price in (3e-4, 2e-3)),
        *(("random", price) for price in (3e-4, 2e-3)),
        *(("greedy", price) for price in (3e-4, 2e-3)),
        *(("entropy", price) for price in (3e-4, 2e-3)),
        ("stopper", 3e-4),  # the sweep's least, where no price is given
        *(("stopper-priced", price) for price in (3e-4, 2e-3)),
    ]  # and no oracle: the environment's states cannot be enumerated
    stopper = next(e for e in results["agents"] if e["agent"] == "stopper")
    best = results["best_fixed"][0]["k"]
    fixed = next(e for e in results["agents"] if (e["k"], e["price"]) == (best, 3e-4))
    difference = stopper["timed"]["mean"] - fixed["timed"]["mean"]
    assert stopper["difference"]["mean"] == pytest.approx(difference)
    assert stopper["gap_closed"] is None
    assert stopper["looks"]["mean"] == 5
    frame = pl.read_parquet(directory / "episodes.parquet")
    assert frame.filter(agent="entropy")["price"].unique().sort().to_list() == [3e-4, 2e-3]
    assert frame.filter(agent="fixed")["price"].null_count() == 4 * config.sweep.episodes


def test_rules_are_tuned_on_validation_episodes(tmp_path, config, fake_work):
    config = dataclasses.replace(config, control=ControlConfig(agents=("entropy", "margin")))
    study.run_study(config, tmp_path / "tuned")
    tried = {name for split, *_, name in fake_work.evaluated if split == "validation"}
    assert sum(name.startswith("margin") for name in tried) == len(config.sweep.budgets)
    assert sum(name.startswith("entropy") for name in tried) == 1 + 3 * 6  # k = 2, 8, 32
    reported = {name for split, *_, name in fake_work.evaluated if split == "held-out"}
    assert len({name for name in reported if name.startswith("entropy")}) <= 2


def test_a_finished_run_is_extended_by_what_is_new_alone(finished, config, fake_work, tmp_path):
    """More prices, budgets and agents: what is done is not done again, and nothing differs."""
    sweep = dataclasses.replace(config.sweep, prices=(3e-4, 1e-3, 2e-3), budgets=(0, 2, 4, 8, 32))
    larger = dataclasses.replace(config, sweep=sweep, control=ControlConfig(agents=("margin",)))
    before = len(fake_work.evaluated)
    extended = study.run_study(larger, finished, resume=True)
    new = {evaluation for *_, evaluation in fake_work.evaluated[before:]}
    assert new == {"fixed-4", "random-0-2-4-8-32", *(f"margin-k{k}" for k in sweep.budgets)}
    assert runs.load_run(finished).config == larger
    assert extended["agents"] == study.run_study(larger, tmp_path / "at-once")["agents"]


def test_less_than_a_run_holds_is_another_run(finished, config, fake_work):
    fewer = dataclasses.replace(config, sweep=dataclasses.replace(config.sweep, prices=(3e-4,)))
    with pytest.raises(InputError, match=r"holds another run \(sweep.prices is"):
        study.run_study(fewer, finished, resume=True)
    with pytest.raises(InputError, match=r"holds another run \(seed is 0 there, 1 here\)"):
        study.run_study(dataclasses.replace(config, seed=1), finished, resume=True)


def test_learned_agents_are_not_trained_anew_for_a_larger_k(tmp_path, config, fake_work):
    config = dataclasses.replace(config, control=ControlConfig(agents=("stopper",)))
    with runs.open_run(tmp_path, config, resume=False):
        pass
    larger = dataclasses.replace(config.sweep, budgets=(*config.sweep.budgets, 64))
    with pytest.raises(InputError, match=r"stopper was trained with at most 32 .* is 64 now"):
        study.run_study(dataclasses.replace(config, sweep=larger), tmp_path, resume=True)


def test_learned_agents_keep_what_they_were_begun_with(tmp_path, config, fake_work):
    """Budgets are added under which another k, and another rule of acting, would be chosen."""
    config = dataclasses.replace(config, control=ControlConfig(agents=("stopper",)))
    found = study.run_study(config, tmp_path)
    (best, *_), run = found["best_fixed"], runs.load_run(tmp_path)
    label = f"stopper-{best['price']:g}"
    assert run.begun == {"acting": found["acting"], "starts": {label: best["k"]}}
    other = next(rule for rule in RULES if rule != found["acting"])
    runs.write_found(run, begun={"acting": other, "starts": {label: 1}})
    more = dataclasses.replace(config.sweep, budgets=(0, 1, 2, 8, 32))
    extended = study.run_study(dataclasses.replace(config, sweep=more), tmp_path, resume=True)
    assert extended["acting"] == other
    assert runs.load_run(tmp_path).begun == {"acting": other, "starts": {label: 1}}


def test_agents_may_be_trained_for_more_prices_but_none_is_left_out(config):
    def asked(prices, number, agent="stopper"):
        sweep = dataclasses.replace(config.sweep, prices=prices)
        control = ControlConfig(agents=(agent,), num_prices=number)
        return dataclasses.replace(config, sweep=sweep, control=control)

    there = asked((3e-4, 2e-3), 1)
    assert not conflict(there, asked((3e-4, 2e-3), 2))
    assert not conflict(there, asked((1e-4, 3e-4, 2e-3), 2))
    line = (
        "stopper was trained for the price 0.0003, .* expected --control.num-prices of at least 2"
    )
    with pytest.raises(InputError, match=line):
        conflict(there, asked((1e-4, 3e-4, 2e-3), 1))
    with pytest.raises(InputError, match=r"trained for the price 0.002"):
        conflict(asked((3e-4, 2e-3), 2), there)
    for_all = "stopper-priced"  # one training for all prices
    assert not conflict(asked((3e-4, 2e-3), 2, for_all), asked((3e-4, 2e-3), 1, for_all))


def test_trained_planners_are_gone_on_with_by_any_agents(tmp_path, config, fake_work):
    """Only where agents are learned does it matter how they are learned."""
    told = ControlConfig(agents=("margin", "stopper"), width=8, ppo=PPOConfig(gamma=0.5))
    asked = dataclasses.replace(config, control=told)
    study.train_only(config, tmp_path / "begun")
    assert runs.load_run(tmp_path / "begun").config.control.agents == ()
    found = study.run_study(asked, tmp_path / "begun", resume=True)
    assert found["agents"] == study.run_study(asked, tmp_path / "at-once")["agents"]
    study.train_only(asked, tmp_path / "at-once", resume=True)
    assert runs.load_run(tmp_path / "at-once").config == asked
    wider = dataclasses.replace(told, width=16)
    other = dataclasses.replace(config, control=wider)
    assert conflict(asked, other) == "control.width is 8 there, 16 here"
    rules = ControlConfig(agents=("margin",), width=8)
    assert conflict(dataclasses.replace(config, control=rules), other) is None


def test_what_may_not_change_is_named_beside_what_may(config):
    more = dataclasses.replace(config.control, agents=(*config.control.agents, "margin"))
    other = dataclasses.replace(config, control=more, seeds=config.seeds + 1)
    found = f"seeds is {config.seeds} there, {config.seeds + 1} here"
    assert conflict(config, other) == found
    assert conflict(dataclasses.replace(config, calibrate=True), config) == (
        "calibrate is True there, False here"
    )


def test_a_kill_while_a_run_is_extended_leaves_what_it_was(finished, config, fake_work):
    before = read(finished)
    larger = dataclasses.replace(config, control=ControlConfig(agents=("margin",)))
    fake_work.interrupt_after = len(fake_work.evaluated) + 2
    with pytest.raises(KeyboardInterrupt):
        study.run_study(larger, finished, resume=True)
    fake_work.interrupt_after = None
    assert runs.load_run(finished).config == config
    study.run_study(config, finished, resume=True)
    assert read(finished) == before
