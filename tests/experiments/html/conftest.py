"""The browser that pages are looked at with, where it is installed, and the page of a run.

A module that looks at one has a fixture ``directory``: that of the run.
"""

import pytest

from experiments.html import document
from tests.experiments.html.browsing import CHROMIUM, Watched


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium without a window, driven by Playwright."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def report(directory, tmp_path_factory):
    return document.write_report([directory], tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture
def watched(browser, report):
    opened = Watched(browser, report)
    yield opened
    opened.page.close()
    assert opened.complaints == []
    assert opened.requests == [report.resolve().as_uri()]
