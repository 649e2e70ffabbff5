"""Comparing runs: who is ranked, in which order, and what is refused in one line."""

import json

import pytest

from experiments import runs
from experiments.cli import main as cli
from experiments.report import compare
from rrplan import InputError
from tests.experiments import made_up


@pytest.fixture
def keep(tmp_path):
    """Return what keeps results in a directory of their own."""

    def write(name, results):
        runs.write_json(tmp_path / name / "results.json", results)
        return tmp_path / name

    return write


def names(group):
    return [(entry["run"], entry["agent"], entry["k"]) for entry in group["ranking"]]


def test_agents_are_ranked_by_timed_return_with_the_best_fixed_k_alone():
    least, dear = compare.rank({"a": made_up.results()})
    assert (least["price"], dear["price"]) == made_up.PRICES
    # 0.9485 - 0.0023, 0.9473, 0.942, 0.9467 - 0.0144, 0.934
    assert [agent for _, agent, _ in names(least)] == [
        *("stopper", "stopper-priced", "entropy", "random", "fixed", "oracle"),
    ]
    for group, k in ((least, 8), (dear, 2)):
        assert [e["k"] for e in group["ranking"] if e["best_fixed"]] == [k]
        *ranked, oracle = group["ranking"]
        means = [entry["timed"]["mean"] for entry in ranked]
        assert means == sorted(means, reverse=True)
        assert [entry["rank"] for entry in ranked] == list(range(1, len(means) + 1))
        # It earns most, but on other episodes than the others.
        assert (oracle["agent"], oracle["episodes"], oracle["rank"]) == ("oracle", 128, None)
        assert oracle["timed"]["mean"] > max(means)
        assert all(len(entry["timed"]["ci95"]) == 2 for entry in group["ranking"])


def test_runs_meet_in_one_ranking_at_the_prices_that_each_has(keep):
    first = keep("first", made_up.results(agents=()))
    second = keep("second", made_up.results(("stopper",), prices=(3e-4, 1e-3)))
    groups = compare.rank(compare.load([first, second]))
    assert [group["price"] for group in groups] == [3e-4, 1e-3, 2e-3]
    shared, only_second, only_first = map(names, groups)
    assert shared[0] == ("second", "stopper", None)
    assert {run for run, _, _ in shared} == {"first", "second"}
    assert {run for run, _, _ in only_second} == {"second"}
    assert {run for run, _, _ in only_first} == {"first"}


def test_an_oracle_of_all_episodes_has_a_rank():
    results = made_up.results()
    for entry in results["agents"]:
        entry["episodes"] = 1024
    first, *_ = compare.rank({"a": results})[0]["ranking"]
    assert (first["agent"], first["rank"]) == ("oracle", 1)


def test_results_without_a_best_k_are_ranked_without_a_fixed_one():
    results = made_up.results(agents=())
    del results["best_fixed"]
    assert [name[1] for name in names(compare.rank({"a": results})[0])] == ["random"]


def test_runs_of_one_name_are_told_apart_by_their_parents(keep):
    paths = [keep(f"{parent}/run", made_up.results(agents=())) for parent in ("a", "b")]
    assert list(compare.load(paths)) == ["a/run", "b/run"]


def test_runs_of_several_environments_are_refused(keep):
    other = made_up.results(agents=())
    other["config"]["env_kwargs"] = {"num_items": 20}
    paths = [keep("ten", made_up.results(agents=())), keep("twenty", other)]
    with pytest.raises(InputError, match=r"a run of knapsack num_items=20, .* of knapsack:"):
        compare.load(paths)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "missing DIR: see rrplan compare --help"),
        (["nowhere"], "nowhere holds no results: results.json is missing"),
        (["run", "./run"], "run is given more than once"),
    ],
)
def test_what_is_wrong_takes_one_line(capsys, keep, monkeypatch, arguments, message):
    monkeypatch.chdir(keep("run", made_up.results(agents=())).parent)
    assert cli.main(["compare", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == f"rrplan: error: {message}\n"


def test_damaged_results_take_one_line(capsys, keep):
    path = keep("run", made_up.results(agents=()))
    (path / "results.json").write_text("{")
    assert cli.main(["compare", str(path)]) == 2
    assert "is damaged" in capsys.readouterr().err


def test_the_ranking_is_printed_or_given_as_json(capsys, keep):
    path = str(keep("run", made_up.results()))
    assert cli.main(["compare", path]) == 0
    printed = capsys.readouterr().out
    assert "c = 0.0003" in printed
    assert "fixed k = 8*" in printed
    words = " ".join(printed.split())
    assert "- oracle first 128 0.957" in words
    assert "Without a rank: on the first episodes only" in words
    assert "run" not in printed.split()  # a column for runs is for several
    assert cli.main(["compare", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == compare.rank({"run": made_up.results()})


def test_who_is_replaced_by_a_fixed_k_is_marked(capsys, keep):
    results = made_up.results(("stopper",))
    results["agents"][-1]["replaced"] = {"k": 8, "seeds": [0]}
    assert cli.main(["compare", str(keep("run", results))]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "stopper†" in printed
    assert "† The best fixed k stands in: see the run's own table." in printed
