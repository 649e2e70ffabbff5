"""Fitting: what is written, resuming bit for bit, damage, bad input."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.networks import PlannerNetwork
from agents.training import checkpoints
from agents.training.fit import fit, load_params, read_metrics
from rrplan.errors import InputError

KEY = jax.random.key(5)
REWARDS = jnp.array([[0.0, 1.0, 0.5], [0.0, 0.5, 1.0], [0.0, 0.0, 0.5]])


class Killed(Exception):  # noqa: N818 - not an error: it stands for a signal
    """Stands for a kill in the middle of training."""


def killer(chunk):
    def report(record):
        if record["chunk"] == chunk:
            raise Killed

    return report


def quiet(record):
    del record


def assert_equal_trees(left, right):
    assert jax.tree.structure(left) == jax.tree.structure(right)
    jax.tree.map(np.testing.assert_array_equal, left, right)


@pytest.fixture(scope="module")
def train(make_probe_train, probe_params):
    return make_probe_train(probe_params(rewards=REWARDS))


@pytest.fixture(scope="module")
def finished(train, tmp_path_factory):
    directory = tmp_path_factory.mktemp("finished")
    return directory, fit(train, KEY, directory, report=quiet)


@pytest.fixture
def copied(finished, tmp_path):
    directory = tmp_path / "run"
    shutil.copytree(finished[0], directory)
    return directory


def test_what_a_training_leaves_behind(train, finished):
    directory, params = finished
    records = read_metrics(directory)
    assert [record["chunk"] for record in records] == list(range(1, 41))
    evaluated = [record["chunk"] for record in records if "evaluation_return" in record]
    assert evaluated == [10, 20, 30, 40]
    assert records[-1]["evaluation_return"] == 2.5
    assert checkpoints.list_steps(directory / "checkpoints") == [30, 40]
    assert not list(directory.glob("**/.tmp-*"))
    assert_equal_trees(load_params(directory, params), params)


@pytest.mark.parametrize("chunk", [3, 10, 25])
def test_resuming_gives_the_same_result_bit_for_bit(train, finished, tmp_path, chunk):
    with pytest.raises(Killed):
        fit(train, KEY, tmp_path, report=killer(chunk))
    # What else a kill may leave: half a line, half a checkpoint.
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"chunk": 99, "lo')
    (tmp_path / "checkpoints" / ".tmp-00000099-1").mkdir(parents=True, exist_ok=True)
    params = fit(train, KEY, tmp_path, resume=True, report=quiet)
    assert_equal_trees(params, finished[1])

    def timeless(records):
        return [{k: v for k, v in record.items() if k != "seconds"} for record in records]

    assert timeless(read_metrics(tmp_path)) == timeless(read_metrics(finished[0]))
    assert not list(tmp_path.glob("**/.tmp-*"))


def test_resuming_a_finished_training_changes_nothing(train, finished, copied):
    before = (copied / "metrics.jsonl").read_text()
    assert_equal_trees(fit(train, KEY, copied, resume=True, report=quiet), finished[1])
    assert (copied / "metrics.jsonl").read_text() == before


def damage(checkpoint):
    largest = max(checkpoint.glob("state/**/*"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)


def test_one_damaged_checkpoint_falls_back_to_the_one_before(train, finished, copied):
    damage(copied / "checkpoints" / "00000040")
    with pytest.warns(UserWarning, match="00000040: damaged, .* has changed since"):
        params = fit(train, KEY, copied, resume=True, report=quiet)
    assert_equal_trees(params, finished[1])
    assert len(read_metrics(copied)) == 40


def test_nothing_but_damaged_checkpoints_is_refused_in_one_line(train, copied):
    damage(copied / "checkpoints" / "00000040")
    (copied / "checkpoints" / "00000030" / "manifest.json").write_text("{")
    with pytest.raises(InputError, match=r"no usable checkpoint: .*00000040: damaged") as caught:
        fit(train, KEY, copied, resume=True, report=quiet)
    assert "\n" not in str(caught.value)
    assert "00000030: damaged, its manifest cannot be read" in str(caught.value)


def test_another_network_is_refused(finished):
    template = PlannerNetwork("mlp", 32, 2, 3, (3,)).init(KEY)
    with pytest.raises(InputError, match="holds another network"):
        load_params(finished[0], template)


def test_an_empty_directory_has_no_planner(tmp_path, finished):
    with pytest.raises(InputError, match="no checkpoint in"):
        load_params(tmp_path, finished[1])


def test_a_directory_with_another_training_is_refused(train, finished):
    directory, _ = finished
    with pytest.raises(InputError, match="holds a training already: resume it"):
        fit(train, KEY, directory, report=quiet)
    with pytest.raises(InputError, match="holds another training: key differ"):
        fit(train, jax.random.key(6), directory, resume=True, report=quiet)


def test_nan_from_an_environment_stops_with_one_line(make_probe_train, probe_params, tmp_path):
    train = make_probe_train(probe_params(rewards=REWARDS.at[1, 1].set(jnp.nan)))
    with pytest.raises(InputError, match="NaN or infinity in an observation or reward"):
        fit(train, KEY, tmp_path, report=quiet)


def test_keys_and_numbers_survive_a_checkpoint(tmp_path):
    tree = {"key": jax.random.key(3), "keys": jax.random.split(KEY, 2), "n": jnp.int32(7)}
    checkpoints.save(tmp_path, 1, tree, {"w": jnp.ones(2)}, {"a": [1]})
    restored = checkpoints.restore_latest(tmp_path, tree)
    assert restored.step == 1
    assert restored.metadata == {"a": [1]}
    assert restored.tree["n"] == 7
    for name in ("key", "keys"):
        np.testing.assert_array_equal(
            jax.random.key_data(restored.tree[name]), jax.random.key_data(tree[name])
        )


def test_arrays_without_elements_survive_a_checkpoint(tmp_path):
    # An agent that is shown nothing of each action has them.
    tree = {"none": jnp.zeros((2, 0, 3), jnp.int32), "some": jnp.arange(3.0)}
    checkpoints.save(tmp_path, 1, tree, tree, {})
    for found in (
        checkpoints.restore_latest(tmp_path, tree).tree,
        checkpoints.load_params(tmp_path, jax.eval_shape(lambda: tree)),
    ):
        assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), found) == jax.tree.map(
            lambda leaf: (leaf.shape, leaf.dtype), tree
        )
        np.testing.assert_array_equal(found["some"], tree["some"])
    with pytest.raises(InputError, match="holds another network"):
        checkpoints.restore_latest(tmp_path, {**tree, "none": jnp.ones(2, jnp.int32)})


KILLED_RUN = """
import sys, jax
from agents.alphazero.config import TrainConfig
from agents.alphazero.train import make_train
from agents.networks import NetworkConfig
from agents.networks import build
from agents.training.fit import fit
from envs.adapters.gymnax_adapter import adapt
from envs.puzzles.knapsack import Knapsack

env = Knapsack(num_items=4)
environment, env_params = adapt(env), env.default_params
network, _ = build(NetworkConfig("items", "tiny"), environment, env_params, jax.random.key(0))
config = TrainConfig(num_lanes=8, steps_per_chunk=2, num_chunks=60, num_simulations=2,
                     replay_size=64, batch_size=16, updates_per_chunk=2, checkpoint_every=1,
                     evaluation_episodes=8)
params = fit(make_train(environment, env_params, network, config), jax.random.key(1),
             sys.argv[1], resume=True)
print(sum(float(abs(leaf).sum()) for leaf in jax.tree.leaves(params)).hex())
"""


@pytest.mark.slow
def test_kill_minus_nine_at_any_moment(tmp_path):
    """A process that is killed again and again still ends where an undisturbed one does."""

    def start(name):
        command = [sys.executable, "-c", KILLED_RUN, str(tmp_path / name)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    straight = start("straight").communicate()[0]
    for attempt in range(4):
        process = start("killed")
        log = tmp_path / "killed" / "metrics.jsonl"
        before = len(log.read_text().splitlines()) if log.exists() else 0
        while process.poll() is None:
            lines = log.read_text().splitlines() if log.exists() else []
            if len(lines) > before + 2 * attempt + 1:
                os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.003)
        process.communicate()
    assert start("killed").communicate()[0] == straight != ""
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert [record["chunk"] for record in records] == list(range(1, 61))
