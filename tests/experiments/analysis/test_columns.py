"""What is kept of an evaluation, by hand."""

import numpy as np

from experiments.analysis import columns
from rrplan.types import Episodes, Trace

LOOKS = np.array([[2, 1], [3, 0]])  # in the first two decisions; there were more


def test_turns_of_a_loop_stand_beside_the_looks_that_they_come_of():
    counts = np.array([1, 1])
    trace = Trace(*(np.zeros((2, 2), int),) * len(Trace._fields))._replace(
        valid=np.ones((2, 2), bool), legal_actions=np.full((2, 2), 3), looks=LOOKS
    )
    episodes = Episodes(
        untimed_return=np.zeros(2),
        timed_return=np.zeros(2),
        cost=np.zeros(2),
        simulations=counts,
        length=np.array([9, 9]),
        looks=np.array([30, 40]),
        levels=counts,
        trace=trace,
    )
    table = columns.to_table(episodes, lambda trace: 2 * trace.looks.sum(1))
    stacked = columns.stack_tables([table, table])
    np.testing.assert_array_equal(stacked["looks"], [[30, 40]] * 2)
    np.testing.assert_array_equal(stacked["traced_looks"], [[3, 3]] * 2)
    assert stacked["turns"].sum() / stacked["traced_looks"].sum() == 2
    assert "turns" not in columns.to_table(episodes)
