"""Training settings that suit an environment, by name."""

import dataclasses
from typing import NamedTuple

from agents.alphazero.config import TrainConfig
from agents.metareasoning.config import MetareasoningConfig
from agents.networks import NetworkConfig
from rrplan.errors import unknown

PRESETS = ("quick", "full")


class TrainPreset(NamedTuple):
    """A network and how it is trained."""

    network: NetworkConfig
    train: TrainConfig


class MetareasoningPreset(NamedTuple):
    """A metareasoning policy's network and how it is trained."""

    network: NetworkConfig
    train: MetareasoningConfig


def metareasoning_preset(env_name: str) -> MetareasoningPreset:
    """Return what suits a metareasoning problem, for :func:`agents.metareasoning.network.build`.

    Args:
        env_name: as ``envs.make`` takes it; unknown names get settings for any environment.
    """
    # Samples of one arm or another are often worth nearly the same. A network that can tell arms
    # by their number prefers one of them for no reason, and its likeliest actions then never
    # sample the other. Nodes of a tree and boxes differ in more than their rows show.
    kind = "items" if env_name == "bernoulli" else "auto"
    return MetareasoningPreset(NetworkConfig(kind), MetareasoningConfig())


def train_preset(env_name: str, preset: str) -> TrainPreset:
    """Return the network and training settings for an environment.

    Args:
        env_name: as ``envs.make`` takes it; unknown names get settings for any environment.
        preset: ``"quick"`` (for two CPU cores and minutes) or ``"full"``.

    Raises:
        InputError: for an unknown preset.
    """
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)
    return _SETTINGS.get(env_name, _any)(preset == "full")


def _knapsack(full: bool) -> TrainPreset:
    # The same for both: a larger network, or a longer training, leaves search less to add.
    del full
    return _items(steps_per_chunk=8, num_chunks=50)


def _tardiness(full: bool) -> TrainPreset:
    # As the knapsack, with as many steps. A chunk holds an episode of ten jobs.
    del full
    return _items(steps_per_chunk=10, num_chunks=40)


def _traps(full: bool) -> TrainPreset:
    # No network can see a trap, so nothing is gained by a larger one or a longer training.
    del full
    return _items(steps_per_chunk=8, num_chunks=50)


def _items(steps_per_chunk: int, num_chunks: int) -> TrainPreset:
    train = TrainConfig(
        num_lanes=256,
        steps_per_chunk=steps_per_chunk,
        num_chunks=num_chunks,
        updates_per_chunk=32,
        gamma=1.0,
    )
    return TrainPreset(NetworkConfig("items", "tiny"), train)


def _sliding_tiles(full: bool) -> TrainPreset:
    # Eight units cannot hold the puzzle, however long they are trained: -0.38 and -0.45 at k = 0
    # (two seeds), where 16 units reach -0.30 and 32 units -0.26, of -0.23 at best. So search has
    # something left to do.
    # Returns are near 1, but a move is worth 1 / 32. With a return_scale of 1 the errors of values
    # hardly count beside those of the policy, and 16 units end at -0.41.
    train = TrainConfig(
        num_lanes=256,
        steps_per_chunk=8,
        num_chunks=1800 if full else 600,
        num_simulations=16,
        updates_per_chunk=32,
        gamma=1.0,
    )
    return TrainPreset(NetworkConfig("mlp", "tiny", width=8, return_scale=0.25), train)


def _sokoban(full: bool) -> TrainPreset:
    # A solved level of two boxes returns about 12. The discount is Thinker's. The time is not seen,
    # so the limit is no end. Whether a level will be solved is long unknown, so that values are far
    # off: with Q-values stretched to [0, 1], targets of the policy follow these errors. After 100
    # chunks k = 0 earned 1.2 with a value_floor of 0.02 and td_lambda 1; 3.2 with 0.2 and 0.9; and
    # 3.6 with 0.5 and 0.9 (two layers of 64). After 500 chunks 64 units earn 7.6 and k = 32 adds
    # 1.1; with 32 units it is 5.8 and 1.4. On one core a chunk of convolutions takes several times
    # as long.
    train = TrainConfig(
        num_lanes=128,
        steps_per_chunk=32,
        updates_per_chunk=64,
        num_simulations=8,
        num_chunks=1500 if full else 500,
        gamma=0.97,
        td_lambda=0.9,
        bootstrap_truncated=True,
        value_floor=0.5,
    )
    return TrainPreset(NetworkConfig("mlp", "small", return_scale=10.0), train)


def _catch(full: bool) -> TrainPreset:
    # The ball takes nine steps to fall, so sixteen hold a whole episode.
    train = TrainConfig(num_lanes=64, num_simulations=16, num_chunks=200 if full else 60, gamma=1.0)
    return TrainPreset(NetworkConfig("mlp", "small"), train)


def _frozen_lake(full: bool) -> TrainPreset:
    # Undiscounted, every safe step is worth the same and nothing says to walk to the goal. The
    # ring is small so that the wandering of the first chunks is soon forgotten.
    train = TrainConfig(
        num_lanes=64,
        num_simulations=32,
        num_chunks=400 if full else 150,
        replay_size=8192,
        gamma=0.95,
    )
    return TrainPreset(NetworkConfig("mlp", "small"), train)


def _cart_pole(full: bool) -> TrainPreset:
    # At this discount an endless episode is worth 100.
    return _long_returns(NetworkConfig("mlp", "small", return_scale=100.0), 300 if full else 100)


def _steps_to_goal(full: bool) -> TrainPreset:
    # Each step costs 1: at this discount at most 100. A goal is found by chance alone, and soon or
    # never: the policy must stay open until then, and learn at once from the first time.
    network = NetworkConfig("mlp", "small", return_scale=50.0)
    preset = _long_returns(network, 300 if full else 100)
    train = dataclasses.replace(
        preset.train, value_floor=0.1, entropy_weight=0.5, warmup_share=0.005
    )
    return preset._replace(train=train)


def _any(full: bool) -> TrainPreset:
    return _long_returns(NetworkConfig("auto", "small", return_scale=None), 300 if full else 60)


def _long_returns(network: NetworkConfig, num_chunks: int) -> TrainPreset:
    # Rewards may come late, so that returns are long. Observations seldom tell the time, so that a
    # limit is no end. Where nothing is found yet, Q-values differ by noise alone, and stretching
    # them would end exploration. Checkpoints hold the ring, and some observations are images.
    train = TrainConfig(
        num_lanes=64,
        steps_per_chunk=128,
        updates_per_chunk=128,
        num_simulations=16,
        num_chunks=num_chunks,
        replay_size=16384,
        gamma=0.99,
        bootstrap_truncated=True,
        value_floor=0.02,
        evaluate_every=10,
    )
    return TrainPreset(network, train)


_SETTINGS = {
    "knapsack": _knapsack,
    "tardiness": _tardiness,
    "sliding_tiles": _sliding_tiles,
    "traps": _traps,
    "sokoban": _sokoban,
    "Catch-bsuite": _catch,
    "FrozenLake-misc": _frozen_lake,
    "CartPole-v1": _cart_pole,
    "Acrobot-v1": _steps_to_goal,
    "MountainCar-v0": _steps_to_goal,
}
