"""Random play of Sokoban in lanes, ours and jumanji's, with the same levels and actions."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from envs.adapters.extras import import_extra
from envs.puzzles.sokoban import Sokoban, SokobanParams, as_bank, generate_levels, read_levels
from envs.puzzles.sokoban.tiles import BOX, PLAYER, TARGET, WALL, offsets
from experiments.bench.search import Report
from experiments.bench.timing import Rounds, blocking, check_counts, measure, summarise, timed
from rrplan.errors import InputError
from rrplan.models import where
from rrplan.types import Array, PyTree

SIDE, BOXES = 10, 4  # jumanji knows no other size
LIMIT, STEP_REWARD = 120, -0.1  # jumanji's


@dataclass(frozen=True)
class SokobanOptions:
    """Time random play of Sokoban, beside jumanji's where that is installed."""

    lanes: int = 256
    """Environments side by side."""
    steps: int = 1000
    """Steps of each lane in one program."""
    levels: str | None = None
    """File or folder of levels, 10 x 10 with four boxes; generated if not given."""
    num_levels: int = 1024
    """How many levels to generate."""
    rounds: Annotated[Rounds, tyro.conf.arg(name="")] = Rounds(repeats=5)
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/bench")
    """Directory of the result, sokoban.json."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace a result that is there already."""

    def __post_init__(self):
        for name in ("lanes", "steps", "num_levels"):
            check_counts(name, (getattr(self, name),))


class Step(NamedTuple):
    """What one step of a lane led to."""

    state: PyTree
    observation: PyTree
    reward: Array  # []
    ended: Array  # [] bool, solved or out of time
    solved: Array  # [] bool
    player: Array  # [] int32, the cell on which it stands


class Contestant(NamedTuple):
    """Sokoban, as a pair of functions of one lane."""

    begin: Callable[[Array], PyTree]  # level -> state
    step: Callable[[PyTree, Array], Step]  # state, action -> Step


class Played(NamedTuple):
    """What a run came to, which must be the same for all."""

    rewards: Array  # [B] float32, sums
    ended: Array  # [B] int32, episodes
    solved: Array  # [B] int32, episodes
    cells: Array  # [B] int32, sum of the cells on which the player stood
    observation: PyTree  # [B, ...] the last; kept so that none is left out as unused


def run_sokoban(options: SokobanOptions, report: Report = lambda line: None) -> dict[str, Any]:
    """Measure in turns, and return the results as JSON.

    Raises:
        InputError: levels that cannot be read or have another size; contestants whose episodes
            differ.
    """
    grids, seconds = _levels(options)
    contestants, missing = {"rrplan": ours(grids)}, ""
    try:
        contestants["jumanji"] = jumanjis(grids)
    except InputError as error:
        missing = f"jumanji, because {error}"
        report(f"left out: {missing}")
    actions = jax.random.randint(jax.random.key(0), (options.steps, options.lanes), 0, 4)
    programs, played = {}, {}
    for name, contestant in contestants.items():
        program = blocking(jax.jit(make_play(contestant, len(grids))).lower(actions).compile())
        programs[name] = lambda number, program=program: program(actions)
        played[name] = program(actions)
    check_equal(played)
    warm = {name: timed(lambda run=run: run(0))[0] for name, run in programs.items()}
    timings = measure(programs, options.rounds, warm)
    total = options.lanes * options.steps
    speeds = {
        name: summarise([total / second for second in timing["raw"]])
        for name, timing in timings.items()
    }
    report(", ".join(f"{name}: {speed['median']:,.0f}" for name, speed in speeds.items()))
    mine = played["rrplan"]
    return {
        "steps_per_second": speeds,
        "rrplan_over": {
            name: summarise(
                [a / b for a, b in zip(speeds["rrplan"]["raw"], speed["raw"], strict=True)]
            )
            for name, speed in speeds.items()
            if name != "rrplan"
        },
        "played": {"episodes": int(mine.ended.sum()), "solved": int(mine.solved.sum())},
        "levels": {
            "count": len(grids),
            "size": f"{SIDE} x {SIDE}",
            "boxes": BOXES,
            "source": options.levels or "generated",
        },
        "levels_per_second": None if options.levels else len(grids) / seconds,
        "missing": missing,
    }


def make_play(contestant: Contestant, num_levels: int) -> Callable[[Array], Played]:
    """Return a function of actions ``[T, B]`` that plays them; level after level in each lane."""

    def play(actions: Array) -> Played:
        count = actions.shape[1]
        none = jnp.zeros(count, jnp.int32)
        begin, step = jax.vmap(contestant.begin), jax.vmap(contestant.step)
        lanes = jnp.arange(count)

        def body(carry, action):
            state, played = carry
            after = step(state, action)
            played = Played(
                played.rewards + after.reward,
                played.ended + after.ended,
                played.solved + after.solved,
                played.cells + after.player,
                after.observation,
            )
            fresh = begin((lanes + played.ended * count) % num_levels)
            return (where(after.ended, fresh, after.state), played), None

        state = begin(lanes % num_levels)
        seen = jax.eval_shape(step, state, actions[0]).observation
        blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), seen)
        start = Played(jnp.zeros(count), none, none, none, blank)
        return jax.lax.scan(body, (state, start), actions)[0][1]

    return play


def check_equal(played: dict[str, Played]) -> None:
    """Refuse contestants whose episodes were not the same.

    Raises:
        InputError: rewards, ends or the player's ways differ.
    """
    mine = played["rrplan"]
    for name, other in played.items():
        same = all(
            np.array_equal(getattr(mine, field), getattr(other, field))
            for field in ("ended", "solved", "cells")
        )
        if not same or not np.allclose(mine.rewards, other.rewards, atol=1e-2):
            raise InputError(
                f"rrplan and {name} did not play the same episodes: nothing to compare"
            )


def ours(grids: np.ndarray) -> Contestant:
    """Return rrplan's Sokoban on some levels, with jumanji's rewards."""
    env = Sokoban(rows=SIDE, columns=SIDE, num_boxes=BOXES, num_levels=1)
    bank = as_bank(grids)
    params = SokobanParams(
        max_steps_in_episode=LIMIT,
        step_reward=STEP_REWARD,
        level_tiles=jnp.asarray(bank.tiles),
        level_player=jnp.asarray(bank.player),
        level_boxes=jnp.asarray(bank.boxes),
    )
    key = jax.random.key(0)  # nothing is drawn in a step

    def begin(level: Array) -> PyTree:
        return env.begin_level(level, params)

    def step(state: PyTree, action: Array) -> Step:
        observation, state, reward, solved, _ = env.step_env(key, state, action, params)
        ended = solved | env.is_truncated(state, params)
        return Step(state, observation, reward, ended, solved, state.player)

    return Contestant(begin, step)


def jumanjis(grids: np.ndarray) -> Contestant:
    """Return jumanji's Sokoban on some levels.

    Raises:
        InputError: jumanji is not installed, or cannot be imported.
    """
    import_extra("jumanji")
    place = "jumanji.environments.routing.sokoban"
    module = importlib.import_module(f"{place}.env")
    types = importlib.import_module(f"{place}.types")
    tiles = importlib.import_module(f"{place}.constants")
    game = module.Sokoban(generator=lambda key: None, time_limit=LIMIT)
    walls, targets, boxes, player = ((grids & bit) > 0 for bit in (WALL, TARGET, BOX, PLAYER))
    fixed = jnp.asarray(walls * tiles.WALL + targets * tiles.TARGET, jnp.uint8)
    variable = jnp.asarray(boxes * tiles.BOX + player * tiles.AGENT, jnp.uint8)
    places = jnp.asarray(np.stack(np.nonzero(player)[1:], axis=-1), jnp.int32)
    # Which of its moves goes where each of ours does.
    moves = np.asarray(tiles.MOVES) @ np.array([SIDE, 1])
    own = jnp.asarray([list(moves).index(way) for way in offsets(SIDE)], jnp.int32)

    def begin(level: Array) -> PyTree:
        return types.State(
            key=jnp.zeros(2, jnp.uint32),
            fixed_grid=fixed[level],
            variable_grid=variable[level],
            agent_location=places[level],
            step_count=jnp.int32(0),
        )

    def step(state: PyTree, action: Array) -> Step:
        state, timestep = game.step(state, own[action])
        player = state.agent_location @ jnp.array([SIDE, 1])
        solved = game.level_complete(state)
        return Step(state, timestep.observation, timestep.reward, timestep.last(), solved, player)

    return Contestant(begin, step)


def _levels(options: SokobanOptions) -> tuple[np.ndarray, float]:
    """Return the levels, and the seconds that it took to get them."""
    if options.levels is None:
        seconds, grids = timed(lambda: generate_levels(SIDE, SIDE, BOXES, options.num_levels))
        return grids, seconds
    grids = read_levels(options.levels).grids
    boxes = int(((grids[0] & BOX) > 0).sum())
    if grids.shape[1:] != (SIDE, SIDE) or boxes != BOXES:
        raise InputError(
            f"{options.levels} has levels of {grids.shape[1]} x {grids.shape[2]} with {boxes} "
            f"boxes: expected {SIDE} x {SIDE} with {BOXES}, the only ones that jumanji knows"
        )
    return grids, 0.0
