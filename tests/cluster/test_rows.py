"""The rows of faults in docs/design/cluster.md have the tests that they name."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "design" / "cluster.md"


def test_each_row_has_its_tests():
    rows = re.findall(r"^\| C(\d+) \|.*\| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert [int(number) for number, _ in rows] == [*range(1, 17)]
    named = {(int(number), name) for number, names in rows for name in names.split(", ")}
    assert named == {(number, path.name) for path in HERE.glob("test_*.py") for number in rows_in(path)}


def rows_in(path: Path) -> set[int]:
    """The rows that tests of a file have in their names."""
    tests = re.findall(r"^(?:async )?def test_((?:c\d+_)+)", path.read_text(), re.MULTILINE)
    return {int(number) for found in tests for number in re.findall(r"\d+", found)}
