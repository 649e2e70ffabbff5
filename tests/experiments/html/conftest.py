"""The browser that pages are looked at with, where it is installed."""

import pytest

from tests.experiments.html.browsing import CHROMIUM


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium without a window, driven by Playwright."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()
