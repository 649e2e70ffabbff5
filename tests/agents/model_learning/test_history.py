"""The history of steps: what follows what, and how often each is drawn."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.model_learning import history

LANES, STEPS, CHUNKS = 3, 2, 4
CAPACITY = LANES * STEPS * CHUNKS
insert = jax.jit(history.insert)  # compiled once for all examples
reweigh = jax.jit(history.reweigh)
draw = jax.jit(history.draw, static_argnums=2)
windows = jax.jit(history.windows, static_argnums=3)


def windows_of_all(known, length):
    """Return time and lane of the windows that begin where a row holds data, and what is known."""
    everywhere = np.arange(CAPACITY, dtype=np.int32)
    found = windows(known, everywhere, np.ones(CAPACITY, np.float32), length)
    held = np.asarray(known.priority) > 0
    (time, lane), seen = jax.device_get((found.rows, found.known))
    return time[held], lane[held], seen[held]


def filled(chunks):
    """Return a history of rows (time, lane), after so many chunks."""
    known = history.empty((jnp.int32(0), jnp.int32(0)), CAPACITY, LANES)
    for chunk in range(chunks):
        known = insert(known, steps(chunk), np.ones((STEPS, LANES), bool))
    return known


def steps(chunk):
    """Return the steps (time, lane) of a chunk."""
    time = np.broadcast_to(chunk * STEPS + np.arange(STEPS)[:, None], (STEPS, LANES))
    lane = np.broadcast_to(np.arange(LANES), (STEPS, LANES))
    return time.astype(np.int32), lane.astype(np.int32)


@settings(deadline=None, max_examples=8)
@given(chunks=st.integers(1, 11), length=st.sampled_from([1, 5]))
def test_a_window_is_what_followed_in_the_same_lane(chunks, length):
    time, lane, seen = windows_of_all(filled(chunks), length)
    assert len(time) == min(chunks, CHUNKS) * STEPS * LANES
    last = chunks * STEPS - 1
    expected = time[:, :1] + np.arange(length)
    np.testing.assert_array_equal(seen, expected <= last)
    np.testing.assert_array_equal(time[seen], expected[seen])
    np.testing.assert_array_equal(lane[seen], np.broadcast_to(lane[:, :1], seen.shape)[seen])


def test_rows_are_drawn_by_priority_and_weigh_the_less():
    known = filled(1)  # six rows, of equal priority
    known = reweigh(known, np.int32([2, 5]), np.float32([-16.0, 0.0]))
    options = {"priority_exponent": 0.5, "importance_exponent": 1.0}
    index, weight = jax.device_get(draw(known, jax.random.key(0), 4_000, **options))
    scores = np.array([1, 1, 4, 1, 1, history.LEAST_PRIORITY**0.5])
    share = np.bincount(index, minlength=CAPACITY) / 4_000
    np.testing.assert_allclose(share[:6], scores / scores.sum(), atol=0.03)
    assert not share[6:].any()  # nothing is stored there
    of_row = {int(i): float(w) for i, w in zip(index, weight, strict=True)}
    assert max(of_row.values()) == 1.0
    assert np.isclose(of_row[0] / of_row[2], 4.0)
    _, weight = draw(known, jax.random.key(0), 9, **options | {"importance_exponent": 0.0})
    np.testing.assert_array_equal(weight, np.ones(9))


def test_new_rows_have_the_largest_priority():
    known = reweigh(filled(1), np.int32([1]), np.float32([7.0]))
    known = insert(known, steps(0), np.ones((STEPS, LANES), bool))
    np.testing.assert_array_equal(known.priority[:6], [1, 7, 1, 1, 1, 1])
    np.testing.assert_array_equal(known.priority[6:12], np.full(6, 7.0))


@settings(deadline=None, max_examples=15)
@given(st.lists(st.lists(st.booleans(), min_size=STEPS * LANES, max_size=STEPS * LANES), min_size=1,
                max_size=7))  # fmt: skip
def test_lanes_that_have_taken_different_numbers_of_steps(happened):
    """Windows are those of plain lists, one a lane."""
    known = history.empty((jnp.int32(0), jnp.int32(0)), CAPACITY, LANES)
    taken = [[] for _ in range(LANES)]
    for chunk, flags in enumerate(happened):
        some = np.array(flags).reshape(STEPS, LANES)
        known = insert(known, steps(chunk), some)
        for time, lane in zip(*np.nonzero(some), strict=True):
            taken[lane].append(chunk * STEPS + int(time))
    room = CAPACITY // LANES
    kept = [times[-room:] for times in taken]
    assert int(known.size) == sum(map(len, kept))
    time, lane, seen = windows_of_all(known, 4)
    told = {(int(row[0]), int(t[0])): t[s].tolist() for row, t, s in zip(lane, time, seen,
                                                                        strict=True)}  # fmt: skip
    expected = {
        (one, t): times[place : place + 4]
        for one, times in enumerate(kept)
        for place, t in enumerate(times)
    }
    assert told == expected
