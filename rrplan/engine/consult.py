"""The one question: lanes that have used up what they were given ask their meta-policy."""

import jax
import jax.numpy as jnp

from rrplan import keys
from rrplan.costs import Counts, charge
from rrplan.engine import meta_steps
from rrplan.engine.state import Engine, EngineState, Queue
from rrplan.models import Settings, where
from rrplan.search import trees
from rrplan.types import Array, Control, MetaObservation


def ask(
    engine: Engine, settings: Settings, queue: Queue, lanes: EngineState, roots: trees.Rows
) -> tuple[EngineState, Array]:
    """Ask the lanes that have used up what they were given; say which lanes think, ``[B]``."""
    left, _ = _simulations_left(engine, settings, lanes)
    asked = lanes.active & ~lanes.starting & (lanes.ordered == 0) & (left > 0)

    def consult(lanes):
        control = _consult(engine, settings, queue, lanes, roots)
        return control if engine.record else control._replace(aux=())

    def skip(lanes):
        shapes = jax.eval_shape(consult, lanes).aux if engine.record else ()
        aux = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return Control(lanes.ordered, lanes.max_depth, lanes.carry, aux)

    control = jax.lax.cond(asked.any(), consult, skip, lanes)
    extra = jnp.clip(control.extra_simulations, 0, left)
    if engine.record:
        cost = charge(settings.costs, Counts(looks=asked))
        lanes = lanes._replace(asks=meta_steps.begin(lanes.asks, asked, control.aux, cost))
    lanes = lanes._replace(
        carry=where(asked, control.carry, lanes.carry),
        max_depth=jnp.where(asked, control.max_depth, lanes.max_depth),
        ordered=jnp.where(asked, extra, lanes.ordered),
        sums=lanes.sums._replace(asks=lanes.sums.asks + asked),
    )
    return lanes, lanes.active & (lanes.ordered > 0)


def rows_seen(seen: MetaObservation) -> trees.Rows:
    """Return the roots that a meta-observation shows, for rules that score them."""
    return trees.Rows(
        raw_value=seen.raw_value,
        node_value=seen.search_value,
        node_visits=seen.simulations + 1,  # the root's own evaluation is its first visit
        prior_logits=seen.prior_logits,
        prior_probs=jax.nn.softmax(seen.prior_logits),
        visit_counts=seen.visit_counts,
        qvalues=seen.qvalues,
    )


def with_record(
    engine: Engine, settings: Settings, queue: Queue, lanes: EngineState
) -> EngineState:
    """Return lanes that have asked nothing, with an empty record if the engine keeps one."""
    if not engine.record:
        return lanes

    def consult(lanes):
        return _consult(engine, settings, queue, lanes, trees.read(lanes.tree, lanes.root))

    return lanes._replace(asks=meta_steps.blank(engine.record, jax.eval_shape(consult, lanes).aux))


def _consult(
    engine: Engine, settings: Settings, queue: Queue, lanes: EngineState, roots: trees.Rows
) -> Control:
    """Show every lane's root to the meta-policy."""
    left, budget_left = _simulations_left(engine, settings, lanes)
    meta_keys = keys.draw(settings.key, queue.ids[lanes.place], keys.Domain.META, lanes.sums.asks)
    seen = MetaObservation(
        observation=lanes.observation,
        features=lanes.features,
        prior_logits=roots.prior_logits,
        invalid_actions=lanes.invalid_actions,
        visit_counts=roots.visit_counts,
        qvalues=roots.qvalues,
        qvalue_variances=jnp.zeros_like(roots.qvalues),
        raw_value=roots.raw_value,
        search_value=roots.node_value,
        simulations=lanes.simulations,
        simulations_left=left,
        decision=lanes.sums.length,
        price=queue.prices[lanes.place],
        budget_left=budget_left,
    )
    return engine.meta_policy.apply(settings.meta_params, meta_keys, lanes.carry, seen)


def _simulations_left(
    engine: Engine, settings: Settings, lanes: EngineState
) -> tuple[Array, Array]:
    """Return the simulations left to the decisions and to the episodes, ``[B]`` each."""
    cap = jnp.minimum(settings.costs.cap, engine.max_simulations)
    budget_left = settings.costs.budget - lanes.sums.simulations
    return jnp.minimum(cap - lanes.simulations, budget_left), budget_left
