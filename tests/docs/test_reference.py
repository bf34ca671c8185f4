"""Docstrings name parameters as these are called: the reference and the tooltips of editors are made of them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import alexflow

PACKAGE = Path(alexflow.__file__).parent
SECTION = re.compile(r"^Args:\n((?:    .*\n|\n)*(?:    .*)?)", re.MULTILINE)
ENTRY = re.compile(r"^    (\S.*?):(?:\s|$)", re.MULTILINE)

Documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def parameters(node: Documented) -> set[str] | None:
    """Return the names of what a function or a class takes; None where a class has that from its bases."""
    if isinstance(node, ast.ClassDef):
        methods = (each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
        init = next(methods, None)
        if init is not None:
            return parameters(init)
        fields = {
            each.target.id
            for each in node.body
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        }
        return fields or None
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return {each.arg for each in every if each is not None}


def wrong_entries(text: str) -> Iterator[str]:
    """Yield the entries of docstrings that no parameter has for its name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Documented) and (section := SECTION.search(ast.get_docstring(node) or "")):
            taken = parameters(node)
            for entry in ENTRY.findall(section[1]):
                if taken is not None and entry.lstrip("*") not in taken:
                    yield f"{node.name}: {entry}"


@pytest.mark.parametrize("entry", ["other", "first, second", "first or second"])
def test_a_wrong_entry_is_found(entry: str) -> None:
    section = f"Args:\n        first: a\n        {entry}: b\n        **rest: c"
    text = f'def call(first, second, **rest):\n    """Call.\n\n    {section}\n    """'
    assert list(wrong_entries(text)) == [f"call: {entry}"]


def test_entries_have_the_names_of_parameters() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}: {entry}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for entry in wrong_entries(path.read_text())
    ]
    assert not wrong
