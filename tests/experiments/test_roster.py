"""The roster: agents are declared once, and a user's own is one among them."""

import dataclasses
import json
import shlex
import sys

import jax
import pytest

import rrplan
from agents import Candidate, Learned, Rule, declarations, metapolicies
from experiments import load, roster
from experiments.cli import main as cli
from experiments.evaluation import name_key
from experiments.report import figures
from experiments.studies.planning_depth import config
from experiments.studies.planning_depth import training as meta_training
from rrplan import InputError

OWN = """
import jax.numpy as jnp

import agents
import rrplan
from agents import metapolicies
from agents.metapolicies.learned import trainable


def apply(params, keys, carry, seen):
    extra = jnp.where(seen.decision < params["decisions"], 4 - seen.simulations, 0)
    return metapolicies.order(jnp.maximum(extra, 0), carry)


early = rrplan.MetaPolicy(metapolicies.no_carry, apply)


def grid(planner, budgets):
    return [
        agents.Candidate(f"first{n}", early, {"decisions": n})
        for n in range(planner.environment.num_actions + 1)
    ]


EARLY = agents.Rule(name="early", help="thinks at the first decisions", candidates=grid)
NARROW = agents.Learned(
    name="narrow", help="a gate of my own", kind="gate", make=trainable.make
)
NOBODY = 3
VET = agents.Rule(name="vet", help="mine", candidates=grid)
"""

TINY = shlex.split(
    "run knapsack --no-report --env.num_items 4 --k 0 4 --prices 1e-3 --network.size tiny "
    "--train.num-chunks 2 --train.num-lanes 8 --train.batch-size 16 "
    "--train.num-simulations 4 --train.updates-per-chunk 2 --train.evaluation-episodes 8 "
    "--sweep.episodes 16 --sweep.validation-episodes 16 --sweep.num-lanes 8 "
    "--search.acting visits --control.ppo.num-lanes 8 --control.ppo.looks-per-chunk 32 "
    "--control.ppo.minibatches 2 --control.ppo.num-chunks 2 --control.ppo.value-chunks 1 "
    "--control.ppo.evaluation-episodes 8 --control.width 4"
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A finished run with a rule and a learned agent of a user's own."""
    path = tmp_path_factory.mktemp("own")
    (path / "my_agents_of_roster_test.py").write_text(OWN)
    names = [
        "my_agents_of_roster_test:EARLY",
        "my_agents_of_roster_test:NARROW",
        "entropy",
        "schedule",
    ]
    sys.path.insert(0, str(path))
    arguments = [*TINY, "--control.agents", *names, "--out", str(path / "run")]
    assert cli.main(arguments) == 0
    yield path / "run"
    sys.path.remove(str(path))


def by_itself(entry):
    """Return an agent's own entry: so short a training may have failed, and a fixed k stand in."""
    return entry.get("replaced", {}).get("own", entry)


def test_a_users_own_agents_stand_beside_the_others(directory):
    results = json.loads((directory / "results.json").read_text())
    named = [entry["agent"] for entry in results["agents"] if entry["k"] is None]
    alike = ["one-step", "one-step-prior", "random", "greedy"]
    assert named == [*alike, "entropy", "schedule", "early", "narrow"]
    early = next(entry for entry in results["agents"] if entry["agent"] == "early")
    assert early["evaluation"].startswith("early-first")
    # Tuned on validation episodes, evaluated with its difference to the best fixed k, and paired.
    assert early["difference"] is not None
    paired = [(pair["agent"], pair["other"]) for pair in results["pairs"]]
    assert paired[:3] == [("schedule", "entropy"), ("early", "entropy"), ("early", "schedule")]
    narrow = by_itself(next(e for e in results["agents"] if e["agent"] == "narrow"))
    assert 0 < narrow["looks"]["mean"] <= narrow["length"]["mean"]
    assert "| early |" in (directory / "table.md").read_text()
    assert "early" in (directory / "figures" / "front.svg").read_text()
    assert (directory / "control" / "narrow-0.001" / "checkpoints").exists()


def test_figures_of_a_users_own_agents_need_their_file_no_more(directory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(directory.parent)])
    monkeypatch.delitem(sys.modules, "my_agents_of_roster_test")
    roster.find.cache_clear()
    assert figures.draw(directory)
    assert "my_agents_of_roster_test" not in sys.modules
    with pytest.raises(InputError, match="cannot import it"):
        roster.find("my_agents_of_roster_test:EARLY")


def test_a_finished_run_is_loaded_and_plays_as_it_did(directory):
    loaded = load(directory)
    assert set(loaded.meta_policies) == {
        "fixed-0.001",
        "entropy-0.001",
        "schedule-0.001",
        "early-0.001",
        "narrow-0.001",
    }
    results = json.loads((directory / "results.json").read_text())
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), 2), 0)  # of held-out episodes
    for name in ("schedule", "early", "narrow"):
        episodes = rrplan.evaluate(
            loaded.planner,
            *loaded.meta_policies[f"{name}-0.001"],
            key=key,
            episodes=16,
            num_lanes=8,
            costs=rrplan.Costs(price=1e-3),
        )
        entry = by_itself(next(e for e in results["agents"] if e["agent"] == name))
        assert float(episodes.untimed_return.mean()) == pytest.approx(entry["untimed"]["mean"])
        assert float(episodes.simulations.mean()) == entry["simulations"]["mean"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NOBODY", "is a int: expected an agents.Rule or agents.Learned"),
        ("VET", "is called 'vet': the name is taken"),
        ("EARLI", "did you mean 'EARLY'"),
    ],
)
def test_what_is_no_agent_gets_one_line(directory, name, message):
    with pytest.raises(InputError, match=message) as error:
        roster.find(f"my_agents_of_roster_test:{name}")
    assert "\n" not in str(error.value)


def test_a_rule_of_the_suite_is_one_entry(monkeypatch):
    """Declared in one place, a rule is known to options, tuning and listing."""
    made = []

    def grid(planner, budgets):
        made.append(budgets)
        return [
            Candidate("a", metapolicies.fixed(), 0),
            Candidate("new-b", metapolicies.fixed(), 4),
        ]

    rule = Rule(name="new", help="new here", candidates=grid)
    monkeypatch.setattr(roster, "ROSTER", {**roster.ROSTER, "new": rule})
    roster.find.cache_clear()
    study = config.StudyConfig(env="knapsack", control=config.ControlConfig(agents=("new",)))
    problem = meta_training.StudyProblem(study, None, None, None)
    grids = meta_training.make_grids(problem, None, "visits")
    assert made == [study.sweep.budgets]
    # Evaluations are kept by the candidates' names, so each begins with the rule's.
    assert [candidate.name for candidate in grids["new"]] == ["new-a", "new-b"]
    roster.find.cache_clear()


def test_a_names_randomness_is_its_own():
    key = jax.random.key(7)
    names = list(roster.ROSTER)
    drawn = {name: tuple(jax.random.key_data(name_key(key, name)).tolist()) for name in names}
    assert len(set(drawn.values())) == len(names)
    # Known beforehand: crc32("stopper"), whatever other agents there are.
    expected = jax.random.key_data(jax.random.fold_in(key, 0x5272FDBD))
    assert drawn["stopper"] == tuple(expected.tolist())


def test_every_agent_of_the_suite_can_be_built_and_drawn():
    for name, agent in roster.ROSTER.items():
        for field in ("make", "candidates", "search"):
            if hasattr(agent, field):
                assert callable(declarations.build(getattr(agent, field))), name
        assert json.loads(json.dumps(agent.describe()))["label"]
    assert len({agent.help for agent in roster.ROSTER.values()}) == len(roster.ROSTER)


def test_bad_declarations_are_refused():
    with pytest.raises(InputError, match="agent name 'a/b': expected a letter"):
        Rule(name="a/b", help="", candidates=list)
    with pytest.raises(InputError, match="its style has the color 'red'"):
        Learned(name="mine", help="", style={"color": "red"})
    for nowhere in ("agents.metapolicies.grids:entropi", "no_such_module_at_all:x", "nothing"):
        with pytest.raises(InputError, match=f"^builder '{nowhere}': cannot import it"):
            declarations.build(nowhere)
    study = config.StudyConfig(env="knapsack")
    problem = meta_training.StudyProblem(study, None, None, None)
    empty = Rule(name="empty", help="", candidates=lambda planner, budgets: [])
    with pytest.raises(InputError, match="agent empty has no candidates"):
        meta_training.candidates(problem, empty, None, "visits")
    twice = dataclasses.replace(
        empty, candidates=lambda *_: [Candidate("a", None, 0), Candidate("empty-a", None, 0)]
    )
    with pytest.raises(InputError, match="two candidates called 'empty-a'"):
        meta_training.candidates(problem, twice, None, "visits")
