"""``rrplan reproduce``: the figures of a paper or of the documentation, by one command."""

import shlex
from collections.abc import Sequence

from experiments.cli import showing
from rrplan.errors import InputError, unknown

_PROG = "rrplan reproduce"


def reproduce(arguments: Sequence[str]) -> None:
    """Make the figures of a paper or of the documentation, from trainings on.

    Raises:
        SystemExit: help was asked for, and printed.
        InputError: an argument is wrong, or what is made fails.
    """
    from experiments.reproductions import REPRODUCTIONS

    if arguments and arguments[0] in ("-h", "--help"):
        lines = [f"usage: {_PROG} NAME [options]", ""]
        lines += [f"  {one.name:<18}{one.help}" for one in REPRODUCTIONS.values()]
        print("\n".join([*lines, "", f"`{_PROG} NAME --help` shows the options of one."]))
        raise SystemExit(0)  # as the commands whose help tyro prints
    if not arguments:
        names = ", ".join(REPRODUCTIONS)
        raise InputError(f"expected what to reproduce: {names} ({_PROG} --help)")
    if arguments[0] not in REPRODUCTIONS:
        raise unknown("reproduction", arguments[0], REPRODUCTIONS)
    from experiments.cli.options import parse

    chosen, words = REPRODUCTIONS[arguments[0]], list(arguments[1:])
    if "--" in words:
        place = words.index("--")
        words[place:] = [f"--run={shlex.join(words[place + 1 :])}"]
    options = parse(chosen.get("options"), words, f"{_PROG} {chosen.name}")
    for line in chosen.get("run")(options, showing.say):
        print(line)
