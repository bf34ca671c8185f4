"""The table of formats is written by the program that measured it, and leaves none out."""

import json
from pathlib import Path

import pytest

from alexflow import formats
from benchmarks import cases, formats_page, page
from benchmarks.contest import Setting
from benchmarks.measure import Place

DOCS = Path(__file__).parents[2] / "docs"

BASES = {"FileOutput"}


def test_every_format_has_a_row():
    assert set(formats_page.ROWS) == {name for name in formats.__all__ if name.endswith("Output")} - BASES


def test_the_page_shows_what_was_measured():
    text = (DOCS / "formats.md").read_text()
    figures = json.loads((DOCS / "figures" / "formats.json").read_text())
    assert page.rewritten(text, formats_page.table(figures), formats_page.BEGIN) == text


def test_all_of_them_can_be_measured(tmp_path):
    pytest.importorskip("polars")
    pytest.importorskip("tables")
    setting = Setting(1, Place(tmp_path), Place(tmp_path), scale=0.001)
    outcomes = list(cases.run("formats", setting))
    assert len(outcomes) == 3
    for outcome in outcomes:
        assert [row.trouble for row in outcome.rows.values()] == [None] * len(outcome.rows)
        assert set(outcome.rows) <= set(formats_page.ROWS)
