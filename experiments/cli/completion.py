"""``rrplan --print-completion``: what completes the words of a command line in a shell."""

# Tried in place of it: tyro's own --tyro-print-completion. It completes the options of one command
# at a time, and knows nothing of the commands, which are not tyro's (see main.py).

import contextlib
import io
import re
from collections.abc import Callable, Mapping, Sequence

from rrplan.errors import InputError, unknown

SHELLS = ("bash", "zsh", "fish")
Commands = Mapping[str, Callable[[Sequence[str]], None]]
_ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"
_BASH = """\
_rrplan() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" words=""
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{commands}"
    else
        case "${{COMP_WORDS[1]}} ${{COMP_WORDS[2]}}" in
{cases}
        esac
        if [ "$COMP_CWORD" -eq 2 ] && [ "${{current#-}}" = "$current" ]; then
            case "${{COMP_WORDS[1]}}" in
{firsts}
            esac
        fi
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    if [ "$COMP_CWORD" -gt 1 ] && [ "${{current#-}}" = "$current" ]; then
        COMPREPLY+=($(compgen -f -- "$current"))
    fi
}}
complete -o filenames -F _rrplan rrplan
"""


def script(arguments: Sequence[str], commands: Commands) -> str:
    """Return the script that a shell reads: ``source <(rrplan --print-completion bash)``.

    It names commands, their options, environments, benchmarks and ablations as they are now.

    Args:
        arguments: the command line after ``--print-completion``: one shell.
        commands: of the command line.

    Raises:
        InputError: no shell is named, or one that is not known.
    """
    if len(arguments) != 1:
        raise InputError(f"expected one shell: {', '.join(SHELLS)}")
    if arguments[0] not in SHELLS:
        raise unknown("shell", arguments[0], SHELLS)
    firsts = _first_words()
    inner = {name: firsts[name] for name in ("bench", "ablate", "reproduce")}
    options = {
        (name, word): _options(command, [word] if word else [])
        for name, command in commands.items()
        for word in inner.get(name, [""])
    }
    if arguments[0] == "fish":
        return _fish(commands, firsts, options)
    return (_ZSH if arguments[0] == "zsh" else "") + _bash(commands, firsts, options)


def _first_words() -> dict[str, list[str]]:
    """Return what may stand first after a command, beside files."""
    from envs import is_metareasoning, names
    from experiments.bench.commands import BENCHES
    from experiments.reproductions import REPRODUCTIONS
    from experiments.studies import ABLATIONS

    known = names()
    return {
        **dict.fromkeys(("run", "train", "check"), known),
        "optimum": [name for name in known if is_metareasoning(name)],
        "bench": [*BENCHES, "draw"],
        "ablate": list(ABLATIONS),
        "reproduce": list(REPRODUCTIONS),
    }


def _options(command: Callable[[Sequence[str]], None], words: Sequence[str]) -> list[str]:
    """Return the options that a command's help tells of."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        command([*words, "--help"])
    return sorted(set(re.findall(r"(?<![\w-])--\w[\w.-]*", text.getvalue())))


def _bash(
    commands: Commands,
    firsts: Mapping[str, Sequence[str]],
    options: Mapping[tuple[str, str], Sequence[str]],
) -> str:
    def case(pattern: str, words: Sequence[str], indent: int) -> str:
        return f'{" " * indent}{pattern}) words="{" ".join(words)}" ;;'

    return _BASH.format(
        commands=" ".join([*commands, "--help", "--version", "--print-completion"]),
        cases="\n".join(
            case(f'"{name} {word}"' if word else f'"{name} "*', known, 12)
            for (name, word), known in options.items()
        ),
        firsts="\n".join(case(name, words, 16) for name, words in firsts.items()),
    )


def _fish(
    commands: Commands,
    firsts: Mapping[str, Sequence[str]],
    options: Mapping[tuple[str, str], Sequence[str]],
) -> str:
    lines = ["complete -c rrplan -n __fish_use_subcommand -f"]
    for name, command in commands.items():
        told = (command.__doc__ or "").replace("'", "\\'")
        lines.append(f"complete -c rrplan -n __fish_use_subcommand -a {name} -d '{told}'")
    lines += [
        f"complete -c rrplan -n __fish_use_subcommand -l {name}"
        for name in ("help", "version", "print-completion")
    ]
    for name, words in firsts.items():
        within = f"__fish_seen_subcommand_from {name}"
        lines.append(f"complete -c rrplan -n '{within}' -a '{' '.join(words)}'")
    for (name, word), known in options.items():
        within = f"__fish_seen_subcommand_from {name}"
        within += f"; and __fish_seen_subcommand_from {word}" if word else ""
        lines += [
            f"complete -c rrplan -n '{within}' -l {option.removeprefix('--')}" for option in known
        ]
    return "\n".join(lines) + "\n"
