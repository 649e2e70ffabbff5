"""Who teaches a meta-policy: PPO and its rivals, on a finished run's planner, at one price.

Learning curves are of timed returns on validation episodes, against looks and against seconds.
``docs/metapolicies.md`` quotes the table.
"""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from agents import metapolicies
from agents.metapolicies import heldout, tuning
from agents.metapolicies.learners.making import make_training
from agents.metapolicies.selfaware import rule
from agents.metapolicies.selfaware import train as gains_train
from agents.training.fit import begin
from experiments.studies.ablations import metapolicy
from experiments.studies.ablations.harness import Bench, Column, Row, Trial
from experiments.studies.ablations.metapolicy import Arm, FixedArm, Setting
from rrplan import operations
from rrplan.statistics import mean_ci
from rrplan.types import MetaPolicy, PyTree

VALIDATION_EPISODES = 1024
"""Of the learning curves, and of the rule's tuning; held-out episodes are others."""
_COLUMNS = (
    Column("timed", "timed return", ".4f"),
    Column("difference", "to the first arm", "+.4f"),
    Column("untimed", "untimed", ".4f"),
    Column("simulations", "simulations", ".1f"),
    Column("looks", "looks", ".1f"),
    Column("learned_from", "looks of the training", ",.0f"),
    Column("cpu_seconds", "CPU seconds of the training", ".0f"),
)


class Options(metapolicy.Options, Protocol):
    """What is asked for."""

    agent: str  # gate or stopper
    evaluations: int  # points of a learning curve


class RuleArm(NamedTuple):
    """The rule of two numbers on the self-aware planner's predicted gains."""

    label: str


class Point(NamedTuple):
    """Where a training stands."""

    looks: float  # played so far
    seconds: float  # of this process's CPU time so far, evaluations left out
    returns: np.ndarray  # [E] timed, on validation episodes


class Trained(NamedTuple):
    """What a training leaves."""

    params: PyTree
    curve: list[Point]


def learners() -> list[Arm | RuleArm]:
    """All learners, PPO first."""
    return [
        Arm("PPO", learner={"kind": "ppo"}),
        Arm("ReMax", learner={"kind": "remax"}),
        Arm("leave-one-out", learner={"kind": "leave-one-out"}),
        Arm("regression", learner={"kind": "regression"}),
        Arm("imitation, then PPO", learner={"kind": "imitation"}),
        RuleArm("self-aware rule"),
    ]


def prepare(arms: Sequence[Arm | RuleArm], options: Options) -> Bench:
    """Return the learners on a finished run's planner; the run's best fixed k is the last arm.

    Raises:
        rrplan.InputError: there is no finished run, or it had no such price.
    """
    setting = metapolicy.load(options)
    fixed = FixedArm(f"fixed k = {setting.best_fixed}")

    def trial(arm: Arm | RuleArm | FixedArm) -> Trial:
        if isinstance(arm, FixedArm):
            return _make_fixed(setting)
        if isinstance(arm, RuleArm):
            return _make_rule(setting)
        return _make_learned(setting, arm._replace(agent=options.agent), options.evaluations)

    return Bench([*arms, fixed], trial, "timed_return", metapolicy.describe, _COLUMNS)


def summarise(trained: Sequence[Trained]) -> Row:
    """Return the learning curve of all seeds.

    Looks are the mean of the seeds. Seconds are those of the fastest, so that compilation, which
    the first seed does for all, is left out.
    """
    curve = []
    for points in zip(*(one.curve for one in trained), strict=True):
        curve.append(
            {
                "looks": float(np.mean([point.looks for point in points])),
                "seconds": min(point.seconds for point in points),
                "timed": mean_ci(np.stack([point.returns for point in points]))._asdict(),
            }
        )
    last = curve[-1]
    return {"curve": curve, "learned_from": last["looks"], "cpu_seconds": last["seconds"]}


def _make_learned(setting: Setting, arm: Arm, evaluations: int) -> Trial:
    made = metapolicy.make_task(setting, arm)
    task, chunks = made.task, made.task.ppo.num_chunks
    due = {round(chunks * (place + 1) / evaluations) for place in range(evaluations)}

    def train(seed: int) -> Trained:
        # Anew for each seed: what it tabulates, it tabulates for itself.
        training = make_training(task)
        state = begin(training, jax.random.key(seed))
        clock = _Clock()
        curve = [Point(0.0, 0.0, validate(state.params))]
        looks = 0.0
        for chunk in range(1, chunks + 1):
            with clock:
                state, metrics = training.advance(state)
                looks += float(getattr(metrics, "looks"))  # noqa: B009 - as every learner's
            if chunk in due:
                curve.append(Point(looks, clock.seconds, validate(state.params)))
        return Trained(state.params, curve)

    def validate(params: PyTree) -> np.ndarray:
        return _validate(setting, made.meta_policy, params, made.rates)

    return Trial(
        train,
        lambda trained: metapolicy.evaluate(setting, made.meta_policy, trained.params, made.rates),
        facts={"look": made.look},
        summarise=summarise,
    )


def _make_rule(setting: Setting) -> Trial:
    """Return the self-aware planner's head, and the two numbers tuned on validation episodes."""
    control, planner = setting.config.control, setting.planner
    head = gains_train.build(planner, control.gate_menu, control.gains)
    policy = rule.trusting(head)
    untrained = rule.RuleParams(head.init(jax.random.key(0)), jnp.ones(()), jnp.zeros(()))
    look = operations.of_look(planner, policy, untrained)
    rates = setting.bill.rates(look)
    prices = (setting.price, setting.price)
    training = gains_train.make_gains_train(
        planner, head, control.gains, rrplan.Costs(rates=rates), prices
    )
    chosen: list[Mapping[str, float]] = []

    def train(seed: int) -> Trained:
        state = begin(training, jax.random.key(seed))
        clock, found = _Clock(), {}

        def run(candidate: tuning.Candidate) -> rrplan.Episodes:
            params = jax.tree.map(jnp.float32, candidate.params)
            found[candidate.name] = _run(setting, policy, params, rates)
            return found[candidate.name]

        with clock:
            for _ in range(control.gains.num_chunks):
                state, _ = training.advance(state)
            grid = rule.candidates(head, state.params)
            (choice,) = tuning.tune(run, grid, [setting.price], lambda candidate: rates)
        params = choice.candidate.params
        chosen.append({"trust": params.trust, "effort": params.effort})
        decisions = control.gains.num_chunks * control.gains.rows_per_chunk
        looks = decisions + sum(float(episodes.looks.sum()) for episodes in found.values())
        returns = np.asarray(found[choice.candidate.name].timed_return)
        own = jax.tree.map(jnp.float32, params)
        return Trained(own, [Point(looks, clock.seconds, returns)])

    return Trial(
        train,
        lambda trained: metapolicy.evaluate(setting, policy, trained.params, rates),
        facts={"look": look / setting.bill.planner.simulation},
        summarise=lambda trained: {**summarise(trained), "chosen": list(chosen)},
    )


def _make_fixed(setting: Setting) -> Trial:
    """Return the best fixed k, which learns nothing."""
    trial, k = metapolicy.make_fixed(setting), jnp.int32(setting.best_fixed)
    returns = _validate(setting, metapolicies.fixed(), k, setting.bill.rates())
    level = {"looks": 0.0, "seconds": 0.0, "timed": mean_ci(returns)._asdict()}
    return trial._replace(summarise=lambda trained: {"curve": [level]})


def _validate(
    setting: Setting, meta_policy: MetaPolicy, params: PyTree, rates: rrplan.Rates
) -> np.ndarray:
    return np.asarray(_run(setting, meta_policy, params, rates).timed_return)


def _run(
    setting: Setting, meta_policy: MetaPolicy, params: PyTree, rates: rrplan.Rates
) -> rrplan.Episodes:
    """Play the validation episodes."""
    return rrplan.evaluate(
        setting.planner,
        meta_policy,
        params,
        key=jax.random.key(heldout.EVALUATION_SEED),
        episodes=VALIDATION_EPISODES,
        costs=rrplan.Costs(setting.price, rates),
    )


class _Clock:
    """CPU seconds of this process, of all its threads, within blocks."""

    def __init__(self):
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._begun = time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.process_time() - self._begun
