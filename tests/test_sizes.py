"""Functions and files are short enough to be read in one sitting."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import quantiles

import alexflow

PACKAGE = Path(alexflow.__file__).parent
TESTS = Path(__file__).parent
SOURCES = {str(path.relative_to(PACKAGE)): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}

LONGEST_FILE = 450


def test_19_of_20_functions_have_25_lines_at_most() -> None:
    lengths = [
        node.end_lineno - node.lineno + 1
        for source in SOURCES.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    ]
    assert quantiles(lengths, n=20)[-1] <= 25


def test_no_file_is_long() -> None:
    tests = {f"tests/{path.relative_to(TESTS)}": path.read_text() for path in sorted(TESTS.rglob("*.py"))}
    lines = {name: source.count("\n") for name, source in (SOURCES | tests).items()}
    assert {name: n for name, n in lines.items() if n > LONGEST_FILE} == {}
