"""The command line, ``rrplan``: one function a command, and one clear line for what is wrong.

Nothing heavy is imported before a command needs it, so that help comes at once.
"""

# Tried in place of the commands below: subcommands of tyro (tyro.extras.SubcommandApp, 1.0). They
# need the types of all commands at once, and so load JAX for `rrplan --help`: many seconds of CPU
# instead of 0.3. Commands that take any words instead lose `rrplan run --help` and refuse
# options. Both kinds tell what is wrong in a box of many lines, and name no nearest command.

import functools
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence

from experiments.cli import resuming, showing
from experiments.cli.reproduce import reproduce
from experiments.cli.sweep import sweep

INPUT_ERROR, INTERRUPTED, UNREAD = 2, 130, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        arguments: the command line without the program's name; ``sys.argv`` if None.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments and arguments[0] in ("-h", "--help"):
        print(_help())
        return 0
    if arguments and arguments[0] == "--version":
        from importlib.metadata import version

        print(f"rrplan {version('rrplan')}")
        return 0
    from rrplan.errors import InputError

    try:
        if arguments and arguments[0] == "--print-completion":
            from experiments.cli import completion

            print(completion.script(arguments[1:], COMMANDS))
            return 0
        with warnings.catch_warnings():
            warnings.showwarning = showing.show_warning
            try:
                _command(arguments)(arguments[1:])
            finally:
                sys.stdout.flush()
        return 0
    except InputError as error:
        print(f"rrplan: error: {error}", file=sys.stderr)
        return INPUT_ERROR
    except BrokenPipeError:
        # The reader has what it wanted (rrplan envs | head); Python must not try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except KeyboardInterrupt:
        print(f"\nrrplan: interrupted{resuming.how_to(arguments)}", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        from experiments.cli.machine import of_the_machine

        line = of_the_machine(error)
        if line is None:
            raise
        print(f"rrplan: error: {line}{resuming.how_to(arguments)}", file=sys.stderr)
        return INPUT_ERROR


def run(arguments: Sequence[str]) -> None:
    """Run a study: train, evaluate beside the rivals, draw the figures."""
    from experiments.cluster import processes as distributed

    arguments, processes = distributed.split_options(arguments)
    distributed.join(processes)
    from experiments import studies
    from experiments.cli import reporting
    from experiments.cli.options import parse_run

    options = parse_run(arguments, "rrplan run")
    run_study = studies.of_config(options.study).get("run")
    first = distributed.is_first()
    shown, log = (showing.console(), options.log) if first else (None, None)
    with distributed.own_directory(options.directory) as directory:
        results = run_study(options.study, directory, resume=options.resume, console=shown, log=log)
    if not first:
        return
    showing.print_results(results, options.directory)
    print(f"results: {options.directory / 'results.json'}")
    for path in sorted((options.directory / "figures").glob("*")):
        print(f"figure:  {path}")
    if options.report:
        reporting.at_the_end(options.directory)


def train(arguments: Sequence[str]) -> None:
    """Train the base planners of a study only; `run --resume` does the rest."""
    from experiments import studies
    from experiments.cli.options import parse_run
    from rrplan.errors import InputError

    options = parse_run(arguments, "rrplan train")
    study = studies.of_config(options.study)
    if study.train is None:
        raise InputError(f"{options.study.env} has no base planner to train: use rrplan run")
    where, shown = options.directory, showing.console()
    study.get("train")(options.study, where, resume=options.resume, console=shown, log=options.log)
    print(f"trained: {options.directory}")


def evaluate(arguments: Sequence[str]) -> None:
    """Evaluate the trained planners of a run at other budgets or prices."""
    from experiments.cli.options import parse_evaluate

    options = parse_evaluate(arguments, "rrplan evaluate")
    from experiments.studies.planning_depth.reevaluating import evaluate_trained

    results = evaluate_trained(options.directory, options.sweep, options.acting, showing.console())
    if options.json:
        import json

        print(json.dumps(results, indent=2))
    else:
        showing.print_results(results)


def figures(arguments: Sequence[str]) -> None:
    """Draw the figures of a run again, from its results."""
    from experiments.cli.options import DirectoryOptions, parse

    options = parse(DirectoryOptions, arguments, "rrplan figures")
    from experiments.report.figures import draw

    for path in draw(options.directory):
        print(path)


def table(arguments: Sequence[str]) -> None:
    """Print the results of a run as a table."""
    from experiments import runs
    from experiments.cli.options import DirectoryOptions, parse

    options = parse(DirectoryOptions, arguments, "rrplan table")
    showing.print_results(runs.load_results(options.directory), options.directory)


def compare(arguments: Sequence[str]) -> None:
    """Rank the agents of one run or several at each price."""
    from experiments.cli.options import CompareOptions, parse

    options = parse(CompareOptions, arguments, "rrplan compare")
    from experiments.report import compare

    loaded = compare.load(options.directories)
    if options.json:
        import json

        print(json.dumps(compare.rank(loaded), indent=2))
    else:
        showing.wide_console().print(compare.terminal_table(loaded))


def story(arguments: Sequence[str]) -> None:
    """Draw the tree of a decision of a finished run, and tell where an agent imagines."""
    from experiments.cli.options import parse
    from experiments.story.telling import StoryOptions, tell

    for path in tell(parse(StoryOptions, arguments, "rrplan story")):
        print(path)


def report(arguments: Sequence[str]) -> None:
    """Write a page to look at, of one run or several of one environment."""
    from experiments.cli import reporting

    reporting.report(arguments)


def optimum(arguments: Sequence[str]) -> None:
    """Print what is the best that can be done on a metareasoning problem, exactly."""
    from experiments.cli import optimum
    from experiments.studies.metareasoning import tables as metalevel_tables

    options, kwargs = optimum.parse(arguments, "rrplan optimum")
    with showing.console().status("solving"):
        env, answers = optimum.answers(options, kwargs)
    if options.json:
        import json

        print(json.dumps(optimum.as_json(env, answers), indent=2))
    else:
        title, entries = metalevel_tables.title_of(env), metalevel_tables.entries(answers)
        showing.wide_console().print(metalevel_tables.terminal_table(title, entries))


def envs(arguments: Sequence[str]) -> None:
    """List the environments."""
    import rich.box
    import rich.table

    from envs import describe
    from experiments.cli.options import NoOptions, parse

    parse(NoOptions, arguments, "rrplan envs")
    rows = rich.table.Table("name", "actions", "observation", "notes", box=rich.box.SIMPLE_HEAD)
    for row in describe():
        rows.add_row(row.name, str(row.actions), row.observation, row.notes)
    showing.wide_console().print(rows)


def check(arguments: Sequence[str]) -> None:
    """Check an environment: what is wrong with it, what is mended, what to know."""
    from envs import check as check_environment
    from envs import make
    from experiments.cli.options import CheckOptions, parse, split_env_options
    from rrplan.errors import InputError

    rest, kwargs = split_env_options(arguments)
    options = parse(CheckOptions, rest, "rrplan check")
    report = check_environment(*make(options.env, **kwargs), steps=options.steps)
    print(report)
    if not report.ok:
        count = len(report.problems)
        raise InputError(f"{options.env} has {count} problem{'s' * (count > 1)}: see above")


def bench(arguments: Sequence[str]) -> None:
    """Measure search, engine, training and environments; `rrplan bench --help` lists them."""
    from experiments.bench import commands

    for line in commands.bench(arguments, showing.say):
        print(line)


def ablate(arguments: Sequence[str]) -> None:
    """Train an agent with one thing changed at a time, and compare."""
    from experiments.cli.ablate import ablate

    ablate(arguments, functools.partial(print, flush=True))


COMMANDS: Mapping[str, Callable[[Sequence[str]], None]] = {
    command.__name__: command
    for command in (
        run,
        train,
        evaluate,
        figures,
        table,
        compare,
        story,
        report,
        optimum,
        envs,
        check,
        bench,
        ablate,
        sweep,
        reproduce,
    )
}


def _command(arguments: Sequence[str]) -> Callable[[Sequence[str]], None]:
    from rrplan.errors import InputError, unknown

    if not arguments:
        raise InputError(f"expected a command: {', '.join(COMMANDS)} (rrplan --help)")
    if arguments[0] not in COMMANDS:
        raise unknown("command", arguments[0], COMMANDS)
    return COMMANDS[arguments[0]]


def _help() -> str:
    lines = ["usage: rrplan COMMAND [options]", "", "How long should an agent think?", ""]
    lines += [
        f"  {name:<10}{str(command.__doc__).splitlines()[0]}" for name, command in COMMANDS.items()
    ]
    lines += [
        "",
        "`rrplan COMMAND --help` shows a command's options.",
        "`rrplan --print-completion SHELL` prints what completes commands (bash, zsh or fish).",
        "Set JAX_COMPILATION_CACHE_DIR=DIR to compile once: later runs read programs from there.",
    ]
    return "\n".join(lines)
