"""The loop around trainings: one made by hand runs through it, and it knows none of its guests."""

import dataclasses
import math
import subprocess
import sys
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.training import checkpoints
from agents.training.fit import fit, load_params, read_metrics
from agents.training.protocol import Training
from rrplan.errors import InputError

KEY = jax.random.key(2)


@dataclasses.dataclass(frozen=True)
class Config:
    """How long a counter counts."""

    num_chunks: int = 7
    evaluate_every: int = 3
    checkpoint_every: int = 2


@dataclasses.dataclass(frozen=True)
class Counter:
    """A network of one number."""

    size: int = 1

    def init(self, key):
        return jax.random.normal(key, (self.size,))


class State(NamedTuple):
    params: jax.Array
    chunk: jax.Array
    key: jax.Array


class Metrics(NamedTuple):
    loss: jax.Array
    drift: jax.Array
    finite_input: jax.Array

    @property
    def mean_return(self):
        return self.drift


def counting(identity=None, *, loss=1.0, finite=1.0, **changes):
    """Return a training that adds a number of its key's to a number."""

    def advance(state):
        drift = jax.random.normal(jax.random.fold_in(state.key, state.chunk))
        following = State(state.params + drift, state.chunk + 1, state.key)
        return following, Metrics(jnp.float32(loss), drift, jnp.float32(finite))

    return Training(
        init=lambda key, params: State(params, jnp.int32(0), key),
        advance=advance,
        evaluate=lambda params: params * jnp.array([-8.0, 10.0]),  # too noisy to keep an old one
        config=Config(**changes),
        network=Counter(),
        identity=identity or {},
    )


def quiet(record):
    del record


def by_hand():
    params_key, train_key = jax.random.split(KEY)
    params = Counter().init(params_key)
    for chunk in range(7):
        params = params + jax.random.normal(jax.random.fold_in(train_key, chunk))
    return params


def test_a_training_made_by_hand_is_fitted_and_resumed(tmp_path):
    class Killed(Exception):  # noqa: N818 - not an error: it stands for a signal
        pass

    def kill(record):
        if record["chunk"] == 5:
            raise Killed

    with pytest.raises(Killed):
        fit(counting(), KEY, tmp_path, report=kill)
    assert checkpoints.list_steps(tmp_path / "checkpoints") == [2, 4]
    params = fit(counting(), KEY, tmp_path, resume=True, report=quiet)
    np.testing.assert_array_equal(params, by_hand())
    np.testing.assert_array_equal(load_params(tmp_path, params), params)
    records = read_metrics(tmp_path)
    assert [record["chunk"] for record in records] == [1, 2, 3, 4, 5, 6, 7]
    assert [record["chunk"] for record in records if "evaluation_return" in record] == [3, 6, 7]
    assert records[-1]["evaluation_return"] == pytest.approx(float(params[0]))
    error = 9 * abs(float(params[0])) / math.sqrt(2)
    assert records[-1]["evaluation_error"] == pytest.approx(error)
    assert records[-1]["kept_chunk"] == 7
    # No `steps`: its config does not say how many a chunk takes.
    assert records[0].keys() == {"chunk", "loss", "drift", "seconds"}


def test_what_names_a_training_is_kept_with_its_checkpoints(tmp_path):
    """Checkpoints on disk name theirs in these words; in others they could not be resumed."""
    named = {
        "train": {"num_chunks": 7, "evaluate_every": 3, "checkpoint_every": 2},
        "network": {"size": 1},
        "key": [0, 2],
    }
    fit(counting(), KEY, tmp_path / "plain", report=quiet)
    assert checkpoints.read_metadata(tmp_path / "plain" / "checkpoints") == named
    fit(counting({"start": 3}), KEY, tmp_path / "more", report=quiet)
    assert checkpoints.read_metadata(tmp_path / "more" / "checkpoints") == named | {"start": 3}
    with pytest.raises(InputError, match="holds another training: start, train differ"):
        fit(counting({"start": 4}, num_chunks=8), KEY, tmp_path / "more", resume=True)


def test_a_field_that_was_not_written_down_is_not_compared_and_one_that_was_is(tmp_path):
    """A version may add a field, whose default is what earlier versions did."""
    fit(counting({"costs": {"price": 0}}), KEY, tmp_path, report=quiet)
    fit(counting({"costs": {"price": 0, "fee": 0}}), KEY, tmp_path, resume=True, report=quiet)
    for other in ({"price": 1, "fee": 0}, {"fee": 0}, {}):
        with pytest.raises(InputError, match="holds another training: costs differ"):
            fit(counting({"costs": other}), KEY, tmp_path, resume=True)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ({"loss": math.nan}, r"the loss is nan \(chunk 1\): try a lower learning_rate"),
        ({"finite": 0.0}, r"NaN or infinity in an observation or reward \(chunk 1\)"),
    ],
)
def test_flaws_stop_a_training_of_any_kind(flaw, message, tmp_path):
    with pytest.raises(InputError, match=message):
        fit(counting(**flaw), KEY, tmp_path, report=quiet)
    assert read_metrics(tmp_path) == []


LOADED = """
import sys
import agents.{module}
print(*sorted(name.removeprefix("agents.") for name in sys.modules if name.startswith("agents.")))
"""


@pytest.mark.parametrize(
    ("module", "known"),
    [
        (
            "training.fit",
            [
                "training",
                *(f"training.{name}" for name in ("checkpoints", "fit", "keeping", "protocol")),
            ],
        ),
        (
            "ppo.train",
            [
                "ppo",
                *(f"ppo.{name}" for name in ("config", "learner", "optimizer", "train")),
                "training",
                "training.ranges",
            ],
        ),
    ],
)
def test_what_is_shared_loads_none_of_its_guests(module, known):
    command = [sys.executable, "-c", LOADED.format(module=module)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert loaded.split() == known
