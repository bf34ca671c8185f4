"""The page on errors is whole. That it shows what is really printed, tests/docs sees: it runs the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alexflow import errors

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()

CASES = re.findall(r"### (.*?)\n(.*?)(?=\n##|\Z)", PAGE, re.DOTALL)


@pytest.mark.parametrize(("title", "text"), CASES, ids=[title for title, _ in CASES])
def test_every_case_shows_one_error_for_each_mistake(title, text):
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (output,) = re.findall(r"```output\n(.*?)```", text, re.DOTALL)
    mistakes = code.count("with what_is_printed():")
    assert mistakes >= 1
    assert len(re.findall(r"^[A-Z]\w+: ", output.partition("Traceback")[0], re.MULTILINE)) == mistakes


def test_every_error_is_there():
    shown = set(re.findall(r"\b[A-Z]\w+\b", PAGE))
    public = {
        name
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, errors.AlexflowError)
    }
    # of documents: tests/serialization; and those are shown as the cause of a TaskFailed
    assert public - shown <= {"DocumentError"}
