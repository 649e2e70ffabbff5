"""Evaluate an agent: a planner and a meta-policy, over many episodes side by side."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from rrplan.costs import UNSOUND, Costs, charge, counts_of, traced
from rrplan.engine import lanes, memory, parts, validation
from rrplan.engine.dispatch import Progress, longest_queue, run
from rrplan.engine.state import Engine, Results
from rrplan.engine.trace import finish
from rrplan.errors import InputError
from rrplan.models import Settings, make_model
from rrplan.planner import Planner
from rrplan.types import Array, Device, Episodes, MetaPolicy, PyTree, Trace, Work


def evaluate(
    planner: Planner,
    meta_policy: MetaPolicy,
    meta_params: PyTree,
    *,
    key: Array,
    episodes: int | Array,
    costs: Costs = Costs(),  # noqa: B008 - an immutable record of numbers
    num_lanes: int = 256,
    devices: Sequence[Device] | None = None,
    trace: int = 0,
    progress: Progress | None = None,
    on_work: Callable[[Work], None] | None = None,
) -> Episodes:
    """Run episodes of an agent that searches as much as its meta-policy says.

    All queued episodes are finished, so short ones are not over-counted. An episode's
    randomness is drawn from ``fold_in(key, episode_id)``: two agents evaluated with the same
    key on the same ids meet the same instances, whatever the number of lanes and devices.

    After ``jax.distributed.initialize``, every process makes the same call, runs its share of
    the episodes on its own devices, and returns the results of all.

    Args:
        planner: what the meta-policy controls; :class:`rrplan.Planner` says what of it is static.
        meta_policy: static; see :class:`rrplan.MetaPolicy`.
        meta_params: pytree of arrays.
        key: scalar key.
        episodes: a number ``E`` (ids ``0..E-1``), or int ids ``[E]``, run in this order.
        costs: prices and fees in units of return, cap and budget in simulations.
        num_lanes: episodes side by side on each device; more than there are is cut.
        devices: of this process; all of them if None.
        trace: static; how many decisions of each episode to record, ``N``.
        progress: called from time to time with this process's counts.
        on_work: called at the end with what the evaluation took of this process.

    Returns:
        :class:`Episodes`, arrays ``[E]`` in the order of ``episodes``; with ``trace``, its
        field of that name holds arrays ``[E, N]``.

    Raises:
        InputError: for bad keys, counts, prices or ids; for an environment, a network, a model or a
            meta-policy that raises something, or whose outputs have wrong types; where the rule of
            acting is not chosen yet; for something not finite and for a learned discount outside
            [-1, 1], naming the episode; for an episode that does not end; where the trees do not
            fit into memory.
    """
    env_params = parts.check_planner(planner)
    environment, most = planner.environment, planner.max_simulations
    ids, prices = validation.check_request(key, episodes, costs, num_lanes, most, trace)
    devices = validation.check_devices(devices)
    validation.check_callbacks(progress=progress, on_work=on_work)
    validation.check_arrays("meta_params", meta_params, nan=False)
    settings = Settings(
        env_params=env_params,
        model_params=planner.params,
        meta_params=jax.tree.map(jnp.asarray, meta_params),
        key=key,
        costs=traced(costs),
        **planner.traced_search(),
    )
    model = make_model(environment, settings.env_params, planner.network)
    embedding = parts.check_model(model, settings)
    parts.check_meta_policy(meta_policy, settings.meta_params, model, settings)
    num_lanes = min(num_lanes, longest_queue(len(ids), len(devices)))
    memory.check_fits(num_lanes, most, environment.num_actions, embedding, devices)
    engine = Engine(model, meta_policy, num_lanes, most, trace)
    finished = run(engine, settings, ids, prices, devices, progress)
    if on_work is not None:
        on_work(finished.work)
    _refuse_flaws(finished.results.flaws, ids)
    results, record = jax.tree.map(jnp.asarray, (finished.results, finish(finished.trace)))
    return bill(results, record, costs, prices)


def bill(results: Results, trace: Trace | None, costs: Costs, prices: np.ndarray) -> Episodes:
    """Charge what was thought.

    Args:
        results: ``[E]`` each.
        trace: of the same episodes.
        costs: rates and fees; the price is each episode's.
        prices: ``[E]``.
    """
    cost = charge(costs._replace(price=prices), counts_of(results), results.weighted)
    return Episodes(
        untimed_return=results.untimed_return,
        timed_return=results.untimed_return - cost,
        cost=cost,
        simulations=results.simulations,
        length=results.length,
        looks=results.looks,
        levels=results.levels,
        trace=trace,
        weighted=results.weighted,
    )


def _refuse_flaws(flaws: Array | np.ndarray, ids: np.ndarray) -> None:
    bad = np.flatnonzero(flaws)
    if not bad.size:
        return
    finite = "is NaN or infinite, expected finite numbers"
    messages = {
        lanes.BAD_OBSERVATION: f"an observation {finite}",
        lanes.BAD_REWARD: f"a reward {finite}",
        lanes.BAD_EVALUATION: f"the network's output {finite}",
        lanes.BAD_DISCOUNT: "a discount of the model is not in [-1, 1]",
        lanes.BAD_FACTOR: UNSOUND,
    }
    message = next(message for flag, message in messages.items() if flaws[bad[0]] & flag)
    raise InputError(
        f"episode {ids[bad[0]]}: {message} ({bad.size} of {flaws.size} episodes are affected)"
    )
