"""Which parameters are kept: by hand, and over a kill."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.training import keeping
from agents.training.fit import fit, load_params, read_metrics
from agents.training.keeping import Evaluated

KEY = jax.random.key(5)
LAST = Evaluated(9, "last", np.array([1.0, 2.0, 3.0, 4.0]))


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        ([0.1, 0.1, 0.1, 0.1], "best"),  # on every episode: no doubt
        ([4.0, -1.0, -1.0, -1.0], "last"),  # 0.25 ahead, standard error 1.08
        ([0.0, 0.0, 0.0, 0.0], "last"),
        ([-1.0, -1.0, -1.0, -1.0], "last"),
    ],
)
def test_earlier_parameters_are_kept_where_they_earn_significantly_more(ahead, expected):
    assert keeping.kept(Evaluated(3, "best", LAST.returns + ahead), LAST).params == expected


def test_the_best_has_the_highest_mean_and_of_equals_the_last():
    first, second = Evaluated(1, "a", np.array([1.0, 3.0])), Evaluated(2, "b", np.array([2.0, 2.0]))
    assert keeping.better(None, first) is first
    assert keeping.better(first, second) is second
    assert keeping.better(second, first._replace(returns=np.array([0.0, 3.0]))) is second


class Killed(Exception):  # noqa: N818 - not an error: it stands for a signal
    """Stands for a kill in the middle of training."""


def test_a_training_that_gets_worse_keeps_what_it_had_also_over_a_kill(
    make_probe_train, probe_params, tmp_path
):
    """Evaluations are made up: the second of four is the best."""
    whole = make_probe_train(probe_params(rewards=jnp.eye(3)))
    told = iter([0.0, 5.0, 1.0, 1.0])

    def fit_in(path, *, kill=None, resume=False):
        def report(record):
            if record["chunk"] == kill:
                raise Killed

        return fit(train, KEY, path, resume=resume, report=report)

    def advance(state):
        """As programs do that are given their arguments to write to."""
        following = whole.advance(state)
        jax.tree.map(lambda leaf: leaf.delete(), state.params)
        return following

    train = whole._replace(advance=advance, evaluate=lambda params: jnp.full(8, next(told)))
    params = fit_in(tmp_path / "whole")
    record = read_metrics(tmp_path / "whole")[-1]
    assert (record["chunk"], record["kept_chunk"]) == (40, 20)
    jax.tree.map(np.testing.assert_array_equal, load_params(tmp_path / "whole", params), params)
    again = fit_in(tmp_path / "whole", resume=True)  # trains nothing
    jax.tree.map(np.testing.assert_array_equal, again, params)

    told = iter([0.0, 5.0, 1.0, 1.0, 1.0])
    with pytest.raises(Killed):
        fit_in(tmp_path / "parts", kill=33)
    resumed = fit_in(tmp_path / "parts", resume=True)
    jax.tree.map(np.testing.assert_array_equal, resumed, params)
    manifest = tmp_path / "parts" / "best" / "00000040" / "manifest.json"
    assert json.loads(manifest.read_text())["metadata"]["chunk"] == 20
