"""What fails on the disk is told in one line, and the run can be gone on with."""

import builtins
import errno
import os
from collections import namedtuple

import jax
import jax.numpy as jnp
import pytest

from agents.training import checkpoints
from experiments import runs
from experiments.cli import main as cli
from experiments.studies.planning_depth import searched

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def no_searches(monkeypatch):
    """Rules that search by themselves need a real environment."""
    monkeypatch.setattr(searched, "find_all", lambda *arguments: {})


@pytest.mark.usefixtures("no_searches")
def test_a_full_disk_takes_one_line_and_the_run_goes_on(capsys, tmp_path, fake_work, monkeypatch):
    few = ["--sweep.episodes", "64", "--sweep.validation-episodes", "64", "--no-report"]
    arguments = ["run", "knapsack", *few, "--out", str(tmp_path / "run"), "--k", "0", "8"]
    saved = []

    def save_arrays(path, arrays, save=runs.save_arrays):
        if len(saved) == 3:
            raise FULL
        saved.append(path.name)
        save(path, arrays)

    with monkeypatch.context() as patch:
        patch.setattr(runs, "save_arrays", save_arrays)
        assert cli.main(arguments) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    resume = f"rrplan {' '.join(arguments)} --resume"
    assert last == f"rrplan: error: No space left on device; go on with: {resume}"
    before = len(fake_work.evaluated)
    assert cli.main([*arguments, "--resume"]) == 0
    # What was saved is not done again.
    every = {entry[3] for entry in fake_work.evaluated}
    assert len(fake_work.evaluated) > before
    again = [entry for entry in fake_work.evaluated[before:] if entry in fake_work.evaluated[:3]]
    assert not again
    assert every >= {"fixed-0", "fixed-8"}


def test_a_folder_that_cannot_be_written_takes_one_line(capsys, tmp_path, fake_work, monkeypatch):
    def refuse(file, mode="r", *rest, open=open, **options):
        if "w" in mode and str(file).startswith(str(tmp_path)):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
        return open(file, mode, *rest, **options)

    monkeypatch.setattr(builtins, "open", refuse)
    assert cli.main(["run", "knapsack", "--out", str(tmp_path), "--k", "0"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"rrplan: error: cannot write to {tmp_path}: Permission denied"


def test_memory_that_is_used_up_takes_one_line(capsys, monkeypatch):
    def take(arguments):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")

    monkeypatch.setattr(cli, "COMMANDS", {"take": take})
    assert cli.main(["take"]) == 2
    assert capsys.readouterr().err.startswith("rrplan: error: there is not enough memory")


def test_a_disk_without_room_for_a_checkpoint_is_full(tmp_path, monkeypatch):
    tree = {"weight": jnp.zeros(1000)}
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda path: usage(8000))
    with pytest.raises(OSError, match="No space left on device"):
        checkpoints.save(tmp_path, 1, tree, tree, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        FULL,
        ValueError("RESOURCE_EXHAUSTED: writing: No space left on device [OS error 28: ENOSPC]"),
    ],
)
def test_a_checkpoint_that_does_not_fit_leaves_those_before(tmp_path, monkeypatch, error):
    tree = {"weight": jnp.arange(3.0)}
    checkpoints.save(tmp_path, 1, tree, tree, {"of": "one"})

    def write(directory, **trees):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_write", write)
        with pytest.raises(OSError, match="No space left on device"):
            checkpoints.save(tmp_path, 2, tree, tree, {"of": "one"})
    assert [path.name for path in tmp_path.iterdir()] == ["00000001"]
    found = checkpoints.load_params(tmp_path, tree)
    assert found["weight"].tolist() == [0.0, 1.0, 2.0]
