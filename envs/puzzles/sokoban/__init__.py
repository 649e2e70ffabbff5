"""Sokoban: the environment, its levels, and exact solutions of small ones."""

from envs.puzzles.sokoban.dead_squares import dead_squares
from envs.puzzles.sokoban.environment import Sokoban, SokobanParams
from envs.puzzles.sokoban.generator import generate_levels
from envs.puzzles.sokoban.level_bank import LevelBank, as_bank
from envs.puzzles.sokoban.level_files import LevelSet, parse_level, read_levels
from envs.puzzles.sokoban.pictures import to_image
from envs.puzzles.sokoban.rules import SokobanState
from envs.puzzles.sokoban.solver import SokobanSolution, solve
from envs.puzzles.sokoban.tiles import ACTIONS, to_text

__all__ = (
    "ACTIONS",
    "LevelBank",
    "LevelSet",
    "Sokoban",
    "SokobanParams",
    "SokobanSolution",
    "SokobanState",
    "as_bank",
    "dead_squares",
    "generate_levels",
    "parse_level",
    "read_levels",
    "solve",
    "to_image",
    "to_text",
)
