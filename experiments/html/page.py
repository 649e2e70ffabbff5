"""A page as one HTML file: data, figures and scripts in it, and nothing loaded from anywhere."""

import base64
import functools
import hashlib
import html
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from rrplan.imports import import_name

_SHARED = ["numbers", "theme", "elements", "figures", "agents", "sorting", "settings", "shell"]


class Page(NamedTuple):
    """What a page is made of. The data of every page has ``runs``: what is told of each run."""

    body: str
    """The file of what stands on it."""
    scripts: Sequence[str]
    """Its own scripts, in the order in which they run; those that pages share stand before."""
    figures: str
    """``() -> {name: Vega-Lite}``, named as ``"package.module:function"``: it loads Altair."""
    collect: Callable[[Sequence[Path]], dict[str, Any]]
    """``(directories) -> data``, as plain values."""


def render(page: Page, data: Mapping[str, Any]) -> str:
    """Return a page with its data."""
    figures = {"figures": import_name(page.figures)()}
    scripts = (*(f"{name}.js" for name in _SHARED), *page.scripts)
    library, script = _bundle(), "\n".join(_asset(name) for name in scripts)
    script = _inline(f"(() => {{\n'use strict';\n{script}\n}})();\n")
    # Only these two scripts run: text that came into the data by whatever way does not.
    allowed = " ".join(f"'sha256-{_digest(text)}'" for text in (library, script))
    return Template(_asset("page.html")).substitute(
        title=html.escape(_title(data), quote=True),
        policy=f"default-src 'none'; script-src {allowed} 'unsafe-eval'; "
        "style-src 'unsafe-inline'; img-src data:",
        style=_asset("page.css"),
        body=_asset(page.body),
        data=_as_json({**data, **figures}),
        library=library,
        script=script,
    )


def _title(data: Mapping[str, Any]) -> str:
    first = data["runs"][0]
    return f"{first['env']} {first['options']}".strip()[:200] + " - rrplan report"


@functools.cache
def _bundle() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script."""
    import vl_convert

    return _inline(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def _asset(name: str) -> str:
    return resources.files("experiments.html").joinpath("assets", name).read_text()


def _inline(script: str) -> str:
    """Return a script in which nothing ends the element that it stands in."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _as_json(data: Any) -> str:
    """Return JSON that can stand inside an HTML page: no text in it looks like a tag."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
