"""Trackers: what they are sent is what ``metrics.jsonl`` holds."""

import importlib
import json
import sys
import types

import pytest

from experiments import runs
from experiments.cli import main as cli
from experiments.runs import tracking
from experiments.runs.progress import Progress
from rrplan import InputError

RECORDS = [
    {"chunk": 1, "loss": 0.5, "selfplay_return": None, "seconds": 0.1},
    {"chunk": 2, "loss": 0.25, "selfplay_return": 0.9, "evaluation_return": 0.8, "seconds": 0.2},
]
SENT = [
    ("loss", 0.5, 1),
    ("seconds", 0.1, 1),
    ("loss", 0.25, 2),
    ("selfplay_return", 0.9, 2),
    ("evaluation_return", 0.8, 2),
    ("seconds", 0.2, 2),
]


MIXED = ((0, 1, ""), (0, 1, "gate-0.001"), (1, 2, ""))
"""Seed, seeds and name of each training: two of one seed, and one of several."""


def send(kind, directory, config, records=RECORDS, trainings=MIXED):
    """Report trainings to a tracker, as a study does."""
    with (
        runs.open_run(directory, config, resume=True) as run,
        tracking.open_tracker(kind, run) as tracker,
        Progress(None, tracker) as progress,
    ):
        for seed, seeds, what in trainings:
            with progress.training(seed, seeds, 2, what) as report:
                for record in records:
                    report(record)


class FakeWandb:
    """Takes the place of the package: what it was told."""

    def __init__(self):
        self.begun, self.logged, self.metrics, self.finished = [], [], [], 0

    def init(self, **settings):
        self.begun.append(settings)
        return types.SimpleNamespace(
            log=self.logged.append,
            define_metric=lambda name, **how: self.metrics.append((name, how)),
            finish=self.finish,
        )

    def finish(self):
        self.finished += 1


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(tracking, "check", lambda kind: None)


def test_tensorboard_gets_every_number_of_every_training(tmp_path, config):
    events = importlib.import_module("tensorboardX.proto.event_pb2")
    send("tensorboard", tmp_path, config)
    folders = sorted((tmp_path / "tensorboard").rglob("events.*"))
    names = [str(path.parent.relative_to(tmp_path / "tensorboard")) for path in folders]
    assert names == ["gate-0.001", "planner", "planner/seed1"]
    for path in folders:
        found = [
            (value.tag, pytest.approx(value.simple_value), event.step)
            for event in read_events(path, events)
            for value in event.summary.value
        ]
        assert [(tag, step) for tag, _, step in found] == [(tag, step) for tag, _, step in SENT]
        assert [number for _, number, _ in found] == [number for _, number, _ in SENT]


def read_events(path, events):
    """Yield the events of a file: length, its checksum, the event, its checksum."""
    data = path.read_bytes()
    while data:
        size = int.from_bytes(data[:8], "little")
        yield events.Event.FromString(data[12 : 12 + size])
        data = data[16 + size :]


@pytest.mark.usefixtures("installed")
def test_weights_and_biases_gets_the_same_under_the_name_of_the_training(
    tmp_path, config, monkeypatch
):
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    send("wandb", tmp_path / "run", config)
    (begun,) = fake.begun
    assert begun["name"] == "run"
    assert begun["resume"] == "allow"
    assert begun["config"]["env"] == "knapsack"
    assert fake.finished == 1
    of_planner = [line for line in fake.logged if "planner/chunk" in line]
    sent = [
        (name.removeprefix("planner/"), value, line["planner/chunk"])
        for line in of_planner
        for name, value in line.items()
        if name != "planner/chunk"
    ]
    assert sent == SENT
    assert ("planner/*", {"step_metric": "planner/chunk"}) in fake.metrics
    send("wandb", tmp_path / "run", config)
    assert fake.begun[1]["id"] == begun["id"]  # the same run goes on
    send("wandb", tmp_path / "other", config)
    assert fake.begun[2]["id"] != begun["id"]


@pytest.mark.slow
def test_the_package_itself_keeps_every_number_exactly(tmp_path, config, monkeypatch):
    pytest.importorskip("wandb")
    for name, value in (("MODE", "offline"), ("SILENT", "true"), ("CONSOLE", "off")):
        monkeypatch.setenv(f"WANDB_{name}", value)
    for _ in range(2):  # the second time as one that is gone on with
        trainings = ((0, 2, ""), (1, 2, ""), (0, 2, "gate-0.001"))
        send("wandb", tmp_path / "run", config, trainings=trainings)
    files = sorted((tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert {path.name for path in files} == {files[0].name}
    # A dot in the name of the step would make it a name inside another.
    names = ("planner/seed0", "planner/seed1", "gate-0.001/seed0")
    steps = ("planner/seed0", "planner/seed1", "gate-0_001/seed0")
    expected = [
        {
            f"{step if number == 'chunk' else name}/{number}": value
            for number, value in one.items()
            if value is not None
        }
        for name, step in zip(names, steps, strict=True)
        for one in RECORDS
    ]
    for path in files:
        assert read_history(path) == expected


def read_history(path):
    """Return the lines of history in a file of the package: a log in blocks, as LevelDB has."""
    record = importlib.import_module("wandb.proto.wandb_internal_pb2").Record
    data, at, whole, found = path.read_bytes(), 7, b"", []
    while at + 7 <= len(data):
        if (left := 32768 - at % 32768) < 7:  # a checksum of 4 bytes, the length, a kind
            at += left
            continue
        size, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole, at = whole + data[at + 7 : at + 7 + size], at + 7 + size
        if kind in (1, 4):  # it is whole, or the last of its parts
            items = record.FromString(whole).history.item
            line = {one.key or ".".join(one.nested_key): one.value_json for one in items}
            found.append({k: json.loads(v) for k, v in line.items() if not k.startswith("_")})
            whole = b""
    return [line for line in found if line]


def test_nothing_is_sent_unless_it_is_asked_for(tmp_path, config):
    send(None, tmp_path, config)
    assert not (tmp_path / "tensorboard").exists()


def test_a_missing_package_gets_one_line_before_anything_is_done(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tracking, "PACKAGES", {"tensorboard": "no_such_package", "wandb": "wandb"})
    with pytest.raises(InputError, match="needs no_such_package: pip install no_such_package"):
        tracking.check("tensorboard")
    out = tmp_path / "run"
    assert cli.main(["run", "knapsack", "--out", str(out), "--log", "tensorboard"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("--log tensorboard needs no_such_package: pip install no_such_package")
    assert not out.exists()
