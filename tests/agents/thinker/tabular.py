"""A small tabular problem with a network that is a table too, and a plain reference of Thinker."""

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from rrplan.types import Evaluation, Transition

STATES, ACTIONS, LIMIT = 5, 3, 4
LOWEST = np.finfo(np.float32).min


class Place(NamedTuple):
    """Where an episode stands."""

    state: jax.Array  # [] int32
    time: jax.Array  # [] int32


class Table(NamedTuple):
    """What happens, and what is known of it: parameters of the environment."""

    first: jax.Array  # [STATES] float32, chances of first states
    following: jax.Array  # [STATES, ACTIONS] int32
    reward: jax.Array  # [STATES, ACTIONS] float32
    over: jax.Array  # [STATES, ACTIONS] bool
    illegal: jax.Array  # [STATES, ACTIONS] bool


class Words(NamedTuple):
    """Parameters of the network."""

    value: jax.Array  # [STATES, LIMIT + 1]
    logits: jax.Array  # [STATES, ACTIONS]


@dataclass(frozen=True)
class Tabular:
    """Steps through a table; a limit ends what does not end by itself."""

    name: str = "tabular"
    num_actions: int = ACTIONS

    def describe(self):
        return dataclasses.asdict(self)

    def reset(self, key, params):
        state = jax.random.categorical(key, jnp.log(params.first)).astype(jnp.int32)
        place = Place(state, jnp.int32(0))
        return place, self.observe(place)

    def step(self, key, state, action, params):
        del key
        after = Place(params.following[state.state, action], state.time + 1)
        over = params.over[state.state, action]
        reward = params.reward[state.state, action]
        return Transition(after, self.observe(after), reward, over, ~over & (after.time >= LIMIT))

    def invalid_actions(self, state, params):
        return params.illegal[state.state]

    def observe(self, place):
        return jnp.stack([place.state, place.time]).astype(jnp.float32)


def network(params, observation):
    """Return what the words say of states; the features are the observation."""
    state, time = observation.astype(jnp.int32).T
    return Evaluation(params.logits[state], params.value[state, time], observation)


def make_table(seed, *, choice=False):
    """Return a random table and random words; with ``choice`` two actions are always legal."""
    draw = np.random.default_rng(seed)
    illegal = draw.random((STATES, ACTIONS)) < 0.3
    illegal[np.arange(STATES), draw.integers(ACTIONS, size=STATES)] = False
    if choice:
        illegal[:] = False
    table = Table(
        first=draw.dirichlet(np.ones(STATES)).astype(np.float32),
        following=draw.integers(STATES, size=(STATES, ACTIONS)).astype(np.int32),
        reward=draw.normal(size=(STATES, ACTIONS)).astype(np.float32),
        over=draw.random((STATES, ACTIONS)) < 0.15,
        illegal=illegal,
    )
    words = Words(
        draw.normal(size=(STATES, LIMIT + 1)).astype(np.float32),
        draw.normal(size=(STATES, ACTIONS)).astype(np.float32),
    )
    return jax.tree.map(jnp.asarray, (table, words))


def make_planner(seed, discount=0.9, *, choice=False):
    """Return a planner of a random table."""
    table, words = make_table(seed, choice=choice)
    search = rrplan.Search(discount=discount)
    return rrplan.Planner(Tabular(), table, network, words, search)


class Reference:
    """Thinker's augmented environment in plain Python: nodes are dictionaries, walks are lists."""

    def __init__(self, planner, stage, first):
        self.table, self.words = jax.tree.map(np.asarray, (planner.env_params, planner.params))
        self.stage, self.gamma = stage, planner.search.discount
        self.begin(first)

    def begin(self, first):
        """Take up an episode in its first state."""
        self.root = self.make((int(first), 0), reward=0.0, ended=False)
        self.root["notes"].append(self.root["value"])
        self.walk, self.taken, self.restarts = [self.root], [], True
        self.imagined, self.steps, self.last = 0, 0, -1
        self.sums = dict.fromkeys(("simulations", "looks", "length", "levels"), 0)
        self.total = 0.0

    def make(self, place, reward, ended):
        """Return a node that nothing has been imagined below."""
        state, time = place
        value = 0.0 if ended else float(self.words.value[state, time])
        node = {"place": place, "reward": reward, "ended": ended, "value": value}
        return node | {"children": {}, "notes": []}

    def illegal(self, node):
        return self.table.illegal[node["place"][0]] & (not node["ended"])

    def legal(self, node):
        illegal = self.illegal(node)
        return np.ones(ACTIONS, bool) if illegal.all() else ~illegal

    def prior(self, node):
        """Return logits with a maximum of 0 among what is legal, cut at -10."""
        if node["ended"]:
            return np.zeros(ACTIONS)
        logits, illegal = self.words.logits[node["place"][0]], self.illegal(node)
        shifted = logits - logits[~illegal].max() if (~illegal).any() else logits
        return np.where(illegal, -10.0, np.maximum(shifted, -10.0))

    @property
    def choice(self):
        return (~self.illegal(self.root)).sum() > 1

    @property
    def may(self):
        """Whether it may act, and whether it may imagine."""
        imagines = self.choice and self.imagined < self.stage.steps - 1
        return self.stage.chosen or not imagines, imagines

    @property
    def origin(self):
        return self.root if self.restarts else self.walk[-1]

    def follow(self, node, action):
        """Return where the environment leads from a node: the new node."""
        state, time = node["place"]
        if node["ended"]:
            return self.make(node["place"], 0.0, True)
        after = int(self.table.following[state, action]), time + 1
        over = bool(self.table.over[state, action]) or time + 1 >= LIMIT
        return self.make(after, float(self.table.reward[state, action]), over)

    def step(self, answer):
        """Take a step; return what it brought."""
        kind, action = divmod(answer, ACTIONS)
        self.sums["looks"] += int(self.choice)
        self.steps += 1
        return self.act(action) if kind == 0 else self.imagine(action, kind == 2)

    def imagine(self, action, resets):
        parent = self.origin
        if self.restarts:
            self.walk, self.taken = [self.root], []
        before = max(self.root["notes"])
        new = action not in parent["children"]
        calls = new and not parent["ended"]
        if new:
            parent["children"][action] = self.follow(parent, action)
        child = parent["children"][action]
        self.walk.append(child)
        self.taken.append(action)
        if new:
            for start in range(len(self.walk)):
                self.walk[start]["notes"].append(self.worth(self.walk[start:]))
        self.imagined += 1
        self.sums["simulations"] += int(calls or self.stage.charge_revisits)
        self.sums["levels"] += 1
        forced = len(self.taken) >= self.stage.depth
        self.restarts = resets or forced
        earns = not resets and (self.stage.forced_earn or not forced)
        planning = max(0.0, max(self.root["notes"]) - before) if earns else 0.0
        spread = self.stage.spread_discount and not self.stage.chosen
        discount = self.gamma ** (1 / self.stage.steps) if spread else 1.0
        return {"reward": 0.0, "planning": planning, "discount": discount, "ended": False} | {
            "planning_discount": discount
        }

    def act(self, action):
        child, after = self.root["children"].get(action), self.follow(self.root, action)
        keeps = child is not None and not child["ended"] and self.stage.keep_tree
        if keeps and not after["ended"]:
            child.update(reward=after["reward"], value=after["value"], place=after["place"])
        else:
            child = after
            child["notes"].append(child["value"])
        spread = self.stage.spread_discount and not self.stage.chosen
        share = (self.stage.steps - self.imagined) / self.stage.steps if spread else 1.0
        discount = 0.0 if after["ended"] else self.gamma**share
        self.root, self.walk, self.taken, self.restarts = child, [child], [], True
        self.imagined, self.last = 0, action
        self.sums["length"] += 1
        self.total += after["reward"]
        return {"reward": after["reward"], "planning": 0.0, "discount": discount} | {
            "planning_discount": 0.0,
            "ended": after["ended"],
        }

    def worth(self, walk):
        """Return what is earned from the first node of a walk to its last, and that one's value."""
        if len(walk) == 1:
            return walk[0]["value"]
        return walk[1]["reward"] + self.gamma * self.worth(walk[1:])

    def rewards(self, walk):
        """Return the discounted rewards along a walk."""
        if len(walk) == 1:
            return 0.0
        return walk[1]["reward"] + self.gamma * self.rewards(walk[1:])

    def columns(self, node, into):
        """Return what is seen of a node: ``[5, ACTIONS]``."""
        counts, means, bests = np.zeros((3, ACTIONS))
        for action, child in node["children"].items():
            notes = [child["reward"] + self.gamma * note for note in child["notes"]]
            counts[action] = len(notes) / self.stage.steps
            means[action] = np.mean(notes) - node["value"]
            bests[action] = np.max(notes) - node["value"]
        return [np.arange(ACTIONS) == into, self.prior(node), means, bests, counts]

    def see(self, price):
        """Return what the agent sees: of each action ``[ACTIONS, f]``, and of the whole ``[g]``."""
        root, shown, depth = self.root, self.walk[-1], len(self.taken)
        actions = [
            *self.columns(root, self.last),
            self.legal(root),
            *self.columns(shown, self.taken[-1] if self.taken else self.last),
            self.legal(self.origin),
        ]
        for level in range(self.stage.depth):
            actions.append(np.arange(ACTIONS) == (self.taken[level] if level < depth else -1))
        whole = [
            *(root["reward"], root["ended"], root["value"]),
            *(shown["reward"], shown["ended"], shown["value"]),
            self.rewards(self.walk),
            self.worth(self.walk) - root["value"],
            max(root["notes"]) - root["value"],
            *(self.restarts, self.gamma**depth),
        ]
        if self.stage.chosen:
            most = self.stage.steps - 1
            whole += [self.imagined / most, not self.may[1], np.log(max(price, 1e-7))]
        else:
            whole += list(np.arange(self.stage.steps) == self.imagined)
        features = np.array(shown["place"]) * (not shown["ended"])
        whole += [*root["place"], *features, *root["place"]]  # features twice, observation
        return np.stack(actions, axis=1).astype(float), np.array(whole, float)
