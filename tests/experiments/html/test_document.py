"""The page: whole, safe whatever names hold, and one clear line where it cannot be made."""

import base64
import dataclasses
import hashlib
import json
import re

import pytest

from experiments import runs
from experiments.cli import main as cli
from experiments.html import depth, document
from experiments.html import page as pages
from experiments.studies.planning_depth import study
from rrplan import InputError
from tests.experiments import made_up
from tests.experiments.html.pages import Page

HOSTILE = "</script><script>alert('1')</script><img src=x onerror=\"alert(2)\">&amp;\u2028 ${1} $x"


@pytest.fixture(scope="module")
def library():
    """The library's real script, made once."""
    return pages._bundle()


@pytest.fixture
def quick(monkeypatch, library):
    monkeypatch.setattr(pages, "_bundle", lambda: library)


@pytest.mark.usefixtures("quick")
def test_the_page_holds_all_that_it_needs(finished):
    path = document.write_report([finished])
    assert path == finished / "report.html"
    assert path.stat().st_size < 3_000_000
    page = Page(path.read_text())
    assert page.data == json.loads(
        json.dumps(depth.collect([finished]) | {"figures": page.data["figures"]})
    )
    assert set(page.data["figures"]) == {"untimed", "timed", "front", "thinking", "story"}
    asked = [
        (tag, name)
        for tag, name, value in page.attributes
        if name in ("src", "href", "srcset", "action", "data") and not value.startswith("#")
    ]
    assert asked == []
    assert not {"link", "img", "iframe", "object", "base"} & set(page.tags)
    results = runs.load_results(finished)
    assert page.data["runs"][0]["best_fixed"] == results["best_fixed"]
    assert {row["agent"] for row in page.data["rows"]} == {e["agent"] for e in results["agents"]}


@pytest.mark.usefixtures("quick")
def test_only_the_pages_own_scripts_may_run(finished):
    page = Page(document.write_report([finished]).read_text())
    (policy,) = (v for tag, _, v in page.attributes if tag == "meta" and "default-src" in str(v))
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    _, *run = page.scripts
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run]
    assert re.findall(r"'sha256-([^']+)'", policy) == digests
    assert len(digests) == 2


@pytest.mark.usefixtures("quick")
def test_names_of_any_kind_do_no_harm(finished):
    config = runs.read_json(finished / "config.json", missing="")
    results = runs.load_results(finished)
    long = HOSTILE + "e" * 2_000
    for holder in (config["config"], results["config"]):
        holder["env_kwargs"] = {long: HOSTILE}
        holder["return_label"] = HOSTILE
    results["warnings"] = [HOSTILE]
    runs.write_json(finished / "config.json", config)
    runs.write_json(finished / "results.json", results)
    hostile = Page(document.write_report([finished]).read_text())
    assert hostile.tags.count("script") == 3
    assert "img" not in hostile.tags
    assert hostile.data["runs"][0]["label"] == HOSTILE
    assert hostile.data["runs"][0]["warnings"] == [HOSTILE]
    assert long in hostile.data["runs"][0]["options"]


@pytest.mark.usefixtures("quick")
def test_runs_on_the_same_episodes_are_paired_and_others_are_not(
    tmp_path, config, fake_work, monkeypatch
):
    others = {
        "same": dataclasses.replace(config, bill="simulations"),
        "longer": dataclasses.replace(config, sweep=dataclasses.replace(config.sweep, episodes=96)),
        "seed": dataclasses.replace(config, seed=5),
    }
    directories = [tmp_path / "first", *(tmp_path / name for name in others)]
    for directory, one in zip(directories, (config, *others.values()), strict=True):
        study.run_study(one, directory)
    monkeypatch.chdir(tmp_path)
    path = document.write_report(directories)
    assert str(path) == "report.html"
    data = Page(path.read_text()).data
    assert [run["name"] for run in data["runs"]] == ["first", "same", "longer", "seed"]
    run_of = [row["run"] for row in data["rows"]]
    grouped = [(g["episodes"], {run_of[place] for place in g["rows"]}) for g in data["groups"]]
    assert grouped == [(64, {0, 1, 2}), (96, {2}), (64, {3})]
    for group in data["groups"]:
        size = 2 * len(group["rows"])
        assert {len(c) for c in group["covariances"].values()} == {size * (size + 1) // 2}


def test_without_its_packages_there_is_one_line_and_the_run_ends_well(
    finished, monkeypatch, capsys
):
    monkeypatch.setattr(document, "NEEDED", {"no_such_module": "altair"})
    with pytest.raises(InputError, match=r"a report needs altair: pip install altair vl-convert"):
        document.write_report([finished])
    from experiments.cli import reporting

    monkeypatch.setattr(reporting, "find_missing", document.find_missing)
    reporting.at_the_end(finished)
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert "pip install altair vl-convert-python" in output.err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: (d / "episodes.parquet").unlink(), "episodes.parquet cannot be read"),
        (lambda d: (d / "results.json").unlink(), "holds no results"),
        (lambda d: (d / "config.json").unlink(), "holds no run"),
    ],
)
def test_what_is_missing_is_told_in_one_line(finished, capsys, change, message):
    change(finished)
    assert cli.main(["report", str(finished)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_runs_of_two_studies_are_not_compared(finished, tmp_path):
    other = tmp_path / "other"
    runs.write_json(other / "results.json", {**made_up.results(), "study": "metareasoning"})
    line = r"other is a study of metareasoning, .* of planning depth: only runs of one study can be"
    with pytest.raises(InputError, match=line):
        document.write_report([finished, other])


def test_a_directory_must_be_given(capsys):
    assert cli.main(["report"]) == 2
    assert "missing DIR: see rrplan report --help" in capsys.readouterr().err
