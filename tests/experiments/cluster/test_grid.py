"""The grid of a sweep: its cells, their names, and what a directory may be gone on with as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.cli.sweep import Options, split_options
from experiments.cluster import sweeping
from experiments.cluster.grid import Axis, Grid, from_dict, load, open_sweep
from rrplan import InputError

SIZES, SEEDS = Axis("network.size", ("tiny", "small")), Axis("seed", ("0", "1", "2"))
GRID = Grid(("knapsack", "--seeds", "1"), (SIZES, SEEDS))


def test_a_sweeps_own_options_are_taken_out_of_the_command_line():
    words = "knapsack --k 0 4 --over seed 0 1 --jobs=2 --over k --out a/b --resume --seeds 3"
    with pytest.raises(InputError, match="--over k has no values"):
        Grid((), tuple(Axis(*one) for one in split_options(words.split()).over))
    options = split_options(words.replace("--over k ", "--over k 1 2 ").split())
    assert options.arguments == ("knapsack", "--k", "0", "4", "--seeds", "3")
    assert options.over == (("seed", ("0", "1")), ("k", ("1", "2")))
    assert (options.jobs, str(options.out), options.resume, options.on) == (2, "a/b", True, "here")
    assert split_options([]) == Options((), ())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--over", "--over needs a name and values: --over NAME VALUE ..."),
        ("--jobs two", "--jobs is 'two': expected a whole number from 1 on"),
        ("--jobs --resume", "--jobs needs a value: --jobs VALUE"),
    ],
)
def test_what_is_wrong_with_them_takes_one_line(words, message):
    with pytest.raises(InputError) as error:
        split_options(words.split())
    assert str(error.value) == message


def test_a_place_that_is_none_is_refused():
    with pytest.raises(InputError, match="--jobs is 0: expected a whole number from 1 on"):
        sweeping.check(0, "here")
    with pytest.raises(InputError, match="--on is 'mars': expected here, ray or ray://HOST:PORT"):
        sweeping.check(1, "mars")
    sweeping.check(1, "ray://there:1")


def test_a_cell_is_a_command_line_with_one_value_of_each_axis():
    cells = GRID.cells
    assert len(cells) == 6
    assert [cell.name for cell in cells[:2]] == [
        "network.size=tiny,seed=0",
        "network.size=tiny,seed=1",
    ]
    given_ = ("knapsack", "--seeds", "1")
    assert cells[0].arguments == (*given_, "--network.size", "tiny", "--seed", "0")
    # Several words are one value, and the environment comes first.
    grid = Grid(("--seeds", "1"), (Axis("k", ("0 4",)), Axis("env", ("traps", "knapsack"))))
    assert grid.cells[0].arguments == ("traps", "--seeds", "1", "--k", "0", "4")
    assert grid.cells[1].name == "k=0-4,env=knapsack"


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ((), "a sweep needs an option with several values"),
        ((SEEDS, Axis("seed", ("4",))), "--over seed is given twice"),
        ((Axis("k", ("0 4", "0-4")),), "two cells would be kept in the folder 'k=0-4'"),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused(axes, message):
    with pytest.raises(InputError, match=message):
        Grid((), axes)
    with pytest.raises(InputError, match="twice"):
        Axis("seed", ("1", "1"))
    with pytest.raises(InputError, match='--over k is "0 \'8": no closing quotation'):
        Grid((), (Axis("k", ("0 '8",)),))
    with pytest.raises(InputError, match="--over out: each cell has its own"):
        Axis("out", ("a",))


names = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)
values = st.lists(st.integers(0, 99).map(str), min_size=1, max_size=4, unique=True)


@given(names.flatmap(lambda chosen: st.tuples(*(st.tuples(st.just(n), values) for n in chosen))))
def test_cells_are_all_combinations_and_samples_hold_every_value(over):
    grid = Grid((), tuple(Axis(name, tuple(own)) for name, own in over))
    cells = grid.cells
    count = 1
    for _, own in over:
        count *= len(own)
    assert len({cell.name for cell in cells}) == len(cells) == count
    for axis in grid.axes:
        assert {sample.values[axis.name] for sample in grid.samples()} == set(axis.values)
    assert {sample.name for sample in grid.samples()} <= {cell.name for cell in cells}
    assert from_dict(grid.to_dict()) == grid


def test_a_sweep_is_gone_on_with_as_itself_or_as_a_larger_one(tmp_path):
    out = tmp_path / "sweep"
    with open_sweep(out, GRID, resume=False), pytest.raises(InputError, match="another process"):
        open_sweep(out, GRID, resume=True).__enter__()
    with pytest.raises(InputError, match="continue it with --resume"):
        open_sweep(out, GRID, resume=False).__enter__()
    larger = Grid(GRID.arguments, (SIZES, Axis("seed", ("3", *SEEDS.values))))
    with open_sweep(out, larger, resume=True):
        assert load(out) == larger
    others = {
        "seed has the value '3' there, not here": GRID,
        "it is over network.size, seed": Grid(GRID.arguments, (SEEDS, SIZES)),
        "its options are 'knapsack --seeds 1'": Grid(("traps",), larger.axes),
    }
    for message, grid in others.items():
        with pytest.raises(InputError) as error:
            open_sweep(out, grid, resume=True).__enter__()
        assert message in str(error.value)
    assert load(out) == larger


def test_a_directory_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="is not empty and holds no sweep"):
        open_sweep(tmp_path, GRID, resume=True).__enter__()
    with pytest.raises(InputError, match="holds no sweep: sweep"):
        load(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
