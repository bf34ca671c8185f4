"""Code reads as engineers write: subject first, and the glossary's verbs (docs/design/glossary.md)."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import alexflow

PACKAGE = Path(alexflow.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))

#: The repository, with the code beside the package.
REPOSITORY = Path(__file__).parents[1]
BESIDE = sorted(path for folder in ("tests", "benchmarks", "examples") for path in (REPOSITORY / folder).rglob("*.py"))

#: A docstring that opens with one of these is a relative clause, not a sentence with its subject first.
RELATIVE = re.compile(r"(What|How|Where|Who|Whose|Whoever|Those|When|Which|Why)\b")

#: Code is nobody. Words for people stand for no process, function or object.
PEOPLE = re.compile(
    r"\b(who|whom|whoever|whomever|somebody|nobody|tells?|told|hears?|heard|knows? of)\b", re.IGNORECASE
)

#: Lines with such a word; those that are left speak of people or of a file's position.
MOST_PEOPLE = 10


def docstrings() -> Iterator[tuple[str, str]]:
    """The place and the text of each docstring, of the package and beside it."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for path in [*SOURCES, *BESIDE]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, documented) and (text := ast.get_docstring(node)) is not None:
                yield f"{path}:{getattr(node, 'lineno', 1)}", text


def prose() -> Iterator[tuple[str, str]]:
    """The place and the text of each comment and each line of a string."""
    for path in SOURCES:
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                for number, line in enumerate(token.string.splitlines()):
                    yield f"{path.relative_to(PACKAGE)}:{token.start[0] + number}", line


def test_docstrings_begin_with_their_subject() -> None:
    assert [f"{place}: {text.splitlines()[0]}" for place, text in docstrings() if RELATIVE.match(text)] == []


def test_code_is_not_spoken_of_as_people() -> None:
    found = [f"{place}: {line.strip()}" for place, line in prose() if PEOPLE.search(line)]
    assert len(found) <= MOST_PEOPLE, "\n".join(found)
