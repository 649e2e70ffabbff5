"""Does the list of states that an environment may offer hold all that can be reached?"""

import numpy as np

from envs.adapter import adapt
from envs.report import BrokenMethod, Findings, explain
from envs.subject import Subject
from rrplan import graphs
from rrplan.errors import InputError
from rrplan.types import Array

INSTANCES = 2


def check_listing(subject: Subject, key: Array, findings: Findings) -> None:
    """Check ``enumerate_states``, where there is one, on all that two instances lead to.

    What only keeps the oracle from its work is noted: chance, more states than can be listed.
    """
    if not hasattr(subject.env, "enumerate_states"):
        return
    try:
        graphs.explore(adapt(subject.env), subject.params, key, np.arange(INSTANCES))
    except graphs.ListingError as error:
        findings.problem(f"{error}; expected all states that can be reached from the first")
    except InputError as error:
        findings.note(f"the oracle refuses it: {error}")
    except Exception as error:
        raise BrokenMethod(explain("enumerate_states", error)) from error
