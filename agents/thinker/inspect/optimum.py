"""The best way to imagine, exactly, in the environment ``imagine``.

What an agent knows there is which edges below its root it has asked for, and what these pay. So its
belief is a label for each edge: 1, -1, or 0 where it is unknown. An answer leads from a belief and
the place that the walk has come to, to others, by the rules of :mod:`agents.thinker.augmented`.
There are finitely many, each step is one more of a stage that holds so many, and each real step
leads one level down. So the best value of each is found by going through all, the last ones first.

Of equal answers acting is taken, then the first: so the least is imagined that is needed.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from agents.thinker.config import StageConfig
from rrplan.errors import InputError

MOST_STANDINGS, MOST_IMAGINED = 200_000, 100
TIE = 1e-9  # gains that are no larger are nothing but rounding


class Standing(NamedTuple):
    """What an agent knows, and where it has walked to."""

    height: int  # decisions left
    known: tuple[int, ...]  # of the edge into each node below the root, level by level: 1, -1 or 0
    node: int = 0  # where the next imaginary step starts; the root is 0
    depth: int = 0  # of the walk there: more than the node's level past an end
    imagined: int = 0  # imaginary steps of this stage


class Best(NamedTuple):
    """The best answer, and what is expected from there on if all answers are the best."""

    value: float  # rewards, less what imagining costs
    answer: int  # of 3 A, see agents.thinker.lanes
    levels: float  # imaginary steps
    calls: float  # of them, those that are charged


class Optimum:
    """The best value and answer of every standing.

    Args:
        branching: actions, ``A``.
        depth: decisions of an episode.
        stage: the rules.
        price: of an imaginary step that calls the model; of every one with ``charge_revisits``.

    Raises:
        InputError: the price is negative or not finite, or there is too much to go through.
    """

    def __init__(self, branching: int, depth: int, stage: StageConfig, price: float):
        if not 0.0 <= price < float("inf"):
            raise InputError(f"price is {price}: expected a number, at least 0")
        beliefs = 1
        for _ in range(depth):
            beliefs = (1 + 2 * beliefs) ** branching
            if beliefs > MOST_STANDINGS:
                break
        nodes = sum(branching**level for level in range(depth + 1))
        size = beliefs * nodes * stage.steps
        if size > MOST_STANDINGS or stage.most > MOST_IMAGINED:
            raise InputError(
                f"branching {branching}, depth {depth} and {stage.most} imaginary steps make"
                f" {size:,} standings or more: expected at most {MOST_STANDINGS:,}, and"
                f" {MOST_IMAGINED} imaginary steps, for an exact solution"
            )
        self.branching, self.depth, self.stage, self.price = branching, depth, stage, price
        self._solved: dict[Standing, Best] = {}

    @property
    def first(self) -> Standing:
        """Where an episode begins: nothing is known."""
        return Standing(self.depth, (0,) * (self._nodes(self.depth) - 1))

    @property
    def start(self) -> Best:
        """The best answer at the beginning of an episode, and what the best is worth."""
        return self.best(self.first)

    def best(self, at: Standing) -> Best:
        """Return the best answer of a standing that has a decision left."""
        found = self._solved.get(at)
        if found is None:
            found = Best(-float("inf"), 0, 0.0, 0.0)
            for answer in self.answers(at):
                told = self._expect(at, answer)
                if told.value > found.value + TIE:
                    found = told
            self._solved[at] = found
        return found

    def answers(self, at: Standing) -> list[int]:
        """Return what may be answered."""
        imagines = at.imagined < self.stage.most
        real = range(self.branching) if self.stage.chosen or not imagines else range(0)
        kinds = (3 if self.stage.resets else 2) if imagines else 1
        return [*real, *range(self.branching, kinds * self.branching)]

    def follow(self, at: Standing, answer: int, reward: int) -> Standing | None:
        """Return what follows an answer; None where the episode is over.

        Args:
            at: before the answer.
            answer: one of :meth:`answers`.
            reward: of the edge that is stepped along: 1 or -1.
        """
        if answer < self.branching:
            return self._act(at, answer)
        child = self._child(at, answer)
        depth = at.depth + 1
        known = at.known
        if child is not None and not known[child - 1]:
            known = (*known[: child - 1], reward, *known[child:])
        if answer >= 2 * self.branching or depth >= self.stage.depth:
            return Standing(at.height, known, imagined=at.imagined + 1)
        place = at.node if child is None else child
        return Standing(at.height, known, place, depth, at.imagined + 1)

    def play(self, rewards: Sequence[int]) -> float:
        """Return what the best answers earn in one tree, less what imagining costs.

        Args:
            rewards: of the edge into each node but the root, 1 or -1, level by level.
        """
        at, total = self.first, 0.0
        while at is not None:
            answer = self.best(at).answer
            child = self._child(at, answer)
            total -= self.price * self._charged(at, answer)
            after = self.follow(at, answer, rewards[child - 1] if child is not None else 0)
            if answer < self.branching:
                total += rewards[answer]
                below = _subtree(self.branching, at.height, answer)
                rewards = [rewards[node - 1] for node in below[1:]]
            at = after
        return total

    def _expect(self, at: Standing, answer: int) -> Best:
        """Return what is expected of an answer, if all later ones are the best."""
        real = answer < self.branching
        child = self._child(at, answer)
        reward = at.known[child - 1] if child is not None else 0
        levels, charged = float(not real), self._charged(at, answer)
        possible = (reward,) if reward or child is None or real else (1, -1)
        # The reward of a real step that is not known is 0 on the mean, and nothing later needs it.
        value = float(reward if real else 0) - self.price * charged
        for outcome in possible:
            after = self.follow(at, answer, outcome)
            if after is not None:
                later, share = self.best(after), 1.0 / len(possible)
                value += share * later.value
                levels += share * later.levels
                charged += share * later.calls
        return Best(value, answer, levels, charged)

    def _act(self, at: Standing, action: int) -> Standing | None:
        if at.height == 1:
            return None
        known = [0] * (self._nodes(at.height - 1) - 1)
        if self.stage.keep_tree and at.known[action]:
            below = _subtree(self.branching, at.height, action)
            known = [at.known[node - 1] for node in below[1:]]
        return Standing(at.height - 1, tuple(known))

    def _child(self, at: Standing, answer: int) -> int | None:
        """Return the node that a step leads to, a real one from the root; None past an end."""
        start = 0 if answer < self.branching else at.node
        if start >= self._nodes(at.height - 1):
            return None
        return self.branching * start + 1 + answer % self.branching

    def _charged(self, at: Standing, answer: int) -> float:
        """Return for how many imaginary steps an answer is charged: 0 or 1."""
        if answer < self.branching:
            return 0.0
        child = self._child(at, answer)
        new = child is not None and not at.known[child - 1]
        return float(new or self.stage.charge_revisits)

    def _nodes(self, height: int) -> int:
        return sum(self.branching**level for level in range(height + 1))


@functools.cache
def _subtree(branching: int, height: int, action: int) -> tuple[int, ...]:
    """Return the nodes below and with a child of the root, level by level."""
    nodes, level = [1 + action], [1 + action]
    for _ in range(height - 1):
        level = [branching * node + 1 + a for node in level for a in range(branching)]
        nodes += level
    return tuple(nodes)
