"""Levels by hand with their answers, and Sokoban again in plain Python: no arrays, no bits."""

from collections import deque
from typing import NamedTuple

MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))  # up, down, left, right


class Answer(NamedTuple):
    """What a level takes: the fewest pushes, and the fewest moves; None where it is unsolvable."""

    pushes: int | None
    moves: int | None


HAND = {
    # One push, at once.
    "beside": ("#####\n#@$.#\n#####", Answer(1, 1)),
    # One step to the box, two pushes.
    "corridor": ("#######\n#@ $ .#\n#######", Answer(2, 3)),
    "shaft": ("###\n#.#\n# #\n# #\n#$#\n#@#\n###", Answer(3, 3)),
    "at the far side": ("######\n#    #\n# .$@#\n#    #\n######", Answer(1, 1)),
    # Up, right, right, down, then two pushes to the left.
    "around the box": ("######\n#    #\n#.@$ #\n#    #\n######", Answer(2, 6)),
    # Right twice, two steps to below the box, up twice; up first takes eight moves.
    "round a corner": ("######\n#   .#\n#    #\n#@$  #\n#    #\n######", Answer(4, 6)),
    # Left, back, right.
    "between two": ("#######\n#.$@$.#\n#######", Answer(2, 3)),
    # Down, then up, right and down.
    "two down": ("#####\n#@  #\n#$$ #\n#.. #\n#####", Answer(2, 4)),
    "one is there already": ("#######\n#@$. *#\n#######", Answer(1, 1)),
    # The box on the target is in the way. The other one goes round below it: down, left, left, up,
    # with walks of 1, 2, 0 and 2 steps before these pushes.
    "make room": (
        "######\n#    #\n#   @#\n#.*$ #\n#    #\n#    #\n######",
        Answer(4, 9),
    ),
    "corner": ("#####\n#$ @#\n#  .#\n#####", Answer(None, None)),
    # Along a wall for ever, and the target is not there.
    "wall": ("######\n#.   #\n#  @ #\n#    #\n#  $ #\n######", Answer(None, None)),
    # Each box is in the other's way, and the wall is in both.
    "frozen pair": ("#######\n#.$$. #\n#  @  #\n#######", Answer(None, None)),
    "through a gap": ("#######\n#  #  #\n#@$  .#\n#  #  #\n#######", Answer(3, 3)),
    # Nine steps around the block, two pushes back.
    "round the block": (
        "########\n#      #\n# #### #\n#@ . $ #\n########",
        Answer(2, 11),
    ),
    # Fewest pushes: four steps, up, two steps, left, four steps, up. Fewest moves: left, left, two
    # steps, up, up, right, which are five pushes.
    "push or walk": ("######\n#.   #\n# $.##\n#  $@#\n#    #\n######", Answer(3, 7)),
    # The inner target first: step, down, down, five steps, left, two steps, down.
    "one behind the other": (
        "#######\n#@    #\n# $$  #\n##.####\n##.####\n#######",
        Answer(4, 12),
    ),
    # Each push but the last takes a step back.
    "star of three": (
        "#######\n###.###\n###$###\n#.$@$.#\n#######",
        Answer(3, 5),
    ),
    "star of four": (
        "#######\n###.###\n###$###\n#.$@$.#\n###$###\n###.###\n#######",
        Answer(4, 7),
    ),
    # The player stands on the target: up, right, right, down, left.
    "on the target": ("#####\n#   #\n#+$ #\n#   #\n#####", Answer(1, 5)),
    "out of the door": ("#######\n#@ #  #\n#  $ .#\n#  #  #\n#######", Answer(2, 4)),
    # In a corridor nobody gets to the other side.
    "wrong side": ("#######\n#.@$  #\n#######", Answer(None, None)),
}


class Plain(NamedTuple):
    """A level as sets of places; a place is a row and a column."""

    floor: frozenset
    targets: frozenset
    boxes: frozenset
    player: tuple

    @classmethod
    def read(cls, text):
        """Read a level in Boxoban's characters."""
        places = {
            (row, column): character
            for row, line in enumerate(text.split("\n"))
            for column, character in enumerate(line)
        }

        def find(characters):
            return frozenset(place for place, seen in places.items() if seen in characters)

        return cls(find(" .$*@+"), find(".*+"), find("$*"), next(iter(find("@+"))))

    @property
    def solved(self):
        """Whether every box is on a target."""
        return self.boxes <= self.targets

    def step(self, action):
        """Return where an action leads, and whether it pushed."""
        (down, right), (row, column) = MOVES[action], self.player
        ahead, beyond = (row + down, column + right), (row + 2 * down, column + 2 * right)
        if ahead not in self.floor:
            return self, False
        if ahead not in self.boxes:
            return self._replace(player=ahead), False
        if beyond not in self.floor or beyond in self.boxes:
            return self, False
        return self._replace(player=ahead, boxes=self.boxes - {ahead} | {beyond}), True


def search(text, price_of_walking):
    """Return the fewest pushes, walking being free, or the fewest moves; None if unsolvable.

    Breadth first over single steps; free steps are taken up first.
    """
    first = Plain.read(text)
    queue, seen = deque([(0, first)]), set()
    while queue:
        cost, level = queue.popleft()
        if level.solved:
            return cost
        if (level.player, level.boxes) in seen:
            continue
        seen.add((level.player, level.boxes))
        for action in range(4):
            after, pushed = level.step(action)
            if pushed or price_of_walking:
                queue.append((cost + 1, after))
            else:
                queue.appendleft((cost, after))
    return None
