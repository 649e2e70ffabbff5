"""Environments (gymnax API), adapters, registry, the environment checker."""

from envs.adapter import Adapter, adapt, encode
from envs.bernoulli import BernoulliSelection
from envs.checker import check
from envs.knapsack import Knapsack, KnapsackParams, KnapsackState, optimal_value
from envs.metalevel import MetalevelEnv
from envs.mouselab import Mouselab
from envs.options import parse_value
from envs.pandora import Pandora
from envs.registry import EnvironmentRow, describe, is_metareasoning, make, names, register
from envs.report import Report

__all__ = (
    "Adapter",
    "BernoulliSelection",
    "EnvironmentRow",
    "Knapsack",
    "KnapsackParams",
    "KnapsackState",
    "MetalevelEnv",
    "Mouselab",
    "Pandora",
    "Report",
    "adapt",
    "check",
    "describe",
    "encode",
    "is_metareasoning",
    "make",
    "names",
    "optimal_value",
    "parse_value",
    "register",
)
