"""Tables on terminals of few columns: no word is broken, and no column is lost."""

from __future__ import annotations

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
