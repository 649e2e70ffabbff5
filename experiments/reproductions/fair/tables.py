"""The tables of the reproduction, made from its results alone."""

from collections.abc import Mapping
from typing import Any

from experiments.report.formatting import (
    format_estimate,
    format_gain_in_full,
    format_markdown,
    format_mean,
)

NAMES = {
    "best fixed": "best fixed k",
    "stopper": "stopper",
    "charged": "best fair rule found, looks charged",
    "free": "best fair rule found, looks free",
    "oracle": "oracle",
}
STEPS = {
    "stopper": "what the stopper gains",
    "charged": "what the stopper missed",
    "free": "price of looking, and a larger network",
    "oracle": "hindsight, and what nobody found",
}


def markdown(results: Mapping[str, Any]) -> str:
    """Return the split of the gap, the returns, and how the rules were fitted."""
    return "\n".join([_split(results), _returns(results), _fits(results)])


def _split(results: Mapping[str, Any]) -> str:
    rows = []
    for one in results["prices"]:
        for step in one["split"]:
            rows.append(
                [
                    f"{one['price']:g}",
                    f"{NAMES[step['from']]} → {NAMES[step['to']]}",
                    STEPS[step["to"]],
                    format_gain_in_full(step["difference"]),
                ]
            )
        rows.append([f"{one['price']:g}", "the gap in all", "", format_gain_in_full(one["gap"])])
    first = results["prices"][0]
    caption = (
        f"{results['env']}: timed returns, paired, on the {first['bounded_episodes']:,} held-out"
        f" episodes of the oracle, {len(first['seeds']['stopper'])} training seeds. The steps add"
        " up to the gap. A fair rule sees only what has been searched so far; what was found is a"
        " lower bound of what such rules can earn."
    )
    return format_markdown(["c", "step", "what it is", "difference"], rows, caption, left=["step"])


def _returns(results: Mapping[str, Any]) -> str:
    rows = []
    for one in results["prices"]:
        for name, estimate in one["timed"].items():
            against = one["against_stopper"].get(name)
            episodes = one["bounded_episodes" if name == "oracle" else "episodes"]
            row = [f"{one['price']:g}", NAMES[name], format_estimate(estimate)]
            rows.append([*row, format_gain_in_full(against), f"{episodes:,}"])
    caption = (
        "On all held-out episodes of each. The last difference is paired with the stopper of the"
        " same training seed."
    )
    header = ["c", "agent", "timed", "less the stopper", "episodes"]
    return format_markdown(header, rows, caption, left=["agent"])


def _fits(results: Mapping[str, Any]) -> str:
    rows = [
        [
            f"{one['price']:g}",
            NAMES[one["kind"]],
            str(one["seed"]),
            str(one["width"]),
            f"{one['look_operations']:,.0f}",
            format_mean(one["simulations"]),
            format_mean(one["looks"]),
            f"{one['rounds'][one['kept']][0]:.5f}",
            f"{one['rounds'][one['kept']][1]:.5f}",
        ]
        for one in results["fits"]
    ]
    caption = (
        "Simulations and looks are those of an episode. The last two columns are timed returns on"
        " the instances of the fit, which flatter the rule, and on validation episodes, on which"
        " its round was chosen."
    )
    header = ["c", "rule", "seed", "width", "operations of a look", "simulations", "looks"]
    return format_markdown([*header, "fitted", "validation"], rows, caption, left=["rule"])
