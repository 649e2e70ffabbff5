"""Writes the story of an agent of a finished run: the tree of a decision, and where it imagines."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import matplotlib as mpl
import numpy as np
import tyro

import rrplan
from agents.thinker.inspect import stages, steps
from agents.thinker.player import ThinkerPlayer
from experiments import loading, runs
from experiments.checking import count
from experiments.evaluation import TRACED, Domain, study_key
from experiments.html import replaying
from experiments.loading import Loaded
from experiments.report.figures import plotting
from experiments.story import trees, where
from experiments.story.tree_figure import Tree, draw_tree
from experiments.story.where_figure import draw_imagining
from rrplan.costs import Costs
from rrplan.errors import InputError, unknown
from rrplan.types import Array

_EPISODES = 512  # of the table of where an agent imagines, if no number is given


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoryOptions:
    """Draw the tree of one decision of an agent, and tell where it imagines.

    A tree shows what was imagined or simulated, in order, the returns, and the action taken. Of a
    thinker, a table and a figure tell how much is imagined over an episode's decisions, how deep,
    and how many plans are then carried out. Files go to DIR/story; they are made from the run alone
    and are written again each time.
    """

    directory: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """Directory of a finished run."""
    agents: tuple[str, ...] = ()
    """Agents, as `experiments.load` names them, such as dynamic-thinker-0.0003, or fixed-0.0003 for
    the best fixed k; if not given, the thinkers of the run and the best fixed k at the lowest
    price."""
    episode: int = 0
    """Held-out episode."""
    decision: int = 1
    """Decision of that episode, counted from 1."""
    seed: int = 0
    """Training seed of the tree."""
    price: float | None = None
    """Price that an agent for all prices sees; the lowest of the run if not given."""
    episodes: int | None = None
    """Held-out episodes of the table and its figure, the first ones; all training seeds play them.
    512 if not given, or all of a run that has fewer."""

    def __post_init__(self):
        count(self, episode=0, decision=1, seed=0, episodes=1)


class _Told(NamedTuple):
    """An agent of a run, ready to be told of."""

    name: str
    price: float
    loaded: Loaded

    @property
    def meta(self) -> tuple[Any, Any]:
        return self.loaded.meta_policies[self.name]

    @property
    def key(self) -> Array:
        return study_key(self.loaded.config, Domain.HELD_OUT)


def tell(options: StoryOptions) -> list[Path]:
    """Write the stories; return the files.

    Raises:
        InputError: there is no finished run, or no such agent, seed, episode or decision, or an
            agent that has no tree to show.
    """
    loaded = loading.load(options.directory, options.seed)
    held_out = loaded.config.sweep.episodes
    of_run = f"the run has {held_out:,} held-out episodes"
    _check_most("episode", options.episode, held_out - 1, f"{of_run}, counted from 0")
    _check_most("episodes", options.episodes, held_out, of_run)
    out, written = options.directory / "story", []
    for name in options.agents or _usual(loaded):
        if name not in loaded.meta_policies:
            raise unknown("agent", name, loaded.meta_policies)
        told = _Told(name, _price_of(loaded, name, options.price), loaded)
        file = out / f"tree-{name}-episode{options.episode}-decision{options.decision}"
        tree = tree_of(told, options.episode, options.decision)
        with mpl.rc_context(dict(plotting.RC)):
            written += plotting.save(draw_tree(tree), file)
        if isinstance(told.meta[0], ThinkerPlayer):
            written += _write_where(options, told, out)
    return written


def _usual(loaded: Loaded) -> list[str]:
    """Return the thinkers of a run, and the best fixed k at the lowest price."""
    found = [n for n, (meta, _) in loaded.meta_policies.items() if isinstance(meta, ThinkerPlayer)]
    return [*found, f"fixed-{min(loaded.config.sweep.prices):g}"]


def _price_of(loaded: Loaded, name: str, given: float | None) -> float:
    prices = loaded.config.sweep.prices
    agents = ["fixed", *(agent.name for agent in loaded.config.control.declared())]
    own = [price for price in prices for agent in agents if name == f"{agent}-{price:g}"]
    return own[0] if own else min(prices) if given is None else given


def tree_of(told: _Told, episode: int, decision: int) -> Tree:
    """Return the tree of one decision of an agent, decisions counted from 1.

    Raises:
        InputError: the episode has no such decision, or its search does not come out again.
    """
    title = f"{told.name}, c = {told.price:g}, held-out episode {episode}, decision {decision}"
    planner, (meta, params) = told.loaded.planner, told.meta
    if isinstance(meta, ThinkerPlayer):
        given = {"key": told.key, "episode": episode, "price": told.price}
        acted = steps.replay(planner, meta, params, **given)
        _check_decision(told.name, episode, decision, len(acted))
        return trees.of_imagined(acted[decision - 1], title)
    given = {"key": told.key, "costs": Costs(told.price), "num_lanes": 1, "trace": TRACED}
    one = np.array([episode])
    trace = rrplan.evaluate(planner, meta, params, episodes=one, **given).trace
    assert trace is not None
    noted = jax.tree.map(lambda column: np.asarray(column)[0], trace)
    length = int(noted.valid.sum())
    _check_decision(told.name, episode, decision, length)
    simulations = noted.simulations[:length].tolist()
    searched, found = replaying.replay(planner, told.key, episode, simulations)
    if not (found["action"][:decision] == noted.action[:decision]).all():
        raise InputError(
            f"the search of {told.name} does not come out the same again: expected an agent that"
            " acts by its search, without a limit of depth"
        )
    return trees.of_search(searched[decision - 1], title, int(noted.action[decision - 1]))


def _check_most(name: str, value: int | None, most: int, why: str) -> None:
    if value is not None and value > most:
        raise InputError(f"{name} is {value}: expected at most {most}, as {why}")


def _check_decision(name: str, episode: int, decision: int, length: int) -> None:
    if decision > length:
        raise InputError(
            f"decision is {decision}: expected 1 to {length}, the decisions of {name} in episode"
            f" {episode}"
        )


def _write_where(options: StoryOptions, told: _Told, out: Path) -> list[Path]:
    episodes = options.episodes or min(_EPISODES, told.loaded.config.sweep.episodes)
    tables, ids = [], np.arange(episodes)
    for seed in range(told.loaded.config.seeds):
        own = told._replace(loaded=loading.load(options.directory, seed))
        given = {"key": own.key, "ids": ids, "price": own.price}
        found = steps.record(own.loaded.planner, *own.meta, **given)
        tables.append(stages.tell(stages.split(found)))
    results = make_results(told.name, told.price, episodes, tables)
    path = out / f"imagining-{told.name}"
    runs.write_json(path.with_name(f"{path.name}.json"), results)
    runs.write_text(path.with_name(f"{path.name}.md"), where.markdown(results))
    with mpl.rc_context(dict(plotting.RC)):
        figure = draw_imagining(results)
        drawn = [] if figure is None else plotting.save(figure, path)
    return [path.with_name(f"{path.name}.{kind}") for kind in ("json", "md")] + drawn


def make_results(
    name: str, price: float, episodes: int, tables: list[dict[str, np.ndarray]]
) -> Mapping[str, Any]:
    """Return what is written of where an agent imagines, as JSON."""
    *rows, whole = where.summarize(tables)
    over = f"{len(tables)} training seeds" if len(tables) > 1 else "one training seed"
    caption = (
        f"{over}, {episodes} held-out episodes. Means of a decision, with 95% intervals over"
        f" {'seeds and ' * (len(tables) > 1)}episodes. Deepest: depth of the deepest walk. The"
        " plan of a decision is the imagined walk with the largest return, down to the node where"
        " it was found. First action taken: share of plans whose first action was taken. All of it"
        " taken: of plans of two actions or more, those whose actions were all taken, one decision"
        " after the other."
    )
    title = f"{name}, c = {price:g}: where it imagines"
    told = {"agent": name, "price": price, "title": title, "caption": caption}
    return told | {"decisions": rows, "all": whole}
