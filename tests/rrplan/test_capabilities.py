"""Optional capabilities: found where they are offered, refused in one line where they are not."""

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest

from rrplan import capabilities
from rrplan.capabilities import CAPABILITIES, Greedy, name_of, offers, require, return_scale_of
from rrplan.errors import InputError

ROOT = Path(__file__).parents[2]
PACKAGES = ("rrplan", "envs", "agents", "experiments")
MEMBERS = {member for member, _ in CAPABILITIES.values()}


class Nothing:
    """Offers nothing."""


def with_member(member):
    return SimpleNamespace(**{member: lambda *_: None})


class Around:
    """Could do everything, and offers what the thing inside does."""

    def __init__(self, inside):
        self.inside = inside
        for member in MEMBERS:
            setattr(self, member, lambda *_: None)

    def offers(self, capability):
        return offers(self.inside, capability)


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_what_is_offered_is_found(capability):
    member, _ = CAPABILITIES[capability]
    thing = with_member(member)
    assert offers(thing, capability)
    assert require(thing, capability) is thing
    assert offers(Around(thing), capability)


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_what_is_not_offered_is_refused_in_one_line(capability):
    member, meaning = CAPABILITIES[capability]
    for thing in (Nothing(), Around(Nothing())):
        assert not offers(thing, capability)
        with pytest.raises(InputError) as caught:
            require(thing, capability)
        line = f"{type(thing).__name__} has no {member}: expected one, {meaning}"
        assert str(caught.value) == line


def test_a_refusal_calls_an_environment_by_its_name():
    with pytest.raises(InputError, match=r"^lake has no greedy_action: "):
        require(SimpleNamespace(name="lake"), Greedy)
    assert name_of(Nothing()) == "Nothing"


def test_returns_are_about_1_where_a_network_does_not_say():
    assert return_scale_of(SimpleNamespace(return_scale=100)) == 100.0
    assert return_scale_of(lambda params, observation: None) == 1.0


def test_every_capability_has_one_member_and_a_line_in_the_documentation():
    page = (ROOT / "docs" / "environments.md").read_text()
    for capability, (member, _) in CAPABILITIES.items():
        own = [name for name in vars(capability) if not name.startswith("_")]
        assert own == [member]
        (line,) = (line for line in page.splitlines() if f"| `{capability.__name__}` |" in line)
        assert f"`{member}" in line


def nodes():
    """Return every node of the four packages' code, with its file."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            place = str(path.relative_to(ROOT))
            for node in ast.walk(ast.parse(path.read_text())):
                yield place, node


def last_name(node):
    """Return ``c`` of ``a.b.c``, or None of something else."""
    return getattr(node, "attr", getattr(node, "id", None))


def test_nobody_asks_environments_or_networks_by_the_names_of_attributes():
    wrong = []
    for place, node in nodes():
        if isinstance(node, ast.Call) and last_name(node.func) in ("hasattr", "getattr"):
            thing, name = node.args[:2]
            asked = name.value if isinstance(name, ast.Constant) else None
            if asked in MEMBERS or (asked and last_name(thing) in ("environment", "network")):
                wrong.append(f"{place}:{node.lineno}")
    assert wrong == []


def test_nobody_reaches_through_to_the_environment_inside():
    wrong = [
        f"{place}:{node.lineno}"
        for place, node in nodes()
        if isinstance(node, ast.Attribute)
        and node.attr == "env"
        and last_name(node.value) in ("environment", "adapter")
        and not place.startswith("envs/adapters/")
    ]
    assert wrong == []


def test_the_list_is_complete():
    protocols = {
        thing
        for thing in vars(capabilities).values()
        if isinstance(thing, type) and thing.__module__ == capabilities.__name__
    }
    assert protocols == {*CAPABILITIES, capabilities.Wrapping}
