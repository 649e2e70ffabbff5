"""Completion: the script is read by the shell, and offers what there is."""

import subprocess

import pytest

from experiments.cli import completion
from experiments.cli import main as cli

# Commands whose help is quick to make; the others are read in the same way.
FEW = {name: cli.COMMANDS[name] for name in ("run", "table", "bench", "reproduce")}


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("completion") / "rrplan.bash"
    path.write_text(completion.script(["bash"], FEW))
    return path


def complete(script, *words):
    """Return what bash offers for the last of these words."""
    program = (
        f'source {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rrplan; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", program, "-", "rrplan", *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=script.parent,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "offered", "not_offered"),
    [
        ([""], {"run", "bench", "--version"}, {"knapsack"}),
        (["r"], {"run"}, {"bench"}),
        (["run", "kn"], {"knapsack"}, {"run"}),
        (["run", "knapsack", "--sweep.ep"], {"--sweep.episodes"}, {"--sweep.prices"}),
        (["run", "knapsack", "--l"], {"--log"}, set()),
        (["table", "rr"], {"rrplan.bash"}, set()),  # a file, as a directory of a run
        (["bench", "sea"], {"search"}, {"scaling"}),
        (["bench", "search", "--ov"], {"--overwrite"}, set()),
        (["reproduce", "cap"], {"capacity"}, {"fair"}),
        (["reproduce", "capacity", "--wi"], {"--widths"}, set()),
    ],
)
def test_bash_offers_commands_options_environments_and_files(script, words, offered, not_offered):
    found = complete(script, *words)
    assert offered <= found
    assert not not_offered & found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "expected one shell: bash, zsh, fish"), (["bsh"], "did you mean 'bash'?")],
)
def test_a_wrong_shell_gets_one_line(capsys, arguments, message):
    assert cli.main(["--print-completion", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_zsh_and_fish_name_the_same_commands():
    assert completion.script(["zsh"], {}).startswith("autoload")
    fish = completion.script(["fish"], FEW)
    for name in FEW:
        assert f"-a {name} -d '{FEW[name].__doc__}'" in fish
    assert "-n '__fish_seen_subcommand_from run' -l sweep.episodes" in fish
