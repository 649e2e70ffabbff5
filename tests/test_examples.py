"""The examples run, and say what they promise."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "your-own.md").read_text()


def run(name: str, capsys) -> list[str]:
    runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out.splitlines()


def test_drop_in_for_mctx(capsys):
    lines = run("drop_in_for_mctx", capsys)
    assert lines == [
        "lanes with equal visits: 16 of 16",
        "simulations of each lane: 0 8 16 24 0 8 16 24 0 8 16 24 0 8 16 24",
        "lanes with 8 simulations that agree with mctx: 4 of 4",
    ]


def test_own_environment(capsys):
    lines = run("own_environment", capsys)
    assert lines[0] == "Treats: keeps the contract"
    for line, k in zip(lines[-2:], (0, 32), strict=True):
        assert line.startswith(f"return with k = {k}: ")
        assert 1.5 < float(line.split()[-1]) < 3.5


def test_ranges():
    find_range = runpy.run_path(str(ROOT / "examples" / "ranges.py"))["find_range"]
    found = {name: find_range(name, 256, 16) for name in ("traps", "sliding_tiles", "sokoban")}
    assert abs(found["traps"]["random"]) < 4 * found["traps"]["error"]  # 0 on average over trees
    assert found["traps"]["best"] == 1.0
    # Distances are uniform on 1 to 16, and a puzzle at distance d returns -(d - 1) / 32.
    assert abs(found["sliding_tiles"]["best"] + 7.5 / 32) < 0.04
    assert found["sliding_tiles"]["random"] < -0.8
    moves = (12.0 - found["sokoban"]["best"]) / 0.01
    assert 5 < moves < 12


@pytest.mark.parametrize("name", ["own_environment", "own_meta_policy"])
def test_the_page_shows_the_same_code(name):
    code = (ROOT / "examples" / f"{name}.py").read_text().split('"""\n\n', 1)[1]
    assert code.split("\n\n\nif __name__")[0] in PAGE


@pytest.mark.parametrize("name", ["first_steps", "own_meta_policy"])
def test_notebooks_run_as_scripts(name, capsys):
    lines = run(f"notebooks/{name}", capsys)
    if name == "first_steps":
        untimed = [float(line.split("untimed ")[1].split(",")[0]) for line in lines[:3]]
        timed = [float(line.split("timed ")[-1]) for line in lines[:3]]
        assert untimed[2] > untimed[0]  # k = 32 and k = 0
        assert timed[0] == untimed[0]
        assert untimed[2] - timed[2] > untimed[1] - timed[1] > 0
        assert lines[3].startswith("k = 32 earns 0.0")
    else:
        assert lines[0].startswith("chosen: share0")
        assert 0.8 < float(lines[1].split()[-1]) < 1.0
