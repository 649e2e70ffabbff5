"""What gymnax's own environments break, written down: the checker must say this and no more."""

import gymnax
import pytest

import envs

TYPES = "leaves of the state change their type between reset_env and step_env: "
RETRACED = "a jitted step was traced 2 times"
RESET_DTYPE = "the observation that reset_env returns is "
STEP_DTYPE = "the observation that step_env returns is "
INTEGER_REWARD = "int32[]: expected a float32 scalar"
ABOVE = "the observation goes above its space"
BELOW = "the observation goes below its space"

# Name -> a fragment of each sentence about what `envs.adapt` mends, in order.
MENDED = {
    "CartPole-v1": [TYPES],
    "Acrobot-v1": [],
    "MountainCar-v0": [TYPES, RETRACED],
    "Asterix-MinAtar": [TYPES],
    "Breakout-MinAtar": [TYPES],
    "Freeway-MinAtar": [TYPES, RETRACED],
    "Seaquest-MinAtar": [],
    "SpaceInvaders-MinAtar": [TYPES, RETRACED],
    "Catch-bsuite": [TYPES, RESET_DTYPE, STEP_DTYPE],
    "DeepSea-bsuite": [TYPES],
    "MemoryChain-bsuite": [],
    "UmbrellaChain-bsuite": [TYPES, INTEGER_REWARD, RETRACED],
    "DiscountingChain-bsuite": [TYPES, RETRACED],
    "SimpleBandit-bsuite": [TYPES, RETRACED],
    "FourRooms-misc": [TYPES, RESET_DTYPE, STEP_DTYPE],
    "MetaMaze-misc": [TYPES, RETRACED],
    "BernoulliBandit-misc": [TYPES, INTEGER_REWARD, RETRACED],
    "GaussianBandit-misc": [TYPES, RETRACED],
    "Pong-misc": [TYPES],
    "FrozenLake-misc": [TYPES],
}
# What is wrong: an observation outside its space reaches a network as it is. All others keep the
# contract.
BROKEN = {
    "MemoryChain-bsuite": [BELOW],
    "MetaMaze-misc": [ABOVE],
    "GaussianBandit-misc": [BELOW],
}
STOCHASTIC = {
    "Asterix-MinAtar",
    "Seaquest-MinAtar",
    "UmbrellaChain-bsuite",
    "FourRooms-misc",
    "MetaMaze-misc",
    "BernoulliBandit-misc",
    "GaussianBandit-misc",
    "FrozenLake-misc",
}
HIDING = {
    "Seaquest-MinAtar",
    "MemoryChain-bsuite",
    "SimpleBandit-bsuite",
    "MetaMaze-misc",
    "BernoulliBandit-misc",
    "GaussianBandit-misc",
}
DOWNLOADS = pytest.mark.skip(reason="MNISTBandit-bsuite downloads its images when it is built")
MARKS = {
    "MNISTBandit-bsuite": DOWNLOADS,
    **dict.fromkeys(  # their programs take long to compile
        ("Seaquest-MinAtar", "Freeway-MinAtar", "Asterix-MinAtar"), pytest.mark.slow
    ),
}
NAMES = [
    pytest.param(name, marks=MARKS.get(name, ()))
    for name in envs.names()
    if name in gymnax.registered_envs
]


@pytest.mark.parametrize("name", NAMES)
def test_what_gymnax_breaks_is_reported(name):
    env, params = envs.make(name)
    report = envs.check(env, params, steps=256)
    for found, fragments in (
        (report.problems, BROKEN.get(name, [])),
        (report.mended, MENDED[name]),
    ):
        assert len(found) == len(fragments), str(report)
        for fragment, sentence in zip(fragments, found, strict=True):
            assert fragment in sentence
    notes = " ".join(report.notes)
    assert ("it is stochastic" in notes) == (name in STOCHASTIC), str(report)
    assert ("what the observation hides" in notes) == (name in HIDING), str(report)


def test_frozen_lake_without_slipping_is_deterministic():
    env, params = envs.make("FrozenLake-misc", is_slippery=False)
    report = envs.check(env, params, steps=256)
    assert any("it looks deterministic" in note for note in report.notes)
