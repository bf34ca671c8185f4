"""Tables on terminals of few columns: no word is broken, and no column is lost."""

from __future__ import annotations

import re
import sys

import pytest

from alexflow.cli import answers

COLUMNS = ("run", "started", "ran", "command")
ROW = ("20261129T184051884-a73d64", "2026-11-29 18:40:51", "1,348", "script.py --depth 3")


@pytest.mark.parametrize("width", [20, 40, 54])
def test_a_table_that_does_not_fit_is_stacked(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    answers.print_table(COLUMNS, [ROW, (*ROW[:2], "", "")], right=["ran"])
    lines = capsys.readouterr().out.splitlines()
    assert lines.count(ROW[0]) == 2
    joined = " ".join(line.strip() for line in lines)
    assert f"started {ROW[1]}, ran 1,348, command {ROW[3]}" in joined
    assert joined.endswith(f"started {ROW[1]}"), "empty cells are left out"


def test_a_table_that_fits_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "61")
    assert answers.stacked(COLUMNS, [ROW], ["ran"]) is None


@pytest.mark.parametrize(
    ("width", "missing"),
    [
        (63, set()),
        (62, {"started"}),
        (51, {"started"}),
        (50, {"started", "ran"}),
        (44, {"started", "ran"}),
        (43, set()),
    ],
)
def test_optional_columns_are_left_out_where_that_is_enough(
    width: int, missing: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no id is broken: it could not be copied."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    rows = [ROW, (*ROW[:3], "alexflow run workflow.py:model --force")]
    answers.print_table(COLUMNS, rows, right=["ran"], optional=["started", "ran"])
    text = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out)
    assert text.count(ROW[0]) == 2
    assert max(map(len, text.splitlines())) <= width
    if width > 43:
        assert text.splitlines()[0].split() == [name for name in COLUMNS if name not in missing]
    else:
        assert f"started {ROW[1]}" in text, "all of them are there where it is stacked nevertheless"
