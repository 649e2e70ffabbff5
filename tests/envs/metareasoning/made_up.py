"""Small metareasoning problems and policies, by hand and drawn by hypothesis."""

import numpy as np
from hypothesis import strategies as st

from envs import BernoulliSelection, Mouselab, Pandora

SMALL = {
    "bernoulli": BernoulliSelection(arms=2, horizon=4, alternative=0.55, cost=0.01),
    "mouselab": Mouselab(parents=(-1, 0, -1), values=((-1, 2), (0, 1, 5), (-3, 3)), cost=0.2),
    "pandora": Pandora(values=((0, 1), (-1, 0.4, 0.8), (0.5,)), costs=(0.1, 0.02, 0.2)),
}
tenths = st.integers(-30, 30).map(lambda number: number / 10)
costs = st.integers(0, 60).map(lambda number: number / 100)


@st.composite
def rows(draw, number):
    """Values and probabilities of each of ``number`` quantities."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=number, max_size=number))
    values = [draw(st.lists(tenths, min_size=size, max_size=size)) for size in sizes]
    weights = [
        draw(st.lists(st.integers(0, 4), min_size=size, max_size=size).filter(any))
        for size in sizes
    ]
    return values, [[weight / sum(row) for weight in row] for row in weights]


@st.composite
def problems(draw):
    family = draw(st.sampled_from(list(SMALL)))
    if family == "bernoulli":
        alternative = draw(st.none() | st.integers(-1, 11).map(lambda number: number / 10))
        return BernoulliSelection(draw(st.integers(1, 2)), draw(st.integers(1, 5)), alternative)
    number = draw(st.integers(1, 4))
    values, probabilities = draw(rows(number))
    if family == "mouselab":
        parents = tuple(draw(st.integers(-1, node - 1)) for node in range(number))
        return Mouselab(parents=parents, values=values, probabilities=probabilities)
    prices = draw(st.lists(costs, min_size=number, max_size=number))
    return Pandora(values, probabilities, prices)


def possible(table):
    return table.probabilities.sum(axis=2) > 0


def random_policy(table, rng):
    """Probabilities of whatever is possible, a third of them none; stopping is always one."""
    allowed = np.append(possible(table), np.ones((len(table.payoffs), 1), bool), axis=1)
    weights = allowed * rng.exponential(size=allowed.shape) * (rng.random(allowed.shape) > 1 / 3)
    weights[:, -1] += 1e-3
    return weights / weights.sum(axis=1, keepdims=True)


def random_choices(table, rng):
    """A whole number for each belief, of what is possible."""
    shape = (len(table.payoffs), table.num_computations + 1)
    allowed = np.append(possible(table), np.ones((shape[0], 1), bool), axis=1)
    return np.where(allowed, rng.random(shape), -1).argmax(axis=1)
