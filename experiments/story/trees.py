"""Trees of decisions as plain values: of walks that a Thinker imagined, and of a search."""

import numpy as np

from agents.thinker.inspect.stages import split
from agents.thinker.inspect.steps import Acted, Steps
from agents.thinker.tree import NOWHERE, ROOT
from experiments.html.replaying import Searched
from experiments.story.tree_figure import Branch, Tree, Walk

_IMAGINED = (
    "A walk goes from the root down, and may take several steps; the next one begins at the root"
    " again. Its return: rewards, and the value of its last node."
)
_SEARCHED = (
    "A walk is a simulation, which adds the node at its end. Its return: rewards, and the network's"
    " value of that node."
)


def of_imagined(acted: Acted, title: str) -> Tree:
    """Return the tree of a stage of Thinker: what was imagined, and what was kept from before."""
    tree, steps = acted.tree, acted.steps
    stage = split(Steps._make(np.asarray(column)[:, None] for column in steps))[0]
    new = steps.slot[steps.new.astype(bool)].tolist()
    order = {slot: place + 1 for place, slot in enumerate(new)}
    branches: list[Branch] = []

    def add(slot: int, parent: int) -> None:
        if tree.discount[slot] == 0.0 and slot != ROOT:
            return  # past an end nothing is found
        for action, child in enumerate(tree.children[slot].tolist()):
            if child == NOWHERE:
                continue
            mean = tree.returns.total[child] / max(1, tree.returns.number[child])
            value = float(tree.reward[child] + tree.discount[child] * mean)
            ended = bool(tree.discount[child] == 0.0)
            branches.append(Branch(parent, action, order.get(child), value, ended))
            add(child, len(branches) - 1)

    add(ROOT, -1)
    results, place = [], -1
    for walk in stage.walks:
        place += len(walk)
        results.append(float(steps.result[place]))
    walks = [Walk(walk, result) for walk, result in zip(stage.walks, results, strict=True)]
    return Tree(title, branches, walks, _largest(walks), stage.action, _IMAGINED)


def of_search(searched: Searched, title: str, action: int) -> Tree:
    """Return the tree of a search: every node it has added, in the order of its simulations."""
    tree, branches, slots = searched.tree, [], []
    walks: dict[int, Walk] = {}

    def add(slot: int, parent: int, actions: list[int], earned: float, weight: float) -> None:
        for taken in np.flatnonzero(tree.visit_counts[slot, 0] > 0).tolist():
            child = int(tree.children[slot, 0, taken])
            value, discount = float(tree.qvalues[slot, 0, taken]), float(tree.discounts[child, 0])
            branches.append(Branch(parent, taken, None, value, discount == 0.0))
            slots.append(child)
            way, total = [*actions, taken], earned + weight * float(tree.rewards[child, 0])
            later = weight * discount
            walks[child] = Walk(way, total + later * float(tree.raw_values[child, 0]))
            add(child, len(branches) - 1, way, total, later)

    add(searched.root, -1, [], 0.0, 1.0)
    # Each simulation writes the next slot, so slots tell the order.
    order = {slot: place + 1 for place, slot in enumerate(sorted(slots))}
    branches = [b._replace(order=order[slot]) for b, slot in zip(branches, slots, strict=True)]
    told = [walks[slot] for slot in sorted(slots)]
    again = int(tree.visit_counts[searched.root, 0].sum()) - len(told)
    ends = f" {again} more came to an end that had been visited." if again else ""
    return Tree(title, branches, told, _largest(told), action, _SEARCHED + ends)


def _largest(walks: list[Walk]) -> int | None:
    return int(np.argmax([walk.result for walk in walks])) if walks else None
