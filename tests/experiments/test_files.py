"""An environment that is made of files: what was trained on some is not taken for others."""

import pytest

from agents.training import fit
from experiments import evaluation
from experiments.studies.planning_depth.config import StudyConfig
from rrplan import InputError

ROW = "#######"
LEVEL = f"{ROW}\n#@$ . #\n{ROW}\n"
OTHER = f"{ROW}\n#@ $ .#\n{ROW}\n"


def training(path):
    config = StudyConfig(env="sokoban", env_kwargs={"levels": str(path)})
    return evaluation.base_training(evaluation.build_problem(config))


def test_a_changed_file_is_another_training(tmp_path, monkeypatch):
    path = tmp_path / "levels.txt"
    path.write_text(LEVEL)
    first = training(path)
    path.write_text(OTHER)
    other = training(path)
    assert first.identity["env_options"] == other.identity["env_options"]
    key = evaluation.study_key(StudyConfig(env="sokoban"), evaluation.Domain.TRAINING, 0)
    left = fit._fingerprint(first, key)
    monkeypatch.setattr(fit.checkpoints, "read_metadata", lambda directory: left)
    fit.check_belongs(first, key, tmp_path)
    with pytest.raises(InputError, match=r"holds checkpoints of another training \(env_files "):
        fit.check_belongs(other, key, tmp_path)
