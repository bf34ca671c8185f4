"""The design pages are complete: the glossary lists each term once, and the index names every page."""

import re
from collections import Counter
from pathlib import Path

DESIGN = Path(__file__).parents[2] / "docs" / "design"

ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_the_glossary_lists_each_term_once() -> None:
    described, _, _ = (DESIGN / "glossary.md").read_text().partition("## Words that are not used")
    terms = [term.strip() for cell, _ in ROW.findall(described) for term in cell.split(",")]
    repeated = [term for term, count in Counter(terms).items() if count > 1 and term not in ("term", "---")]
    assert len(terms) > 100
    assert not repeated


def test_a_meaning_is_one_sentence() -> None:
    described, _, _ = (DESIGN / "glossary.md").read_text().partition("## Words that are not used")
    meanings = {cell: meaning for cell, meaning in ROW.findall(described) if cell not in ("term", "---")}
    assert [cell for cell, meaning in meanings.items() if not meaning.endswith(".") or ". " in meaning] == []


def test_the_index_names_every_page() -> None:
    index = (DESIGN / "index.md").read_text()
    pages = {page.name for page in DESIGN.glob("*.md")} - {"index.md"}
    assert {page for page in pages if f"]({page})" not in index} == set()
