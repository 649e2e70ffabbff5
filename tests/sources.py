"""What Python files import, and which attributes they name. Each file is parsed once."""

import ast
import functools
from pathlib import Path
from typing import NamedTuple


class Source(NamedTuple):
    """What is told of one file: all of it, wherever in the file it stands."""

    imports: list[ast.Import | ast.ImportFrom]
    attributes: set[str]


@functools.cache
def read(path: Path) -> Source:
    source = Source([], set())
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            source.imports.append(node)
        elif isinstance(node, ast.Attribute):
            source.attributes.add(node.attr)
    return source
