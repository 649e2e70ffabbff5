"""The checker: silent about a sound environment, and each kind of fault is called by its name."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct
from gymnax.environments import environment, spaces

from envs import Knapsack, adapt, check, is_stochastic
from envs.checker import chance

GOAL = 3


@struct.dataclass
class LineState(environment.EnvState):
    position: jax.Array


@struct.dataclass
class LineParams(environment.EnvParams):
    max_steps_in_episode: int = 12


class Line(environment.Environment):
    """Five cells in a row; actions stay and go on; the episode ends in cell 3. Sound."""

    @property
    def default_params(self):
        return LineParams()

    @property
    def num_actions(self):
        return 2

    def reset_env(self, key, params):
        state = LineState(time=jnp.int32(0), position=jnp.int32(0))
        return self.observe(key, state, None, params), state

    def step_env(self, key, state, action, params):
        over = state.position == GOAL
        position = jnp.where(over, GOAL, state.position + (action > 0))
        after = LineState(time=state.time + 1, position=position)
        reward = jnp.where(~over & (position == GOAL), 1.0, 0.0)
        return self.observe(key, after, action, params), after, reward, position == GOAL, {}

    def observe(self, key, state, action, params):
        return jnp.array([state.position, 1], jnp.float32)

    def action_space(self, params):
        return spaces.Discrete(2)

    def observation_space(self, params):
        return spaces.Box(0, 4, (2,), jnp.float32)


class ResetsWithPythonNumbers(Line):
    def reset_env(self, key, params):
        observation, state = super().reset_env(key, params)
        return observation, state.replace(time=0)


class DriftsToFloat(Line):
    def step_env(self, key, state, action, params):
        observation, state, *rest = super().step_env(key, state, action, params)
        return observation, state.replace(position=state.position * 1.0), *rest


class ChangesStructure(Line):
    def step_env(self, key, state, action, params):
        observation, state, *rest = super().step_env(key, state, action, params)
        return observation, {"position": state.position, "time": state.time}, *rest

    def is_truncated(self, state, params):
        return state["time"] >= params.max_steps_in_episode


class KeepsText(Line):
    def reset_env(self, key, params):
        observation, state = super().reset_env(key, params)
        return observation, state.replace(position="start")


class ResetsToOneValue(Line):
    def reset_env(self, key, params):
        return super().reset_env(key, params)[0]


class StepsToFourValues(Line):
    def step_env(self, *args):
        return super().step_env(*args)[:4]


class Raises(Line):
    def step_env(self, *args):
        raise KeyError("boom")


class HasNoStep(Line):
    def step_env(self, *args):
        raise NotImplementedError


class Branches(Line):
    def step_env(self, key, state, action, params):
        if state.position > 1:
            action = 0
        return super().step_env(key, state, action, params)


class CannotTruncate(Line):
    def is_truncated(self, state, params):
        return state.clock > 3


class PaysVectors(Line):
    def step_env(self, *args):
        observation, state, reward, *rest = super().step_env(*args)
        return observation, state, reward[None], *rest


class PaysPairs(Line):
    def step_env(self, *args):
        observation, state, reward, *rest = super().step_env(*args)
        return observation, state, jnp.stack([reward, reward]), *rest


class EndsByNumber(Line):
    def step_env(self, *args):
        *head, terminated, info = super().step_env(*args)
        return *head, terminated.astype(jnp.float32), info


class Endless(Line):
    def step_env(self, *args):
        *head, terminated, info = super().step_env(*args)
        return *head, jnp.zeros_like(terminated), info

    def is_truncated(self, state, params):
        return jnp.zeros((), bool)


class SeesNan(Line):
    def observe(self, key, state, action, params):
        return jnp.where(state.position == 2, jnp.nan, super().observe(key, state, action, params))


class PaysNan(Line):
    def step_env(self, *args):
        observation, state, _, *rest = super().step_env(*args)
        return observation, state, jnp.where(state.position == GOAL, jnp.nan, 0.0), *rest


class KeepsNan(Line):
    def reset_env(self, key, params):
        observation, state = super().reset_env(key, params)
        return observation, state.replace(position=jnp.float32(jnp.nan))


class LeavesItsSpace(Line):
    def observation_space(self, params):
        return spaces.Box(0, 2, (2,), jnp.float32)


class FallsBelowItsSpace(Line):
    def observation_space(self, params):
        return spaces.Box(np.array([0.5, 0]), np.array([4, 4]), (2,), jnp.float32)


class HasAnotherShape(Line):
    def observation_space(self, params):
        return spaces.Box(0, 4, (3,), jnp.float32)


class HasAnotherDtype(Line):
    def observation_space(self, params):
        return spaces.Box(0, 4, (2,), jnp.int32)


class HasAnotherStructure(Line):
    def observation_space(self, params):
        return spaces.Dict({"image": spaces.Box(0, 4, (2,), jnp.float32)})


class ObservationChangesShape(Line):
    def step_env(self, *args):
        observation, *rest = super().step_env(*args)
        return observation[:1], *rest


class MaskTooShort(Line):
    def invalid_actions(self, state, params):
        return jnp.zeros(1, bool)


class MaskHoldsTwo(Line):
    def invalid_actions(self, state, params):
        return jnp.array([2, 0])


class MasksEverything(Line):
    def invalid_actions(self, state, params):
        return jnp.full(2, state.position == 1)


class IllegalIsNan(Line):
    def invalid_actions(self, state, params):
        return jnp.array([True, False])

    def step_env(self, key, state, action, params):
        observation, state, reward, *rest = super().step_env(key, state, action, params)
        return observation, state, jnp.where(action == 0, jnp.nan, reward), *rest


class RollsPythonDice(Line):
    def reset_env(self, key, params):
        observation, state = super().reset_env(key, params)
        return observation, state.replace(position=jnp.int32(np.random.default_rng().integers(999)))


class CountsItsSteps(Line):
    def __init__(self):
        self.steps = 0

    def step_env(self, key, state, action, params):
        self.steps += 1
        observation, state, reward, *rest = super().step_env(key, state, action, params)
        return observation, state, reward + self.steps, *rest


class AsksOutside(Line):
    """Every run of the compiled program pays something else."""

    calls = itertools.count()

    def step_env(self, *args):
        observation, state, reward, *rest = super().step_env(*args)
        paid = jax.pure_callback(
            lambda _: np.float32(next(self.calls)),
            jax.ShapeDtypeStruct((), jnp.float32),
            reward,
            vmap_method="sequential",
        )
        return observation, state, paid, *rest


@jax.custom_batching.custom_vmap
def one_alone(position):
    return 1.0 + 0 * position


@one_alone.def_vmap
def _two_in_a_batch(size, batched, position):
    return 2.0 + 0.0 * position, True


class DiffersInABatch(Line):
    def observe(self, key, state, action, params):
        return jnp.stack([state.position, one_alone(state.position)]).astype(jnp.float32)


class MiscountsActions(Line):
    @property
    def num_actions(self):
        return 3


class IsContinuous(Line):
    def action_space(self, params):
        return spaces.Box(-1, 1, (1,))


class HasNoActionSpace(Line):
    def action_space(self, params):
        raise NotImplementedError


class CannotBeHashed(Line):
    __hash__ = None


class Lists(Line):
    """All cells at all times; the type of time is as Python has it, which the adapter mends."""

    def enumerate_states(self, first_state, params):
        time, position = jnp.divmod(jnp.arange(13 * 5), 5)
        return LineState(time=time, position=position)


class ListsTooFew(Lists):
    def enumerate_states(self, first_state, params):
        return jax.tree.map(lambda leaf: leaf[:20], super().enumerate_states(first_state, params))


class ListsNotTheFirst(Lists):
    def enumerate_states(self, first_state, params):
        return jax.tree.map(lambda leaf: leaf[1:], super().enumerate_states(first_state, params))


class ListsOneState(Lists):
    def enumerate_states(self, first_state, params):
        return first_state


class ListsNumbers(Lists):
    def enumerate_states(self, first_state, params):
        return range(3)


FAULTS = [
    (ListsTooFew, "enumerate_states does not list what a step leads to; expected all states"),
    (ListsNotTheFirst, "enumerate_states does not list the first state; expected all states"),
    (ListsOneState, "enumerate_states of ListsOneState returns LineState"),
    (ListsNumbers, "enumerate_states raises "),
    (ChangesStructure, "step_env returns a state of another structure"),
    (KeepsText, "has leaves that are not arrays: position (a Python str)"),
    (ResetsToOneValue, "expected 2, observation and state"),
    (StepsToFourValues, "step_env returns 4 values: expected 5, observation"),
    (Raises, "step_env raises KeyError: 'boom'"),
    (HasNoStep, "step_env is not implemented"),
    (Branches, "step_env cannot be compiled by jit"),
    (CannotTruncate, "is_truncated raises AttributeError"),
    (PaysPairs, "float32[2]: expected a float32 scalar"),
    (Endless, "16 of 16 episodes of random legal play did not end in 60 steps"),
    (SeesNan, "the observation is NaN: expected finite numbers"),
    (PaysNan, "the reward is NaN: expected finite numbers"),
    (KeepsNan, "the state after step_env (position) is NaN: expected finite numbers"),
    (LeavesItsSpace, "the observation goes above its space: 3 at index (0,), expected at most 2"),
    (FallsBelowItsSpace, "goes below its space: 0 at index (0,), expected at least 0.5"),
    (HasAnotherShape, "has shape (2,): its space says (3,)"),
    (HasAnotherStructure, "does not have the parts of its space, ['image']"),
    (ObservationChangesShape, "the observation changes its type between reset_env and step_env"),
    (MaskTooShort, "invalid_actions after reset_env is bool[1]: expected shape (2,)"),
    (MaskHoldsTwo, "invalid_actions holds 2: expected only 0 (legal) and 1 (illegal)"),
    (MasksEverything, "has no legal action: expected at least one"),
    (IllegalIsNan, "the reward after an illegal action"),
    (RollsPythonDice, "reset_env compiles to another program each time it is traced"),
    (CountsItsSteps, "step_env compiles to another program each time it is traced"),
    (AsksOutside, "step_env gives two answers for one key, state and action (reward)"),
    (DiffersInABatch, "differs alone and under vmap (observation): expected the same"),
    (MiscountsActions, "num_actions is 3 but the action space has 2: expected the same"),
    (IsContinuous, "the action space is a Box: expected Discrete"),
    (HasNoActionSpace, "action_space is not implemented"),
    (CannotBeHashed, "the environment cannot be hashed: expected a static object"),
]


MENDED = [
    (ResetsWithPythonNumbers, "time (a Python int, then weakly typed int32[]); expected arrays"),
    (DriftsToFloat, "position (int32[], then weakly typed float32[]); expected arrays"),
    (DriftsToFloat, "a jitted step was traced 2 times in 8 steps: expected once"),
    (PaysVectors, "float32[1]: expected a float32 scalar"),
    (EndsByNumber, "terminated is float32[]: expected a bool scalar"),
    (HasAnotherDtype, "is float32[2]: its space says int32"),
]


@functools.cache
def check_toy(kind):
    return check(kind(), steps=60)


@functools.cache
def check_knapsack(law="strongly"):
    return check(Knapsack(num_items=5, law=law), steps=60)


def test_a_sound_environment_has_no_problems():
    report = check_toy(Line)
    assert report.problems == report.mended == ()
    assert report.ok
    assert str(report).startswith("Line: keeps the contract")


def test_a_sound_list_of_states_is_no_finding():
    assert check_toy(Lists).problems == ()
    assert check_toy(Lists).notes == check_toy(Line).notes


@pytest.mark.parametrize(("broken", "sentence"), FAULTS)
def test_a_fault_is_called_by_its_name(broken, sentence):
    report = check_toy(broken)
    assert not report.ok
    assert any(sentence in problem for problem in report.problems), str(report)
    assert not any("\n" in problem for problem in report.problems)
    assert not any("could not be finished" in problem for problem in report.problems), str(report)


@pytest.mark.parametrize(("odd", "sentence"), MENDED)
def test_what_the_adapter_mends_is_no_problem(odd, sentence):
    report = check_toy(odd)
    assert report.ok, str(report)
    assert any(sentence in found for found in report.mended), str(report)
    assert any("no invalid_actions" in note for note in report.notes)  # it was played


@pytest.mark.parametrize("thing", [None, 3, Line, object()])
def test_what_is_no_environment_is_a_problem_and_no_crash(thing):
    (problem,) = check(thing).problems
    assert problem.startswith("expected a gymnax environment, got ")


class Slips(Line):
    def step_env(self, key, state, action, params):
        return super().step_env(key, state, action * jax.random.bernoulli(key), params)


class Hides(Line):
    """Whether going on pays is drawn at reset and never shown."""

    def reset_env(self, key, params):
        observation, state = super().reset_env(key, params)
        return observation, (state, jax.random.bernoulli(key))

    def step_env(self, key, state, action, params):
        observation, after, reward, *rest = super().step_env(key, state[0], action, params)
        return observation, (after, state[1]), reward * state[1], *rest

    def is_truncated(self, state, params):
        return super().is_truncated(state[0], params)


class StartsAgain(Line):
    def step_env(self, key, state, action, params):
        home = state.replace(position=jnp.where(state.position == GOAL, 0, state.position))
        return super().step_env(key, home, action, params)


class ListsAndSlips(Lists, Slips):
    pass


class RunsLong(Line):
    @property
    def default_params(self):
        return LineParams(max_steps_in_episode=500)

    def step_env(self, key, state, action, params):
        return super().step_env(key, state, action * (state.time > 400), params)


NOTES = [
    (Line, "terminal states absorb"),
    (Line, "it looks deterministic"),
    (Line, "it has no invalid_actions"),
    (Slips, "it is stochastic: one state and action led to different outcomes"),
    (Hides, "equal time and observation, different in [1], led to a different reward under"),
    (StartsAgain, "terminal states do not absorb: a step on from one changes the state, is not"),
    (ListsAndSlips, "the oracle refuses it: episode 0: a step leads elsewhere under another key"),
    (RunsLong, "did not end in 60 steps; the limit is 500 steps"),
]


@pytest.mark.parametrize(("env", "sentence"), NOTES)
def test_what_changes_the_meaning_of_a_search_is_noted(env, sentence):
    report = check_toy(env)
    assert report.ok, str(report)
    assert any(sentence in note for note in report.notes), str(report)


@pytest.mark.parametrize(
    ("env", "report", "expected"),
    [
        (Line(), lambda: check_toy(Line), False),
        (Slips(), lambda: check_toy(Slips), True),
        (Knapsack(num_items=5), lambda: check_knapsack("strongly"), False),
    ],
)
def test_the_cheap_test_of_chance_agrees_with_the_other(env, report, expected):
    assert is_stochastic(adapt(env), env.default_params) == expected
    notes = report().notes
    assert any("it is stochastic" in note for note in notes) == expected


def test_last_digits_and_what_is_nan_are_no_chance():
    twice = jnp.array([[1.0, jnp.nan], [1.0 + 1e-6, jnp.nan]])
    assert not chance._differs(twice)
    assert chance._differs(twice.at[1, 0].add(1e-3))
    assert chance._differs(jax.random.split(jax.random.key(0)))
    assert not chance._differs(jnp.array([3, 3]))


def test_a_fully_observed_environment_is_not_said_to_hide_anything():
    for env in (Line, Lists, Slips, StartsAgain):
        assert not any("hides" in note for note in check_toy(env).notes)


@pytest.mark.parametrize("law", ["strongly", "uncorrelated"])
def test_the_knapsack_keeps_the_contract(law):
    report = check_knapsack(law)
    assert report.problems == ()
    assert [note.split(":")[0] for note in report.notes] == [
        "terminal states absorb",
        "it looks deterministic",
    ]


def test_the_report_prints_every_sentence():
    for env, first in (
        (LeavesItsSpace, "LeavesItsSpace: 1 problem"),
        (HasAnotherDtype, "HasAnotherDtype: keeps the contract"),
    ):
        report = check_toy(env)
        assert str(report).splitlines()[0] == first
        for sentence in (*report.problems, *report.mended, *report.notes):
            assert sentence in str(report)
