"""A study on two processes: the options, and the same results as on one."""

import json
import os
import shlex
import socket
import subprocess
import sys

import pytest

from experiments.cli import main as cli
from experiments.cluster import processes as distributed
from rrplan import InputError
from tests.experiments.studies.planning_depth.test_end_to_end import TINY


def test_the_options_are_taken_out_of_the_command_line():
    arguments = shlex.split(
        "run knapsack --distributed.coordinator host:1 --k 3 --distributed.num-processes=4 "
        "--distributed.process_id 2 --resume"
    )
    rest, processes = distributed.split_options(arguments)
    assert rest == shlex.split("run knapsack --k 3 --resume")
    assert processes == distributed.Processes("host:1", 4, 2)
    assert distributed.split_options(rest) == (rest, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "coordinater host:1",
            "unknown option '--distributed.coordinater': did you mean '--distributed.coordinator'?",
        ),
        (
            "coordinator host:1 --distributed.process-id 0",
            "missing --distributed.num-processes: the three of them come together",
        ),
        ("coordinator --k 3", "--distributed.coordinator needs a value: "),
        (
            "coordinator host:1 --distributed.num-processes 2 --distributed.process-id 2",
            "--distributed.process-id is 2: expected 0 to 1",
        ),
        (
            "coordinator host:1 --distributed.num-processes two --distributed.process-id 2",
            "--distributed.num-processes is 'two': expected a whole number",
        ),
        (
            "coordinator host:1 --distributed.num-processes 0 --distributed.process-id 0",
            "--distributed.num-processes is 0: expected at least 1",
        ),
        (
            "coordinator host --distributed.num-processes 1 --distributed.process-id 0",
            "--distributed.coordinator is 'host': expected HOST:PORT",
        ),
    ],
)
def test_wrong_options_get_one_clear_line(options, message):
    with pytest.raises(InputError) as caught:
        distributed.split_options(shlex.split(f"--distributed.{options}"))
    assert str(caught.value).startswith(message)


def test_one_process_works_in_the_runs_own_directory(tmp_path):
    with distributed.own_directory(tmp_path) as directory:
        assert directory == tmp_path
    tree = object()
    assert distributed.hand_over(tree) is tree
    assert distributed.is_first()


@pytest.mark.slow
def test_two_processes_write_what_one_writes(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    directory, alone = tmp_path / "together", tmp_path / "alone"
    command = [
        *(
            sys.executable,
            "-c",
            "import sys; from experiments.cli import main as cli; sys.exit(cli.main())",
        ),
        *(*TINY, "--out", str(directory)),
        *("--distributed.coordinator", coordinator, "--distributed.num-processes", "2"),
    ]
    processes = [
        subprocess.Popen(
            [*command, "--distributed.process-id", str(rank)],
            env={**os.environ, "JAX_PLATFORMS": "cpu"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=600) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert "results:" in outputs[0][0]
    assert "results:" not in outputs[1][0]  # only process 0 prints
    assert cli.main([*TINY, "--out", str(alone)]) == 0
    # 16 episodes, 8 lanes: two processes have as many lanes each as one has.
    together, expected = (
        json.loads((path / "results.json").read_text()) for path in (directory, alone)
    )
    assert together["versions"].pop("device") != expected["versions"].pop("device")
    assert together == expected
