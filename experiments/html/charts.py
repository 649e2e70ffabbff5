"""The figures of planning depth as Vega-Lite, built with Altair; the page gives them their data.

A figure names its data sets and holds none: the page works out what is shown at a price, in the
colours of its theme, and hands it over. So one specification serves every price and every theme.
"""

from typing import Any

import altair as alt

from experiments.html import marks


def specifications() -> dict[str, dict[str, Any]]:
    """Return each figure by name, as Vega-Lite's JSON."""
    charts = {
        "untimed": _returns("Untimed return"),
        "timed": _returns("Timed return"),
        "front": _front(),
        "thinking": _thinking(),
        "story": _story(),
    }
    return {name: chart.to_dict() for name, chart in charts.items()}


def _returns(title: str) -> alt.LayerChart:
    """Return lines over k, agents without a k as lines across, and the best k marked."""
    x = alt.X("k:Q", title="Simulations a decision, k", scale=marks.counts(), axis=marks.ticks())
    y = marks.bounded("mean:Q", title)
    across = alt.Chart(alt.NamedData("across"))
    curve = alt.Chart(alt.NamedData("curve"))
    best = alt.Chart(alt.NamedData("best"))
    labels = alt.Chart(alt.NamedData("labels"))
    return marks.finish(
        across.mark_rect(opacity=0.13, clip=True).encode(
            y=marks.bounded("low:Q", title), y2="high:Q", color=marks.as_given("color")
        ),
        across.mark_rule(strokeWidth=1.6, clip=True).encode(
            y=y,
            color=marks.as_given("color"),
            strokeDash=marks.as_given("dash"),
            tooltip=marks.tips(),
        ),
        curve.mark_area(opacity=0.2, clip=True).encode(
            x=x, y=marks.bounded("low:Q", title), y2="high:Q", color=marks.as_given("color")
        ),
        curve.mark_line(strokeWidth=1.8, clip=True).encode(x=x, y=y, color=marks.as_given("color")),
        curve.mark_point(filled=True, size=70, opacity=1, clip=True).encode(
            x=x, y=y, color=marks.as_given("color"), tooltip=marks.tips()
        ),
        best.mark_point(size=280, strokeWidth=2.2, opacity=1, clip=True).encode(
            x=x,
            y=y,
            color=marks.as_given("color"),
            shape=alt.Shape("shape:N", scale=None),
            tooltip=marks.tips(),
        ),
        _label(labels, title, stroke=alt.Stroke("ground:N", scale=None)),  # a halo, then the text
        _label(labels, title),
        marks.cursor(x, y),
    ).add_params(alt.param("least", value=0), alt.param("most", value=1))


def _label(labels: alt.Chart, title: str, **halo: Any) -> alt.Chart:
    mark: dict[str, Any] = {"align": "right", "baseline": "middle", "fontSize": 11, "clip": True}
    if halo:
        mark["strokeWidth"] = 4
    return labels.mark_text(**mark).encode(
        x=alt.XValue(alt.ExprRef("width - 4")),
        y=marks.bounded("at:Q", title),
        text="text:N",
        color=marks.as_given("color"),
        **halo,
    )


def _front() -> alt.LayerChart:
    """Return what agents earn against how much they think."""
    x = alt.X(
        "simulations:Q", title="Simulations an episode", scale=marks.counts(), axis=marks.ticks()
    )
    y = alt.Y("mean:Q", title="Untimed return", scale=marks.loose())
    points = alt.Chart(alt.NamedData("points"))
    lines = alt.Chart(alt.NamedData("lines"))
    shown = points.transform_filter("!datum.fixed")
    return marks.finish(
        lines.mark_line(strokeWidth=1.5).encode(
            x=x,
            y=y,
            color=marks.as_given("color"),
            strokeDash=marks.as_given("dash"),
            detail="agent:N",
            order="simulations:Q",
        ),
        points.mark_rule(strokeWidth=1).encode(
            x=x,
            y=alt.Y("low:Q", title="Untimed return"),
            y2="high:Q",
            color=marks.as_given("color"),
        ),
        shown.mark_rule(strokeWidth=1).encode(
            x="left:Q", x2="right:Q", y=y, color=marks.as_given("color")
        ),
        points.mark_point(filled=True, size=85, opacity=1).encode(
            x=x,
            y=y,
            color=marks.as_given("color"),
            shape=alt.Shape("shape:N", scale=None),
            tooltip=marks.tips(),
        ),
        points.transform_filter("datum.fixed")
        .mark_text(dy=13, dx=4, fontSize=10)
        .encode(x=x, y=y, text="text:N", color=marks.as_given("color")),
        marks.cursor(x, y),
    )


def _thinking() -> alt.LayerChart:
    """Return mean simulations a decision, by decision or by legal actions."""
    x = alt.X(
        "at:Q",
        title=None,
        scale=alt.Scale(zero=False, nice=False, padding=8),
        axis=alt.Axis(tickMinStep=1, format="d", labelOverlap="greedy"),
    )
    y = alt.Y("mean:Q", title="Simulations a decision", scale=alt.Scale(zero=True))
    points = alt.Chart(alt.NamedData("points"))
    detail = "agent:N"
    return marks.finish(
        points.mark_area(opacity=0.18).encode(
            x=x, y=alt.Y("low:Q"), y2="high:Q", color=marks.as_given("color"), detail=detail
        ),
        points.mark_line(strokeWidth=1.6).encode(
            x=x,
            y=y,
            color=marks.as_given("color"),
            strokeDash=marks.as_given("dash"),
            detail=detail,
        ),
        points.mark_point(filled=True, size=60, opacity=1).encode(
            x=x,
            y=y,
            color=marks.as_given("color"),
            shape=alt.Shape("shape:N", scale=None),
            tooltip=marks.tips(),
        ),
        marks.cursor(x, y),
    )


def _story() -> alt.LayerChart:
    """Return how long each decision of an episode thought, and whether that changed its mind."""
    axis = alt.Axis(labelAngle=0, labelOverlap="greedy", labelSeparation=4)
    x = alt.X("mean_at:O", title="Decision of the episode", axis=axis)
    y = alt.Y("mean:Q", title="Simulations", axis=alt.Axis(tickMinStep=1))
    bars = alt.Chart(alt.NamedData("points"))
    return marks.finish(
        bars.mark_bar().encode(x=x, y=y, color=marks.as_given("color"), tooltip=marks.tips()),
        bars.mark_text(dy=-7, fontSize=11).encode(
            x=x, y=y, text="text:N", color=marks.as_given("ink")
        ),
    ).properties(height=170)
