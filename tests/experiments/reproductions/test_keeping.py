"""Whose directory a reproduction's is."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from experiments.reproductions import keeping
from rrplan import InputError


@dataclasses.dataclass(frozen=True)
class Options:
    run: Path
    out: Path | None = None
    resume: bool = False


def claim(out, run="a/demo", resume=False, given=0.0):
    options = Options(Path(run), out, resume)
    with keeping.claimed(out, options, {"planners": np.array([given])}):
        (out / "results.json").touch()


def test_a_directory_of_something_else_is_left_alone(tmp_path):
    results = tmp_path / "results.json"
    results.write_text("of a run")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="is not empty and holds no reproduction"):
        claim(tmp_path)
    assert results.read_text() == "of a run"


def test_a_reproduction_is_gone_on_with_by_itself_alone(tmp_path):
    out = tmp_path / "new" / "deep"
    claim(out)
    assert (out / "evaluations").is_dir()
    with pytest.raises(InputError, match="continue it with --resume"):
        claim(out)
    claim(out, resume=True)
    # Wherever it lies, a run of this name with these planners is the same; with others it is not.
    claim(out, run="b/demo", resume=True)
    for other in ({"run": "a/other"}, {"given": 1.0}):
        with pytest.raises(InputError, match="another reproduction"):
            claim(out, resume=True, **other)


def test_nobody_else_may_write_meanwhile(tmp_path):
    out = tmp_path / "out"
    with keeping.claimed(out, Options(Path("demo"), out)):
        with pytest.raises(InputError, match="is being written by another process"):
            claim(out, resume=True)
        options = out / "options.json"
        assert options.exists()


def test_what_was_killed_before_it_said_what_it_is_may_be_begun(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / ".lock").touch()
    (out / ".options.json.tmp").write_text("{")
    claim(out)
