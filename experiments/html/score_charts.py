"""The figures of a metareasoning problem as Vega-Lite; the page gives them their data."""

from typing import Any

import altair as alt

from experiments.html import marks

_TIPS = ("name", "value", "interval", "note")


def specifications() -> dict[str, dict[str, Any]]:
    """Return each figure by name, as Vega-Lite's JSON."""
    titles = {
        "score": "Score",
        "value": "Value",
        "computations": "Computations an episode",
    }
    return {name: _over_costs(title).to_dict() for name, title in titles.items()}


def _over_costs(title: str) -> alt.LayerChart:
    """Return a line over the cost for each classical policy, and points with intervals."""
    x = alt.X(
        "price:Q",
        title="Cost c of a computation",
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=alt.Axis(format="~g", tickCount=6, labelOverlap="greedy", labelSeparation=14),
    )
    y = marks.bounded("mean:Q", title)
    points, chosen = alt.Chart(alt.NamedData("points")), alt.Chart(alt.NamedData("chosen"))
    color = marks.as_given("color")
    return marks.finish(
        chosen.mark_rule(strokeWidth=1, strokeDash=[3, 3]).encode(x=x, color=color),
        points.transform_filter("!datum.trained")
        .mark_line(strokeWidth=1.6, clip=True)
        .encode(x=x, y=y, color=color, strokeDash=marks.as_given("dash"), detail="line:N"),
        points.transform_filter("datum.trained")
        .mark_rule(strokeWidth=1.6, clip=True)
        .encode(x=x, y=marks.bounded("low:Q", title), y2="high:Q", color=color),
        points.mark_point(filled=True, size=60, opacity=1, clip=True).encode(
            x=x,
            y=y,
            color=color,
            shape=alt.Shape("shape:N", scale=None),
            tooltip=marks.tips(_TIPS),
        ),
        marks.cursor(x, y),
    ).add_params(alt.param("least", value=0), alt.param("most", value=1))
