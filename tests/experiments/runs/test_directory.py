"""The run directory: who is let in, and what a kill leaves."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from experiments import runs
from experiments.runs import directory
from rrplan import InputError


def enter(path, config, resume=False):
    with runs.open_run(path, config, resume=resume) as run:
        return run


def test_a_new_run_records_its_configuration_and_versions(tmp_path, config):
    run = enter(tmp_path / "a" / "b", config)
    loaded = runs.load_run(run.path)
    assert loaded == run
    assert loaded.config == config
    assert {"python", "jax", "flax", "mctx", "gymnax", "platform", "device"} <= set(run.versions)


def test_a_run_is_not_begun_twice(tmp_path, config):
    enter(tmp_path, config)
    with pytest.raises(InputError, match="holds this run already: continue it with --resume"):
        enter(tmp_path, config)
    assert enter(tmp_path, config, resume=True).config == config


@pytest.mark.parametrize("resume", [False, True])
def test_another_run_is_refused_and_the_difference_named(tmp_path, config, resume):
    enter(tmp_path, config)
    other = dataclasses.replace(config, sweep=dataclasses.replace(config.sweep, episodes=99))
    with pytest.raises(InputError, match=r"another run \(sweep.episodes is 64 there, 99 here\)"):
        enter(tmp_path, other, resume)


def test_a_difference_in_the_environment_is_named(tmp_path, config):
    enter(tmp_path, config)
    other = dataclasses.replace(config, env_kwargs={"num_items": 5})
    with pytest.raises(InputError, match=r"env_kwargs\.num_items is set in one of the two only"):
        enter(tmp_path, other)


@pytest.mark.parametrize("resume", [False, True])
def test_a_directory_with_other_things_is_refused(tmp_path, config, resume):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="is not empty and holds no run"):
        enter(tmp_path, config, resume)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_refused(tmp_path, config):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(InputError, match="is a file, not a directory"):
            enter(path, config)


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_killed_before_its_first_file_can_be_begun(tmp_path, config, resume):
    (tmp_path / ".lock").write_text("")
    (tmp_path / ".config.json.tmp").write_text('{"conf')
    assert enter(tmp_path, config, resume).config == config


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"config": {}}', '{"config": {"x": 1}, "versions": {}}']
)
def test_a_damaged_configuration_is_told_in_one_line(tmp_path, config, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json") as error:
        enter(tmp_path, config, resume=True)
    assert "\n" not in str(error.value)


def test_two_processes_do_not_write_one_run(tmp_path, config):
    with (
        runs.open_run(tmp_path, config, resume=False),
        pytest.raises(InputError, match="is being written by another process"),
    ):
        enter(tmp_path, config, resume=True)
    enter(tmp_path, config, resume=True)


def test_a_killed_process_leaves_no_lock(tmp_path):
    script = (
        "import fcntl, os, signal, sys\n"
        "file = open(sys.argv[1], 'w')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / ".lock")], check=False)
    assert killed.returncode == -9
    with directory.locked(tmp_path):
        pass


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "results.json"
    runs.write_json(path, {"a": 1})

    def fail(file):
        file.write(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        runs.write_atomically(path, fail)
    assert json.loads(path.read_text()) == {"a": 1}


def test_nan_is_not_written_as_json(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        runs.write_json(tmp_path / "x.json", {"a": float("nan")})


def test_arrays_come_back_and_damage_is_noticed(tmp_path):
    path = tmp_path / "arrays.npz"
    assert runs.load_arrays(path) is None
    arrays = {"returns": np.random.default_rng(0).normal(size=100).astype(np.float32)}
    runs.save_arrays(path, arrays)
    np.testing.assert_array_equal(runs.load_arrays(path)["returns"], arrays["returns"])
    intact = path.read_bytes()
    for place in range(0, len(intact), 7):
        damaged = bytearray(intact)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        loaded = runs.load_arrays(path)
        # A flipped byte in a time stamp harms nothing; elsewhere it must be noticed.
        if loaded is not None and "returns" in loaded:
            np.testing.assert_array_equal(loaded["returns"], arrays["returns"])
    for length in (0, 10, len(intact) - 1):
        path.write_bytes(intact[:length])
        assert runs.load_arrays(path) is None


def test_results_that_are_none_are_told(tmp_path):
    with pytest.raises(InputError, match="holds no results"):
        runs.load_results(tmp_path)
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(InputError, match="is damaged"):
        runs.load_results(tmp_path)
