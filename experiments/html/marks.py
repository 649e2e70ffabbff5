"""What figures are built of: scales, colours that the page gives, and the keyboard's ring."""

from collections.abc import Sequence
from typing import Any

import altair as alt

HEIGHT = 300  # pixels
TIPS = ("name", "value", "interval", "simulations", "note")
"""What is shown of a point, as far as it has it."""


def finish(*layers: alt.Chart) -> alt.LayerChart:
    """Return layers as one figure, as wide as the page leaves room for."""
    together = alt.LayerChart(layer=list(layers))
    return together.properties(
        width="container", height=HEIGHT, autosize=alt.AutoSizeParams(type="fit-x", resize=True)
    )


def bounded(field: str, title: str) -> alt.Y:
    """Return a y axis whose ends the page sets, so that a peak is not pressed flat."""
    scale = alt.Scale(
        zero=False,
        nice=False,
        domainMin=alt.ExprRef("least"),
        domainMax=alt.ExprRef("most"),
    )
    return alt.Y(field, title=title, scale=scale)


def counts() -> alt.Scale:
    """Return a scale of the logarithm of 1 + x, which has room for 0."""
    return alt.Scale(type="symlog", constant=1, nice=False, zero=True, padding=9)


def loose() -> alt.Scale:
    """Return a scale with room for what is written beside points."""
    return alt.Scale(zero=False, nice=False, padding=16)


def ticks() -> alt.Axis:
    """Return an axis of powers of two, as budgets are."""
    return alt.Axis(
        values=[0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384],
        labelOverlap="greedy",
        format="d",
    )


def as_given(field: str) -> Any:
    """Return an encoding whose values are colours or dashes themselves."""
    if field == "dash":
        return alt.StrokeDash("dash:N", scale=None)
    return alt.Color(f"{field}:N", scale=None)


def tips(names: Sequence[str] = TIPS) -> list[alt.Tooltip]:
    """Return what is shown of the point that the mouse is over."""
    return [alt.Tooltip(f"{name}:N") for name in names]


def cursor(x: alt.X, y: alt.Y) -> alt.Chart:
    """Return the ring around the point that the keyboard has reached."""
    ring = alt.Chart(alt.NamedData("cursor")).mark_point(size=420, strokeWidth=3, opacity=1)
    return ring.encode(x=x, y=y, color=as_given("color"))
