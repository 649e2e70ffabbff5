"""A user's own rule that is wrong is refused in one line, before anything is trained for it."""

import sys

import pytest

from experiments.cli import main as cli

RULES = """
import agents
import jax.numpy as jnp
import rrplan


def rule(extra, candidates=None):
    def apply(params, keys, carry, seen):
        return rrplan.Control(extra(seen), jnp.full_like(seen.simulations, 9), carry)

    policy = rrplan.MetaPolicy(lambda size: (), apply)
    build = candidates or (lambda planner, budgets: [agents.Candidate("one", policy, 0)])
    return agents.Rule(name="mine", help="a rule", candidates=build)


def fails(planner, budgets):
    raise KeyError("boom")


FLOATS = rule(lambda seen: seen.raw_value)
COLUMN = rule(lambda seen: seen.simulations[:, None])
FAILS = rule(None, fails)
NOTHING = rule(None, lambda planner, budgets: None)
STRINGS = rule(None, lambda planner, budgets: ["one"])
NUMBER = 3
"""

WRONG = {
    "FLOATS": "agent mine, candidate mine-one: meta_policy.apply returns a Control whose "
    "extra_simulations is float32[11]: expected int32[11], a whole number for each lane",
    "COLUMN": "agent mine, candidate mine-one: meta_policy.apply returns a Control whose "
    "extra_simulations is int32[11,1]",
    "FAILS": "agent mine: candidates(planner, (0, 4)) raises KeyError: 'boom'",
    "NOTHING": "agent mine: candidates(planner, (0, 4)) raises TypeError",
    "STRINGS": "agent mine has a candidate that is a str: expected agents.Candidate(name,",
    "NUMBER": "agent 'own_rules:NUMBER' is a int: expected an agents.Rule or agents.Learned",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder in which the user works: it holds the rules."""
    place = tmp_path_factory.mktemp("user")
    (place / "own_rules.py").write_text(RULES)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(sys, "path", list(sys.path))
        yield place
    sys.modules.pop("own_rules", None)


@pytest.mark.parametrize(("name", "words"), WRONG.items())
def test_a_wrong_rule_is_refused_in_one_line(folder, capsys, name, words):
    arguments = ["run", "knapsack", "--env.num_items", "4", "--k", "0", "4", "--out", "run"]
    assert cli.main([*arguments, "--control.agents", f"own_rules:{name}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rrplan: error: {words}")
    assert not (folder / "run").exists()
