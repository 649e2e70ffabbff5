"""Does the list of states that an environment may offer hold all that can be reached?"""

import numpy as np

from envs.adapters.gymnax_adapter import adapt
from envs.checker.report import BrokenMethod, Findings
from envs.checker.subject import Subject
from rrplan.capabilities import Enumerable, offers
from rrplan.errors import InputError
from rrplan.oracle import state_graph
from rrplan.tracing import explain
from rrplan.types import Array

INSTANCES = 2


def check_listing(subject: Subject, key: Array, findings: Findings) -> None:
    """Check ``enumerate_states``, where there is one, on all that two instances lead to.

    What only keeps the oracle from its work is noted: chance, more states than can be listed.
    """
    lists_states = offers(subject.env, Enumerable)
    if not lists_states:
        return
    try:
        state_graph.explore(adapt(subject.env), subject.params, key, np.arange(INSTANCES))
    except state_graph.ListingError as error:
        findings.problem(f"{error}; expected all states that can be reached from the first")
    except InputError as error:
        findings.note(f"the oracle refuses it: {error}")
    except Exception as error:
        raise BrokenMethod(explain("enumerate_states", error)) from error
