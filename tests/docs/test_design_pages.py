"""The design pages are complete and up to date: terms, pages, layers, and the files that they name."""

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DESIGN = ROOT / "docs" / "design"

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


def test_the_layers_are_those_of_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (held,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    _, _, rest = (DESIGN / "index.md").read_text().partition("A layer imports only from the layers below it")
    drawn = rest.split("```")[1].removeprefix("text\n").splitlines()
    names = [re.split(r" {2,}", line)[0].split(" · ") for line in drawn]
    assert names == [layer.replace("alexflow.", "").split(" | ") for layer in held]


PATH = re.compile(r"`((?:alexflow|tests|docs|benchmarks|examples)/[\w./-]*)`")
NAMING = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", NAMING, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    named = PATH.findall(page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []
