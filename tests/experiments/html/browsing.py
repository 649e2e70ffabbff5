"""Pages in a real browser: what they complain of, ask for and show."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDS_CHROMIUM = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
SIZES = {1280: 900, 380: 800}
"""Widths of the page with the heights of the window, in pixels."""


class Watched:
    """A page with what it has complained of and asked for."""

    def __init__(self, browser, path, width=1280, scheme="light"):
        self.complaints, self.requests = [], []
        self.page = browser.new_page(
            viewport={"width": width, "height": SIZES[width]}, color_scheme=scheme
        )
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self._note("error", str(error)))
        self.page.on("dialog", lambda dialog: self._note("error", dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.resolve().as_uri())
        self.page.wait_for_selector(f"html[data-ready={scheme}]", timeout=60_000)

    def _note(self, kind, text):
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def ask(self, expression, given=None):
        """Return what an expression comes to on the page, after all has been drawn."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 60)))"
        )
        return self.page.evaluate(expression, given)

    def points(self, figure, name):
        """Return a data set of the first figure of a kind."""
        return self.ask(
            "([figure, name]) => rrplan.figures"
            ".find((one) => one.element.dataset.figure === figure)"
            ".view.data(name).map((row) => ({...row}))",
            [figure, name],
        )
