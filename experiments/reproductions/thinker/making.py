"""Makes the reproduction: trains and runs every arm, and writes and draws what it says."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from experiments import runs
from experiments.analysis import columns
from experiments.analysis.columns import Columns
from experiments.analysis.comparisons import as_json
from experiments.reproductions import keeping
from experiments.reproductions.thinker import tables
from experiments.reproductions.thinker.arms import Arm, build, list_arms, run_arm, train_planner
from experiments.reproductions.thinker.figures import draw_returns
from experiments.reproductions.thinker.options import DynamicThinkerOptions
from rrplan.costs import Rates
from rrplan.statistics import mean_ci, paired_difference

BILLS = ("simulations", "operations")
FIGURES = {"returns": draw_returns}


def reproduce(options: DynamicThinkerOptions, say: Callable[[str], None]) -> list[str]:
    """Train and evaluate every arm, and write results, table and figure; return lines.

    Args:
        options: of the command.
        say: takes a line of progress.

    Raises:
        InputError: the directory holds another reproduction, or this one and it is not resumed.
    """
    with keeping.claimed(options.directory, options):
        return _make(options, say)


def _make(options: DynamicThinkerOptions, say: Callable[[str], None]) -> list[str]:
    problem = build(options)
    rows: dict[Arm, list[Columns]] = {arm: [] for arm in list_arms(options)}
    rates: dict[Arm, Rates] = {}
    for seed in range(options.seeds):
        planner = train_planner(problem, options, seed, lambda record: None)
        say(f"seed {seed}: planner trained")
        for arm in rows:
            given = problem, planner, options, arm, seed, lambda record: None
            table, rates[arm] = run_arm(*given)
            rows[arm].append(table)
            mean = float(table["untimed_return"].mean())
            say(f"seed {seed}: {arm.label} earns {mean:.4f} before the bill")
    stacked = {arm: columns.stack_tables(found) for arm, found in rows.items()}
    results = summarize(stacked, rates, options.prices)
    results |= {"env": options.env, "return_label": problem.config.return_label}
    results |= {"options": keeping.tell(options), "versions": runs.versions()}
    return keeping.write(options.directory, results, tables.markdown(results), FIGURES)


def summarize(
    rows: Mapping[Arm, Columns], rates: Mapping[Arm, Rates], prices: Sequence[float]
) -> dict[str, Any]:
    """Return what ``results.json`` holds: plain values, the same whenever it is made.

    Args:
        rows: the table ``[S, E]`` of each arm.
        rates: what each pays under the whole bill, in multiples of the price.
        prices: of a simulation.
    """
    entries = [
        {
            "kind": arm.kind,
            "k": arm.k,
            "price": arm.price,
            "untimed": as_json(mean_ci(table["untimed_return"].astype(float))),
            "seeds": table["untimed_return"].mean(axis=1).tolist(),
            **{
                name: float(table[name].sum() / table["length"].sum())
                for name in ("simulations", "levels", "looks")
            },
            "timed": [
                {
                    "price": price,
                    "bill": bill,
                    **as_json(mean_ci(columns.timed_return(table, price, own))),
                }
                for price in ([arm.price] if arm.price is not None else prices)
                for bill, own in zip(BILLS, (Rates(), rates[arm]), strict=True)
            ],
        }
        for arm, table in rows.items()
    ]
    return {
        "reproduction": "dynamic-thinker",
        "prices": list(prices),
        "arms": entries,
        "imagining": [_imagining(rows, arm) for arm in rows if arm.kind == "thinker" and arm.k],
        "dynamic": [
            entry for arm in rows if arm.kind == "dynamic" for entry in _against(rows, rates, arm)
        ],
    }


def _imagining(rows: Mapping[Arm, Columns], arm: Arm) -> dict[str, Any]:
    """Return what Thinker with some k earns before the bill, more than it does without imagining.

    And more than the search with as many simulations. Paired; None where there is no such arm.
    """
    untimed = {one: table["untimed_return"].astype(float) for one, table in rows.items()}

    def over(other: Arm) -> dict[str, Any] | None:
        if other not in untimed:
            return None
        return as_json(paired_difference(untimed[arm], untimed[other]))

    return {"k": arm.k, "none": over(Arm("thinker", 0)), "search": over(Arm("search", arm.k))}


def _against(
    rows: Mapping[Arm, Columns], rates: Mapping[Arm, Rates], arm: Arm
) -> list[dict[str, Any]]:
    """Return what Dynamic Thinker earns more than the best of each kind of fixed k, paired.

    The best k is that of the held-out episodes themselves: a comparison that favours the fixed k.
    """
    assert arm.price is not None
    found = []
    for bill in BILLS:

        def timed(one: Arm, bill: str = bill) -> Any:
            own = Rates() if bill == "simulations" else rates[one]
            return columns.timed_return(rows[one], arm.price or 0.0, own)

        for kind in ("search", "thinker"):
            best = max((one for one in rows if one.kind == kind), key=lambda one: timed(one).mean())
            difference = paired_difference(timed(arm), timed(best))
            found.append(
                {
                    "price": arm.price,
                    "bill": bill,
                    "other": kind,
                    "k": best.k,
                    "difference": as_json(difference),
                }
            )
    return found
