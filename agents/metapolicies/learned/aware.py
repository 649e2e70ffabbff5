"""A gate that rides on the planner's network: a head on what that has computed at the root."""

from dataclasses import dataclass

from agents.metapolicies.learned.modules import Shallow
from agents.metapolicies.learned.network import MetaNetwork
from agents.networks import functional


@dataclass(frozen=True)
class AwareNetwork(MetaNetwork):
    """A meta-network of one hidden layer, which looks at no action by itself."""

    @property
    def module(self) -> functional.Make:
        """What is made of its inputs."""
        return Shallow
