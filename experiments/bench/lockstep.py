"""A fixed k played by mctx in lockstep, on the episodes that the lane engine plays."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx
import numpy as np

from experiments.evaluation import Split, StudyProblem, study_key
from rrplan import keys
from rrplan.capabilities import return_scale_of
from rrplan.models import Position
from rrplan.models.true_model import TrueModel
from rrplan.search.qtransforms import SMALLEST
from rrplan.types import Array, PyTree


class Trained(NamedTuple):
    """A finished run's planners, and what they are evaluated on."""

    problem: StudyProblem  # its configuration holds the budgets and the number of lanes
    params: Sequence[PyTree]  # of each training seed
    acting: str
    split: Split


class Outcome(NamedTuple):
    """What came of the episodes; of all training seeds, ``S``."""

    untimed_return: np.ndarray  # [S, E] float32
    simulations: np.ndarray  # [S, E] int32
    length: np.ndarray  # [S, E] int32


class Settings(NamedTuple):
    """What a program in lockstep is given. Traced, as the engine's are."""

    params: PyTree
    env_params: PyTree
    key: Array  # [] of the evaluation
    noise_key: Array  # [] of what mctx draws
    c_init: Array  # []
    c_base: Array  # []
    value_floor: Array  # [] of the rule completed Q, in units of return
    discount: Array  # [] of real steps, in the search


def compile_lockstep(trained: Trained, k: int) -> Callable[[], Outcome]:
    """Return what runs the same agent in lockstep, compiled for this ``k``.

    Lanes are as many as the engine's. They take a batch of episodes, all decide at once, and
    wait for the last to end before the next batch begins.
    """
    lanes, episodes = lanes_used(trained), trained.split.episodes
    ids = np.arange(-(-episodes // lanes) * lanes, dtype=np.int32).reshape(-1, lanes)
    settings = [_settings(trained, params) for params in trained.params]
    play = functools.partial(play_batch, trained.problem, trained.acting, k, episodes)
    program = jax.jit(play).lower(settings[0], ids[0]).compile()

    def run() -> Outcome:
        rows = [[program(given, batch) for batch in ids] for given in settings]
        total, length = (
            np.stack([np.concatenate([batch[field] for batch in row])[:episodes] for row in rows])
            for field in (0, 1)
        )
        return Outcome(total, k * length, length)

    return run


def play_batch(
    problem: StudyProblem, acting: str, k: int, episodes: int, settings: Settings, ids: Array
) -> tuple[Array, Array]:
    """Play episodes side by side until the last has ended; return their returns and lengths.

    First states and real steps are drawn as the engine draws them, so that both play the same
    episodes. What mctx draws belongs to the batch: an imagined step of a stochastic environment
    has another sample than the engine's.

    Args:
        problem: environment and network, static.
        acting: rule of acting, static.
        k: simulations of every decision, static.
        episodes: how many there are, static; lanes with an id beyond stay idle.
        settings: traced.
        ids: ``[B]`` int32 episode ids.

    Returns:
        Untimed returns ``[B]`` and lengths ``[B]``.
    """

    def decide_and_step(carry):
        position, observation, total, length, number = carry
        noise_key = jax.random.fold_in(settings.noise_key, number)
        action = decide(problem, acting, k, settings, noise_key, position, observation)
        step_keys = keys.draw(settings.key, ids, keys.Domain.STEP, length, jnp.zeros_like(length))
        following, observation, reward = _model(problem, settings).step(step_keys, action, position)
        return following, observation, total + reward, length + ~position.done, number + 1

    state, observation = keys.first_states(
        problem.environment, settings.env_params, settings.key, ids
    )
    none = jnp.zeros(ids.shape, jnp.int32)
    first = Position(state, ids >= episodes)
    carry = (first, observation, none.astype(jnp.float32), none, jnp.int32(0))
    carry = jax.lax.while_loop(lambda carry: ~carry[0].done.all(), decide_and_step, carry)
    return carry[2], carry[3]


def decide(
    problem: StudyProblem,
    acting: str,
    k: int,
    settings: Settings,
    noise_key: Array,
    position: Position,
    observation: PyTree,
) -> Array:
    """Return the action ``[B]`` after ``k`` simulations of mctx in every lane."""
    model = _model(problem, settings)
    params, root, invalid, _ = model.begin(settings.params, position, observation)
    logits = scores = root.prior_logits
    if k > 0:
        output = mctx.muzero_policy(
            params,
            noise_key,
            root,
            model.recurrent_fn,
            k,
            invalid_actions=invalid,
            dirichlet_fraction=0.0,
            pb_c_init=settings.c_init,
            pb_c_base=settings.c_base,
        )
        scores = _score(acting, logits, output.search_tree, settings.value_floor)
    scores = jnp.where(invalid, -jnp.inf, scores)
    best = scores == scores.max(-1, keepdims=True)  # of equals, the higher prior
    return jnp.where(best, logits, -jnp.inf).argmax(-1).astype(jnp.int32)


def _score(acting: str, logits: Array, tree: mctx.Tree, value_floor: Array) -> Array:
    """Return what the rule of acting takes the best of, ``[B, A]``."""
    if acting == "visits":
        return tree.summary().visit_counts.astype(jnp.float32)
    complete = functools.partial(
        mctx.qtransform_completed_by_mix_value, epsilon=jnp.maximum(value_floor, SMALLEST)
    )
    return logits + jax.vmap(lambda one: complete(one, one.ROOT_INDEX))(tree)


def _model(problem: StudyProblem, settings: Settings) -> TrueModel:
    """Return the model that mctx searches with; a node holds the whole state."""
    return TrueModel(problem.environment, settings.env_params, problem.network, settings.discount)


def _settings(trained: Trained, params: PyTree) -> Settings:
    config, domain = trained.problem.config, trained.split.domain
    return Settings(
        params=params,
        env_params=jax.tree.map(jnp.asarray, trained.problem.env_params),
        key=study_key(config, domain),
        noise_key=study_key(config, domain, 1),
        c_init=jnp.float32(config.search.c_init),
        c_base=jnp.float32(config.search.c_base),
        value_floor=jnp.float32(
            config.search.value_floor * return_scale_of(trained.problem.network)
        ),
        discount=jnp.float32(config.search.discount),
    )


def lanes_used(trained: Trained) -> int:
    """Return how many lanes the run has, cut to its episodes as the engine cuts them."""
    return min(trained.problem.config.sweep.num_lanes, trained.split.episodes)
