"""Environments (gymnax API), adapters, registry, the environment checker."""

from envs.adapters.gymnax_adapter import Adapter, adapt, encode
from envs.adapters.jumanji_adapter import from_jumanji
from envs.adapters.pgx_adapter import from_pgx
from envs.checker.chance import is_stochastic
from envs.checker.report import Report
from envs.checker.run_check import check
from envs.metareasoning.bernoulli import BernoulliSelection
from envs.metareasoning.mdp import MetalevelEnv
from envs.metareasoning.mouselab import Mouselab
from envs.metareasoning.pandora import Pandora
from envs.options import parse_value
from envs.puzzles.imagine import Imagine, ImagineParams, ImagineState
from envs.puzzles.knapsack import Knapsack, KnapsackParams, KnapsackState
from envs.puzzles.knapsack_optimum import optimal_value
from envs.puzzles.sliding_tiles import SlidingTiles, SlidingTilesParams, SlidingTilesState
from envs.puzzles.sliding_tiles_distances import sliding_tiles_distance
from envs.puzzles.sokoban import Sokoban, SokobanParams, SokobanState
from envs.puzzles.tardiness import Tardiness, TardinessParams, TardinessState
from envs.puzzles.tardiness_optimum import optimal_tardiness
from envs.puzzles.traps import Traps, TrapsParams, TrapsState
from envs.registry import (
    EnvironmentRow,
    describe,
    is_metareasoning,
    make,
    make_checked,
    names,
    register,
)

__all__ = (
    "Adapter",
    "BernoulliSelection",
    "EnvironmentRow",
    "Imagine",
    "ImagineParams",
    "ImagineState",
    "Knapsack",
    "KnapsackParams",
    "KnapsackState",
    "MetalevelEnv",
    "Mouselab",
    "Pandora",
    "Report",
    "SlidingTiles",
    "SlidingTilesParams",
    "SlidingTilesState",
    "Sokoban",
    "SokobanParams",
    "SokobanState",
    "Tardiness",
    "TardinessParams",
    "TardinessState",
    "Traps",
    "TrapsParams",
    "TrapsState",
    "adapt",
    "check",
    "describe",
    "encode",
    "from_jumanji",
    "from_pgx",
    "is_metareasoning",
    "is_stochastic",
    "make",
    "make_checked",
    "names",
    "optimal_tardiness",
    "optimal_value",
    "parse_value",
    "register",
    "sliding_tiles_distance",
)
