"""Names of other libraries' environments: what is found, and what a wrong one is told."""

import sys
import tomllib
from pathlib import Path

import pytest

import envs
from envs import registry
from envs.adapters import jumanji_adapter, libraries, pgx_adapter
from envs.adapters.extras import REQUIREMENTS
from rrplan.errors import InputError
from tests.envs.adapters import stand_ins

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.fixture
def stood_in(monkeypatch):
    """Stand-ins in place of both packages."""
    for name in libraries.LIBRARIES:
        monkeypatch.setitem(sys.modules, name, getattr(stand_ins, name)())
    yield
    jumanji_adapter._build.cache_clear()
    pgx_adapter.build.cache_clear()


def test_a_name_without_its_version_is_the_latest(stood_in):
    assert envs.make("jumanji:Walk")[0].name == "jumanji:Walk-v10"
    assert envs.make("jumanji:Walk-v2")[0].name == "jumanji:Walk-v2"
    assert envs.make("pgx:doubling")[0].name == "pgx:doubling"


def test_options_reach_the_constructor_and_the_parameters(stood_in):
    env, params = envs.make("jumanji:Walk", time_limit=9, max_steps_in_episode=3)
    assert (env.game.time_limit, params.max_steps_in_episode) == (9, 3)
    described = envs.adapt(env).describe()
    assert described == {"name": "jumanji:Walk-v10", "title": "'jumanji:Walk-v10'"} | {
        "options": "(('time_limit', 9),)"
    }


def test_equal_options_give_one_object_so_that_programs_are_shared(stood_in):
    first, again, other = (envs.make("jumanji:Walk", start=start)[0] for start in (1, 1, 2))
    assert first is again
    assert first != other
    assert envs.make("pgx:doubling")[0] is envs.make("pgx:doubling")[0]


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("jumanji:Wlak", {}, "unknown environment 'jumanji:Wlak': did you mean 'jumanji:Walk'?"),
        (
            "pgx:doublin",
            {},
            "unknown environment 'pgx:doublin': did you mean 'pgx:doubling'?",
        ),
        (
            "jumanji:Walk",
            {"time_limt": 3},
            "unknown option of jumanji:Walk 'time_limt': did you mean 'time_limit'?",
        ),
        (
            "jumanji:Faces",
            {"sizes": (40, 40)},
            "environment 'jumanji:Faces': it has 1,600 actions, 40 x 40: expected at most 1,024, "
            "because a search gives each its place",
        ),
        (
            "pgx:for_two",
            {},
            "environment 'pgx:for_two': it is a game of 2 players: expected one of one player, "
            "such as 'pgx:2048'",
        ),
    ],
)
def test_what_is_wrong_takes_one_line(stood_in, name, options, line):
    with pytest.raises(InputError) as caught:
        envs.make(name, **options)
    assert str(caught.value) == line


@pytest.mark.parametrize("package", libraries.LIBRARIES)
def test_a_missing_package_is_told_with_what_installs_it(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError) as caught:
        envs.make(f"{package}:Anything")
    assert str(caught.value) == (
        f"environment '{package}:Anything': it needs the package {package}, which is not "
        f"installed: pip install '{REQUIREMENTS[package]}'"
    )


def test_only_what_is_installed_is_listed(monkeypatch):
    monkeypatch.setattr(libraries, "is_installed", lambda package: package == "pgx")
    adapted = [name for name in envs.names() if ":" in name]
    assert adapted == ["pgx:2048"]
    assert registry._describe("pgx:2048")[1:] == (4, "4 x 4 x 31", "legal-action mask")


def test_the_extras_are_declared_as_they_are_told():
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    assert {name: extras[name] for name in REQUIREMENTS} == {
        name: [line] for name, line in REQUIREMENTS.items()
    }


def test_they_are_no_metareasoning_problems_and_nothing_is_imported_to_know():
    assert not envs.is_metareasoning("jumanji:Nothing")
    assert not envs.is_metareasoning("pgx:nothing")


# With the packages themselves


QUICK = {"jumanji:Maze-v0"}  # the others take long to compile


def if_installed(name):
    missing = name not in libraries.installed()
    reason = f"{libraries.prefix_of(name)} is not installed"
    marks = [pytest.mark.skipif(missing, reason=reason)]
    return pytest.param(name, marks=marks if name in QUICK else [*marks, pytest.mark.slow])


@pytest.mark.parametrize("name", list(map(if_installed, libraries.CHECKED)))
def test_nothing_is_wrong_with_what_is_claimed(name):
    env, params = envs.make(name)
    report = envs.check(env, params, steps=256)
    assert report.ok, str(report)
    known = libraries.CHECKED[name]
    shape = env.observation_space(params).shape
    assert (env.num_actions, shape) == known[:2]
    assert known.masked == (not any("no invalid_actions" in note for note in report.notes))
