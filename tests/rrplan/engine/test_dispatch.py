"""Several devices and several processes: the same episodes, and no word between them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import rrplan
from rrplan.engine import dispatch
from tests.rrplan import tabular

ROOT = Path(__file__).parents[3]


def start(num_devices: int, *arguments: object) -> subprocess.Popen:
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": os.environ["XLA_FLAGS"]
        + f" --xla_force_host_platform_device_count={num_devices}",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "tests.rrplan.on_devices", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def load(process: subprocess.Popen, path: Path) -> dict[str, dict[str, np.ndarray]]:
    """Return the cases that a process has written, once it has ended well."""
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    cases = {}
    with np.load(path) as arrays:
        for name in arrays.files:
            case, field = name.split("/")
            cases.setdefault(case, {})[field] = arrays[name]
    return cases


def assert_same_case(result, expected, rows=slice(None)):
    assert result.keys() == expected.keys()
    for field, array in result.items():
        np.testing.assert_array_equal(array, expected[field][rows], err_msg=field)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    path = tmp_path_factory.mktemp("devices") / "cases.npz"
    return load(start(8, "devices", path), path)


def test_eight_devices_run_the_same_episodes_as_one(cases):
    assert cases["devices"][""] == 8
    assert cases["table on 8"]["length"].shape == (50,)
    assert_same_case(cases["table on 8"], cases["table on 1"])


def test_fewer_episodes_than_devices_leave_devices_idle(cases):
    assert_same_case(cases["few on 8"], cases["table on 1"], rows=slice(3))


def test_a_network_gives_the_same_episodes_at_equal_lanes_per_device(cases):
    assert len(np.unique(cases["network on 8"]["untimed_return"])) > 10
    assert_same_case(cases["network on 8"], cases["network on 1"])


def test_devices_say_nothing_to_each_other(cases):
    assert cases["program"]["collectives"] == 0


def test_no_tree_is_copied_from_tick_to_tick(cases):
    assert cases["program"]["tree arrays"] > 20
    assert cases["program"]["tree copies"] == 0


def test_two_processes_both_return_all_episodes(cases, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    paths = [tmp_path / "0.npz", tmp_path / "1.npz"]
    processes = [start(2, "process", path, coordinator, 2, rank) for rank, path in enumerate(paths)]
    for process, path in zip(processes, paths, strict=True):
        told = load(process, path)
        assert told["processes"][""] == 2
        assert_same_case(told["all"], cases["table on 1"])


@pytest.mark.parametrize(("total", "hands"), [(1, 1), (7, 3), (8, 8), (3, 8), (50, 8)])
def test_dealing_is_balanced_and_collecting_undoes_it(total, hands):
    values = np.arange(100, 100 + 2 * total).reshape(total, 2)
    dealt = dispatch.deal(values, hands)
    counts = (dealt[..., 0] > 0).sum(axis=1)
    assert counts.sum() == total
    assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(dispatch.collect(dealt, total), values)


@pytest.mark.parametrize("given", [[], jax.local_devices()[:1] * 2])
def test_no_device_and_one_device_twice_are_refused(given):
    table = tabular.make_table(3, 3)
    planner = rrplan.Planner(tabular.TabularEnvironment(), table, tabular.table_network, table)
    with pytest.raises(rrplan.InputError, match=r"^devices is .*: expected one or more, each once"):
        rrplan.evaluate(planner, None, (), key=jax.random.key(0), episodes=1, devices=given)
