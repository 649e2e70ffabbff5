"""Pages of the site that are made of other files: the README, examples, notebooks, the reference.

MkDocs calls the functions that begin with ``on_``. Nothing here is needed to read the documentation
as it stands.
"""

import importlib
import re
from pathlib import Path
from typing import Any

import jupytext
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
_MOVED = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.md",
}
_FACES = ("rrplan", "rrplan.search", "rrplan.oracle", "envs", "agents", "experiments")
_ROLE = re.compile(r":(?:mod|class|func|meth|data|attr):(?=<code>)")
_LINK = re.compile(r"(\]\()([^)#:]+)(#[^)]*)?(\))")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made of other files."""

    def add(page: str, content: str) -> None:
        files.append(File.generated(config, page, content=content))

    for name, page in _MOVED.items():
        text = (ROOT / name).read_text()
        add(page, f"# License\n\n```text\n{text}```\n" if name == "LICENSE" else text)
    listed = []
    for path in sorted((ROOT / "examples").glob("*.py")):
        text = path.read_text()
        title = text.split('"""')[1].splitlines()[0]
        listed.append(f"- [`{path.name}`]({path.stem}.md): {title}")
        add(f"examples/{path.stem}.md", f"# `{path.name}`\n\n```python\n{text}```\n")
    add("examples/index.md", "\n".join(["# Examples", "", "The tests run them.", "", *listed, ""]))
    for path in sorted((ROOT / "examples" / "notebooks").glob("*.py")):
        notebook = jupytext.read(path)
        page = jupytext.writes(notebook, fmt="md:markdown")
        page = page.split("---\n", 2)[-1].lstrip()  # without the header that jupytext writes
        note = f"\n\n[As a notebook]({path.stem}.ipynb), to run it.\n"
        add(f"notebooks/{path.stem}.md", page.rstrip() + note)
        add(f"notebooks/{path.stem}.ipynb", jupytext.writes(notebook, fmt="ipynb"))
    add("reference/index.md", _reference_index())
    for face in _FACES:
        add(f"reference/{face}.md", _reference(face))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Return a page with links of the site, and with lists indented as Python-Markdown wants."""
    del config, files
    source = page.file.src_uri
    depth = source.count("/")
    from_root = source in _MOVED.values()

    def point(found: re.Match[str]) -> str:
        begin, target, anchor, end = found.groups()
        return f"{begin}{_target(target, from_root, depth)}{anchor or ''}{end}"

    return _indent(_LINK.sub(point, markdown))


def on_page_content(html: str, page: Any, config: Any, files: Files) -> str:
    """Return a page without the roles of Sphinx, which docstrings have before names."""
    del page, config, files
    return _ROLE.sub("", html)


def _target(target: str, from_root: bool, depth: int) -> str:
    """Return where a link of a file in the repository leads in the site."""
    up = "../" * depth
    plain = target.removeprefix(up + "../")
    if from_root or plain != target:
        plain = plain.removeprefix("docs/")
        if plain in _MOVED:
            return up + _MOVED[plain]
        if plain == "examples":
            return f"{up}examples/index.md"
        if plain.startswith("examples/"):
            return up + plain.replace(".py", ".md")
        return up + plain
    return target


def _indent(markdown: str) -> str:
    """Return Markdown whose lists are indented by four spaces a level, where two were enough."""
    lines, fence = [], None
    for line in markdown.splitlines():
        spaces = len(line) - len(line.lstrip(" "))
        fenced = line.lstrip().startswith("```")
        more = spaces if fence is None else fence
        if fenced:
            fence = spaces if fence is None else None
        lines.append(" " * more + line if line.strip() else line)
    return "\n".join(lines) + "\n"


def _reference_index() -> str:
    parts = ["# Reference", "", "What is imported from each package, made of its docstrings.", ""]
    for face in _FACES:
        doc = (importlib.import_module(face).__doc__ or "").splitlines()[0]
        parts.append(f"- [`{face}`]({face}.md): {doc}")
    return "\n".join([*parts, ""])


def _reference(face: str) -> str:
    """Return a page of all that a package hands on: each name where it is defined."""
    package = importlib.import_module(face)
    parts = [f"# `{face}`", "", (package.__doc__ or "").split("\n\n")[0], ""]
    for name in package.__all__:
        value = getattr(package, name)
        home = getattr(value, "__module__", None)
        if home is None or not hasattr(value, "__qualname__"):
            continue  # a module, which has a page of its own
        parts += [f"::: {home}.{value.__qualname__}", ""]
    return "\n".join(parts)
