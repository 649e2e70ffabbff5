"""The roster: agents are declared once, and a user's own is one among them."""

import dataclasses
import json
import sys

import jax
import pytest

from agents import Candidate, Learned, Rule, declarations, metapolicies
from experiments import roster
from experiments.seeds import name_key
from experiments.studies.planning_depth import config
from experiments.studies.planning_depth import training as meta_training
from rrplan import InputError
from tests.experiments.own_agents import OWN


@pytest.fixture
def own_agents(tmp_path, monkeypatch):
    """A file with agents of a user's own, and what else a user may have put into it."""
    (tmp_path / "my_agents_of_roster_test.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield "my_agents_of_roster_test"
    sys.modules.pop("my_agents_of_roster_test", None)
    roster.find.cache_clear()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NOBODY", "is a int: expected an agents.Rule or agents.Learned"),
        ("VET", "is called 'vet': the name is taken"),
        ("EARLI", "did you mean 'EARLY'"),
    ],
)
def test_what_is_no_agent_gets_one_line(own_agents, name, message):
    with pytest.raises(InputError, match=message) as error:
        roster.find(f"{own_agents}:{name}")
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
