"""What a study of a metareasoning problem is: a frozen dataclass, and presets."""

import dataclasses
import math
from typing import Annotated, Any

import tyro

from agents.metareasoning.config import MetareasoningConfig
from agents.networks import NetworkConfig
from agents.presets import PRESETS, metareasoning_preset
from experiments.checking import check_types
from rrplan.errors import InputError, unknown


@dataclasses.dataclass(frozen=True)
class MetalevelConfig:
    """Metareasoning policies trained on a problem, scored beside the exact optimum."""

    env: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENV")]
    """Problem: bernoulli, mouselab, pandora, or package.module:Class. Its own options are
    --env.KEY VALUE."""
    env_kwargs: tyro.conf.Suppress[dict[str, Any]] = dataclasses.field(default_factory=dict)
    costs: tuple[float, ...] = ()
    """Costs of a computation that metareasoning policies are trained for, one each; the problem's
    own if not given."""
    curve_points: int = 13
    """Other costs, from a tenth of the least to ten times the largest, that the classical policies
    are drawn at."""
    network: NetworkConfig = dataclasses.field(default_factory=NetworkConfig)
    train: MetareasoningConfig = dataclasses.field(default_factory=MetareasoningConfig)
    seeds: int = 1
    """Training seeds of each metareasoning policy."""
    seed: int = 0
    """Seed of everything."""

    def __post_init__(self):
        check_types(self)
        object.__setattr__(self, "costs", tuple(sorted(set(self.costs))))
        for cost in self.costs:
            if not 0 <= cost < math.inf:
                raise InputError(f"costs holds {cost}: expected numbers from 0 on")
        for name, least in (("curve_points", 0), ("seeds", 1), ("seed", 0)):
            value = getattr(self, name)
            if value < least:
                raise InputError(f"{name} is {value}: expected at least {least}")
        if self.seed >= 2**32:
            raise InputError(f"seed is {self.seed}: expected less than 2**32")


def preset(env: str, name: str) -> MetalevelConfig:
    """Return the study of a problem as a preset has it: ``full`` has five training seeds.

    Raises:
        InputError: no such preset.
    """
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    network, train = metareasoning_preset(env)
    return MetalevelConfig(env=env, network=network, train=train, seeds=5 if name == "full" else 1)
