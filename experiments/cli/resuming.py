"""What to type to go on with what was interrupted."""

import shlex
from collections.abc import Sequence


def how_to(arguments: Sequence[str]) -> str:
    """Return the end of a message, ``; go on with: rrplan ...``; empty if nothing was kept.

    Args:
        arguments: the command line that was interrupted, without the program's name.
    """
    command = arguments[0] if arguments else ""
    kept = any(word.split("=")[0] == "--out" for word in arguments)
    keeps = command in ("run", "train", "sweep", "reproduce") or (command == "ablate" and kept)
    if not keeps:
        return ""
    words = list(arguments)
    if "--resume" not in words:  # before what is passed on to another command
        words.insert(words.index("--") if "--" in words else len(words), "--resume")
    return f"; go on with: {shlex.join(['rrplan', *words])}"
