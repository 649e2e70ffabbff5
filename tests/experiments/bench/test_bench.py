"""Benchmarks: that they compare the same work, count it rightly and keep what they found.

Nothing here asserts a time: sizes are tiny, and the machine is shared.
"""

import dataclasses
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents.networks import NetworkConfig
from agents.training import checkpoints
from experiments import evaluation, runs
from experiments.bench import (
    figures,
    lanes,
    lockstep,
    problem,
    report,
    scaling,
    search,
    study,
    tables,
    workloads,
)
from experiments.bench.timing import Rounds, measure
from experiments.cli import main as cli
from experiments.runs.codec import to_dict
from experiments.studies.planning_depth.config import StudyConfig, SweepConfig
from rrplan import InputError
from tests.rrplan import tabular

ONCE = Rounds(repeats=1, seconds=0.0, sample=0.0)
TINY = ["--lanes", "8", "--simulations", "4", "--no-breakout"]
TINY += ["--repeats", "1", "--seconds", "0", "--sample", "0"]


def fails(capsys, *arguments):
    """Run a command that must fail; return its one line of error."""
    assert cli.main(["bench", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = (line for line in output.err.splitlines() if line.startswith("rrplan: error"))
    return line.removeprefix("rrplan: error: ")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A directory with the result of one tiny cell of ``search``."""
    directory = tmp_path_factory.mktemp("bench")
    assert cli.main(["bench", "search", *TINY, "--out", str(directory)]) == 0
    return directory


@pytest.fixture(scope="module")
def reference():
    return problem.reference()


# The reference problem


def test_reference_problem_pays_what_fits_and_ends_at_what_does_not(reference):
    """Environment, recurrent_fn and a few lines of numpy agree, step by step."""
    states, observations = problem.first_states(reference, jax.random.key(0), 6)
    assert states.weights.shape == (6, 20)
    np.testing.assert_array_equal(states.capacity, 5.0)
    weights, values = np.asarray(states.weights), np.asarray(states.values)
    packed, capacity = np.zeros((6, 20), bool), np.full(6, 5.0, np.float32)
    step = jax.jit(problem.recurrent_fn(reference))
    environment_step = jax.jit(jax.vmap(reference.environment.step, (0, 0, 0, None)))
    params, keys = problem.planner_params(reference), jax.random.split(jax.random.key(9), 6)
    rng, rows, ends = np.random.default_rng(0), np.arange(6), 0
    for _ in range(18):
        actions = rng.integers(0, 20, 6)
        fits = (weights[rows, actions] <= capacity) & ~packed[rows, actions]
        capacity = np.where(fits, capacity - weights[rows, actions], capacity)
        packed[rows, actions] = True
        transition = environment_step(keys, states, jnp.asarray(actions), ())
        output, states = step(params, keys[0], jnp.asarray(actions), states)
        jax.tree.map(np.testing.assert_array_equal, transition.state, states)
        np.testing.assert_array_equal(states.packed, packed)
        np.testing.assert_array_equal(states.capacity, capacity)
        reward = np.where(fits, values[rows, actions], 0.0)
        np.testing.assert_array_equal(output.reward, reward)
        np.testing.assert_array_equal(transition.reward, reward)
        np.testing.assert_array_equal(output.discount, fits)
        np.testing.assert_array_equal(transition.terminated, ~fits)
        ends += int((~fits).sum())
        misfit = packed | (weights > capacity[:, None])
        lowest = np.finfo(np.float32).min
        np.testing.assert_array_equal(np.asarray(output.prior_logits) == lowest, misfit)
    assert 0 < ends < 6 * 18
    assert observations.shape == (6, 61)


def test_breakout_is_searched_from_different_states():
    breakout = problem.breakout()
    states, observations = jax.jit(lambda key: problem.first_states(breakout, key, 16))(
        jax.random.key(0)
    )
    assert len(np.unique(np.asarray(observations).reshape(16, -1), axis=0)) > 2
    assert not np.asarray(states.terminal).any()


def test_the_floor_does_every_step_and_evaluation():
    def step(params, key, action, state):
        del key
        zeros = jnp.zeros(action.shape)
        output = search.mctx.RecurrentFnOutput(
            reward=params * action,
            discount=zeros + 1,
            prior_logits=state[:, None] + zeros[0],
            value=state,
        )
        return output, state + 1

    root = search.mctx.RootFnOutput(
        prior_logits=jnp.zeros((2, 3)), value=jnp.zeros(2), embedding=jnp.zeros(2)
    )
    logits, values, rewards = search.walk(step, jnp.float32(10), jax.random.key(0), root, 4)
    np.testing.assert_array_equal(values, [6, 6])  # 0 + 1 + 2 + 3
    np.testing.assert_array_equal(logits[:, 0], [6, 6])
    np.testing.assert_array_equal(rewards, [30, 40])  # actions 0 1 2 0 and 1 2 0 1


# The search


def test_search_writes_what_it_measured(measured):
    data = json.loads((measured / "search.json").read_text())
    assert data["machine"]["device"]["count"] >= 1
    assert {"cpu", "cores", "memory_bytes", "os", "versions"} <= data["machine"].keys()
    assert {"start", "end"} == data["load"].keys()
    (cell,) = data["cells"]
    assert (cell["lanes"], cell["simulations"], cell["problem"]) == (8, 4, "reference")
    for name in ("rrplan", "mctx", "floor"):
        assert len(cell["seconds"][name]["raw"]) == 1
        expected = 1e6 * cell["seconds"][name]["raw"][0] / 32
        assert cell["us_per_simulation"][name]["median"] == pytest.approx(expected)
    assert cell["agreement"] == {"lanes": 8, "differing": 0, "largest": 0}
    assert (measured / "figures" / "search.png").stat().st_size > 0
    assert "| reference |     8 |" in (measured / "search.md").read_text()


def test_a_result_is_not_overwritten(capsys, measured):
    before = (measured / "search.json").read_bytes()
    message = fails(capsys, "search", *TINY, "--out", str(measured))
    assert message == (
        f"{measured / 'search.json'} exists already: choose another --out, or give --overwrite"
    )
    assert (measured / "search.json").read_bytes() == before


def test_figures_are_drawn_again_from_the_result(capsys, measured):
    drawn = measured / "figures" / "search.svg"
    first = drawn.read_bytes()
    drawn.unlink()
    assert cli.main(["bench", "draw", str(measured)]) == 0
    assert str(drawn) in capsys.readouterr().out
    assert drawn.read_bytes() == first


def test_nothing_is_reported_where_visit_counts_differ(capsys, tmp_path, monkeypatch):
    right = np.tile([3, 1], (8, 1))

    def fake(problem, root, simulations):
        ours = lambda key: (None, right[:, ::-1])  # noqa: E731
        theirs = lambda key: (None, right)  # noqa: E731
        return search.Programs(ours, theirs, floor=theirs), {}

    monkeypatch.setattr(search, "compile_programs", fake)
    assert fails(capsys, "search", *TINY, "--out", str(tmp_path)) == (
        "visit counts differ from mctx's in 8 of 8 lanes (reference, 8 lanes, 4 simulations):"
        " the two did not do the same work, so nothing is reported"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("differing", "lanes", "refused"), [(1, 64, 0), (2, 64, 1), (10, 1024, 0), (11, 1024, 1)]
)
def test_a_hundredth_of_the_lanes_may_differ_by_near_ties(differing, lanes, refused):
    ours = np.zeros((lanes, 2), int)
    theirs = ours.copy()
    theirs[:differing] = [1, -1]
    found = search.compare_visits(ours, theirs)
    assert found == {"lanes": lanes, "differing": differing, "largest": 1}
    if refused:
        with pytest.raises(InputError, match=f"in {differing} of {lanes} lanes"):
            search.refuse_difference("here", found)
    else:
        search.refuse_difference("here", found)


def test_long_cells_are_left_out_and_named(monkeypatch):
    seconds = {(64, 16): 1.0, (256, 16): 2.0, (64, 32): 4.0}

    def fake(problem, lanes, simulations, rounds):
        timing = {"median": 1.0, "min": 1.0, "max": 1.0}
        cell = {"problem": "reference", "lanes": lanes, "simulations": simulations}
        cell |= {"us_per_simulation": dict.fromkeys(("rrplan", "mctx", "floor"), timing)}
        cell |= {"mctx_over_rrplan": timing, "agreement": {"lanes": 1, "differing": 0}}
        return cell, seconds[lanes, simulations]

    monkeypatch.setattr(search, "_measure_cell", fake)
    options = search.SearchOptions(
        lanes=(64, 256), simulations=(16, 32), no_breakout=True, limit=10.0
    )
    results = search.run_search(options)
    assert [(c["lanes"], c["simulations"]) for c in results["cells"]] == list(seconds)
    (left_out,) = results["left_out"]
    assert (left_out["lanes"], left_out["simulations"]) == (256, 32)
    assert left_out["mctx_seconds_expected"] == 16.0  # four times that of 64 lanes


def test_estimates_come_from_fewer_lanes_first_then_from_fewer_simulations():
    known = {(64, 16): 1.0, (256, 16): 3.0}
    assert search.estimate({}, 64, 16) is None
    assert search.estimate(known, 1024, 16) == 12.0
    assert search.estimate(known, 64, 64) == 16.0


def test_contestants_take_turns_in_both_orders():
    calls = []
    contestants = {name: lambda number, name=name: calls.append((name, number)) for name in "ab"}
    timings = measure(
        contestants, Rounds(repeats=2, seconds=0.0, sample=1.0), warm={"a": 0.5, "b": 2.0}
    )
    assert calls == [("a", 1), ("a", 1), ("b", 1), ("b", 2), ("a", 2), ("a", 2)]
    assert (timings["a"]["calls"], timings["b"]["calls"]) == (2, 1)
    assert timings["a"]["min"] <= timings["a"]["median"] <= timings["a"]["max"]


# Workloads and lanes


def test_workloads_have_the_means_they_are_named_for():
    assert workloads.sparse(0.05, 128).mean == pytest.approx(6.4)
    assert workloads.steady_mean(8, 256).mean == pytest.approx(8.0)
    tail = workloads.heavy_tailed(128)
    assert tail.budgets == (1, 2, 4, 8, 16, 32, 64, 128)
    for place, budget in enumerate(tail.budgets):  # Pareto: P(k >= x) = 1/x
        assert sum(tail.shares[place:]) == pytest.approx(1 / budget)


def test_budgets_are_drawn_as_often_as_they_should():
    tail = workloads.heavy_tailed(8)
    keys = jax.random.split(jax.random.key(0), 20_000)
    drawn = np.asarray(workloads.draw_budgets(workloads.parameters(tail), keys))
    for budget, share in zip(tail.budgets, tail.shares, strict=True):
        sigma = (share * (1 - share) / len(drawn)) ** 0.5
        assert abs((drawn == budget).mean() - share) < 5 * sigma


def test_schedule_of_lanes_that_never_wait():
    assert workloads.schedule([2, 3, 1], num_lanes=2) == 4  # 2 + 1 beside 3, after the first tick
    assert workloads.schedule([2, 3, 1], num_lanes=1) == 7
    assert workloads.schedule([2, 3], num_lanes=8) == 4


def test_the_engine_never_waits_and_thinks_as_much_as_the_workload_says(reference):
    workload = workloads.sparse(0.5, 2)
    work = workloads.count_work(reference, workload, 8, 40)
    assert work.ticks == work.least_ticks
    assert work.lane_ticks == 8 * work.ticks
    assert work.useful_while_queued >= 0.95
    assert work.simulations % 2 == 0
    sigma = (work.decisions * 0.25) ** 0.5
    assert abs(work.simulations / 2 - work.decisions / 2) < 5 * sigma


def test_a_decision_in_lockstep_selects_each_lanes_option(reference):
    num_lanes, params = 8, problem.planner_params(reference)
    states, observations = problem.first_states(reference, jax.random.key(0), num_lanes)
    position = lanes.Position(states, observations)
    chosen = jnp.arange(num_lanes, dtype=jnp.int32) % 2

    def most_visited_is_last(params, key, root, step, budget, dirichlet_fraction):
        weights = jax.nn.one_hot(jnp.full(num_lanes, 19), 20)
        return search.mctx.PolicyOutput(action=None, action_weights=weights, search_tree=None)

    decision = lanes.decide(reference, most_visited_is_last, (0, 2))
    after, reward = decision(params, jax.random.key(1), position, chosen)
    root = problem.root(reference, states, observations)
    action = np.where(chosen == 1, 19, np.argmax(root.prior_logits, -1))
    rows = np.arange(num_lanes)
    np.testing.assert_array_equal(reward, np.asarray(states.values)[rows, action])
    assert np.asarray(after.states.packed)[rows, action].all()


def test_lanes_and_scaling_make_results_that_can_be_shown(tmp_path, monkeypatch, reference):
    """A smoke test: what is measured is replaced, what is made of it is real."""
    monkeypatch.setattr(problem, "reference", lambda: reference)
    count = workloads.Count(100, 300, 60, 60, 480, 0.9, 0.99)
    monkeypatch.setattr(workloads, "count_work", lambda *arguments: count)
    monkeypatch.setattr(workloads, "evaluate", lambda *arguments: None)
    monkeypatch.setattr(lanes.Lockstep, "player", lambda *arguments: lambda number: None)
    monkeypatch.setattr(
        scaling, "_search", lambda problem, n, k, rounds: cell | {"lanes": n, "largest": k}
    )
    timing = {"median": 2.0, "min": 1.0, "max": 3.0}
    cell = {"kind": "search", "mean": 4}
    cell |= {"us_per_tick_and_lane": timing, "us_per_decision": timing, "seconds": timing}
    options = {
        "lanes": lanes.LanesOptions(lanes=8, budgets=(4, 8), rounds=ONCE),
        "scaling": scaling.ScalingOptions(lanes=(4, 8), largest=(8, 16), at=8, rounds=ONCE),
    }
    results = {
        "lanes": lanes.run_lanes(options["lanes"]),
        "scaling": scaling.run_scaling(options["scaling"]),
    }
    assert [w["workload"] for w in results["lanes"]["workloads"]] == [
        "20% at 4", "5% at 4", "20% at 8", "5% at 8", "heavy tail",
    ]  # fmt: skip
    assert len(results["scaling"]["over_largest"]) == 4
    for name, measured in results.items():
        start = report.begin()
        data = report.write(tmp_path, name, report.config_of(options[name]), start, measured)
        assert report.load(tmp_path, name) == json.loads(json.dumps(data))
        assert "| ---" in tables.write(tmp_path, name, data)
        assert all(path.stat().st_size for path in figures.draw(tmp_path, name, data))


# A finished run


STUDY = StudyConfig(
    env="knapsack",
    env_kwargs={"num_items": 4},
    network=NetworkConfig("items", "tiny"),
    sweep=SweepConfig(budgets=(0, 3), episodes=16, validation_episodes=16, num_lanes=8),
)
TABULAR = tabular.TabularEnvironment()  # one object, so that compiled programs are shared


def make_run(path, config=STUDY, acting="completed_q"):
    """Make a run whose training took no time: each seed's network as it was at first."""
    network = evaluation.build_problem(config).network
    with runs.open_run(path, config, resume=False) as run:
        for seed in range(config.seeds):
            params = network.init(jax.random.key(seed))
            checkpoints.save(run.training(seed) / "checkpoints", 1, params, params, {})
        results = {"study": "planning depth", "config": to_dict(config)}
        runs.write_json(run.results, {**results, "acting": acting, "agents": []})
    return path


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "finished")


@pytest.fixture(scope="module")
def studied(tmp_path_factory, finished_run):
    """A directory with the result of ``study``."""
    directory = tmp_path_factory.mktemp("bench")
    arguments = ["--run", str(finished_run), "--episodes", "12", "--k", "3", "--lanes", "8"]
    arguments += ["64", "--repeats", "1", "--sample", "0", "--out", str(directory)]
    assert cli.main(["bench", "study", *arguments]) == 0
    return directory


def tabular_study(acting, num_lanes=8, episodes=20):
    """Two planners, exact for any batch, on an environment with ends, cuts and illegal actions."""
    sweep = dataclasses.replace(STUDY.sweep, budgets=(0, 6), num_lanes=num_lanes)
    config = dataclasses.replace(STUDY, sweep=sweep, seeds=2)
    table, other = (tabular.make_table(seed, 3) for seed in (3, 4))
    params = [table, table._replace(logits=other.logits, value=other.value)]
    exact = evaluation.StudyProblem(config, TABULAR, table, tabular.table_network)
    split = evaluation.Split("held-out", evaluation.Domain.HELD_OUT, episodes)
    return lockstep.Trained(exact, params, acting, split)


@pytest.mark.parametrize(("acting", "k"), [("visits", 0), ("visits", 6), ("completed_q", 6)])
def test_lockstep_plays_the_engines_episodes(acting, k):
    trained = tabular_study(acting)  # three batches, of which the last is half full
    ours, theirs = study.run_engine(trained, k), lockstep.compile_lockstep(trained, k)()
    assert theirs.length.shape == (2, 20)
    assert len(np.unique(theirs.length)) > 2
    assert (theirs.untimed_return[0] != theirs.untimed_return[1]).any()
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_lanes_do_not_matter_where_the_evaluation_is_exact():
    results = study.compare_lanes(tabular_study("completed_q"), 6, (1, 8))
    assert results["differing"] == [[0.0, 0.0], [0.0, 0.0]]
    assert [cell["lanes_used"] for cell in results["cells"]] == [1, 8]
    assert len({cell["untimed"]["mean"] for cell in results["cells"]}) == 1


def test_lanes_are_compared_whatever_depths_the_study_has():
    trained = tabular_study("completed_q")
    sweep = dataclasses.replace(trained.problem.config.sweep, depths=(1,), depth_budgets=(6,))
    config = dataclasses.replace(trained.problem.config, sweep=sweep)
    deep = trained._replace(problem=trained.problem._replace(config=config))
    assert study.compare_lanes(deep, 0, (8,)) == study.compare_lanes(trained, 0, (8,))


def test_an_episode_differs_if_anything_of_it_does():
    one = study.Outcome(np.zeros((2, 4), np.float32), np.zeros((2, 4), int), np.ones((2, 4), int))
    other = study.Outcome(*(np.array(values) for values in one))
    assert study.share_differing(one, other) == 0.0
    other.untimed_return[0, 1] = np.float32(1e-30)
    other.simulations[0, 1] = other.simulations[1, 2] = 3
    assert study.share_differing(one, other) == study.share_differing(other, one) == 2 / 8


def test_study_writes_what_it_measured(studied, finished_run):
    data = json.loads((studied / "study.json").read_text())
    assert data["config"]["run"] == str(finished_run)
    assert {"cpu", "cores", "versions"} <= data["machine"].keys()
    assert data["study"]["acting"] == "completed_q"
    assert data["study"]["lanes"] == 8
    cells, total = data["lockstep"]["cells"], data["lockstep"]["total"]
    assert [cell["k"] for cell in cells] == [0, 3]  # the run's own
    for name in ("engine", "lockstep"):
        assert all(len(cell["seconds"][name]["raw"]) == 1 for cell in cells)
        medians = [cell["seconds"][name]["median"] for cell in cells]
        assert total["seconds"][name] == pytest.approx(sum(medians))
    for cell in cells:
        means = [cell["untimed"][name]["mean"] for name in ("engine", "lockstep")]
        assert cell["difference"]["mean"] == pytest.approx(means[0] - means[1], abs=1e-6)
        assert 0.0 <= cell["differing"] <= 1.0
        assert (cell["differing"] == 0.0) == (cell["largest_difference"] == 0.0)
    compiling = total["compile_seconds"]
    assert compiling["lockstep"] == pytest.approx(sum(cell["compile_seconds"] for cell in cells))
    whole = {name: total["seconds"][name] + compiling[name] for name in compiling}
    assert total["lockstep_over_engine_with_compilation"] == pytest.approx(
        whole["lockstep"] / whole["engine"]
    )
    over = data["lanes"]
    assert [(cell["lanes"], cell["lanes_used"]) for cell in over["cells"]] == [(8, 8), (64, 12)]
    # At the study's own number of lanes they are the sweep's episodes.
    assert over["cells"][0]["untimed"] == cells[1]["untimed"]["engine"]
    matrix = np.array(over["differing"])
    assert matrix.shape == (2, 2)
    assert (matrix == matrix.T).all()
    assert not matrix.diagonal().any()


def test_study_runs_the_runs_own_held_out_episodes(studied, finished_run):
    config = runs.load_run(finished_run).config
    own = evaluation.build_problem(config)
    split = evaluation.Split("held-out", evaluation.Domain.HELD_OUT, 12)
    params = own.network.init(jax.random.key(0))
    agent = evaluation.fixed_agent("fixed", 3)
    episodes = evaluation.evaluate_agent(
        own, evaluation.TrainedSeed(params), agent, split, "completed_q"
    )
    cell = json.loads((studied / "study.json").read_text())["lockstep"]["cells"][1]
    mean = np.asarray(episodes.untimed_return, float).mean()
    assert cell["untimed"]["engine"]["mean"] == pytest.approx(mean)


def test_study_has_tables_and_no_figure(studied, capsys):
    written = (studied / "study.md").read_text()
    assert "| all |" in written
    assert "| lanes |" in written
    assert cli.main(["bench", "draw", str(studied)]) == 0
    assert capsys.readouterr().out == written
    assert not (studied / "figures").exists()


def test_study_needs_a_finished_run(capsys, tmp_path, finished_run):
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "config.json").write_bytes((finished_run / "config.json").read_bytes())
    arguments = ["study", "--run", str(tmp_path / "begun"), "--out", str(tmp_path / "out")]
    assert fails(capsys, *arguments) == (
        f"{tmp_path / 'begun'} has not finished: go on with it (rrplan run --resume)"
    )
    assert not (tmp_path / "out").exists()


# The command line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "",
            "expected a benchmark: search, lanes, scaling, study, thinker, time, chunk, sokoban,"
            " draw (rrplan bench --help)",
        ),
        ("serch", "unknown benchmark 'serch': did you mean 'search'?"),
        ("search --lanes 0", "lanes holds 0: expected numbers >= 1"),
        ("search --lanes 8 8", "lanes names a number twice: expected each once"),
        ("search --simulation 8", "unknown option '--simulation': did you mean '--simulations'?"),
        ("search --seconds -1", "seconds is -1.0: expected a finite number >= 0"),
        ("search --repeats 0", "repeats is 0: expected 1 to 15"),
        ("search --limit 0", "limit is 0.0: expected seconds > 0"),
        ("lanes --shares 2", "shares holds 2.0: expected numbers in (0, 1)"),
        ("scaling --mean 40", "largest holds 16: expected at least the mean, 40"),
        ("study", "missing --run: see rrplan bench study --help"),
        ("study --run nowhere", "nowhere holds no run: config.json is missing"),
        ("study --run nowhere --k -1", "k holds -1: expected numbers >= 0"),
        ("study --run nowhere --budgets 4 -1", "budgets holds -1: expected numbers >= 0"),
        ("study --run nowhere --lanes 0 64", "lanes holds 0: expected numbers >= 1"),
        ("study --run nowhere --episodes 1", "episodes holds 1: expected numbers >= 2"),
        ("draw nowhere", "nowhere holds no results of benchmarks"),
        ("search --out file", "file is a file, not a directory for results"),
    ],
)
def test_what_is_wrong_takes_one_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert fails(capsys, *arguments.split()) == message
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_damaged_result_takes_one_line(capsys, tmp_path):
    (tmp_path / "lanes.json").write_text('{"bench": "search"}')
    assert fails(capsys, "draw", str(tmp_path)) == (
        f"{tmp_path / 'lanes.json'} is damaged: it is not the result of `rrplan bench lanes`"
    )


def test_help_names_every_benchmark(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["bench", "--help"])
    assert not stop.value.code
    text = capsys.readouterr().out
    assert all(
        f"\n  {name} " in text
        for name in ("search", "lanes", "scaling", "study", "time", "chunk", "sokoban", "draw")
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (lambda: Rounds(sample=math.nan), "sample is nan: expected a finite number"),
        (lambda: Rounds(sample=math.inf), "sample is inf: expected a finite number"),
        (lambda: lanes.LanesOptions(shares=()), "shares is empty: expected numbers"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(options, message):
    with pytest.raises(rrplan.InputError, match=message):
        options()


def test_a_workload_needs_shares_that_add_up():
    with pytest.raises(rrplan.InputError, match="a share for each budget"):
        workloads.Workload("odd", (0, 4), (0.5, 0.6))
