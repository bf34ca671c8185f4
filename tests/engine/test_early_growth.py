"""Large tables of an engine grow one at a time."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import Any

import pytest

from alexflow.early_growth import EarlyGrowth

MANY = 200_000

#: Entries that come in one turn.
SLICE = 128


def growths(table: dict[str, int], place: int) -> list[int]:
    """Fill a table in slices. Returns in which of them it grew by more than some."""
    growth, grew = EarlyGrowth(place), []
    for start in range(0, MANY, SLICE):
        before = sys.getsizeof(table)
        for number in range(start, start + SLICE):
            table[str(number)] = number
        growth.look(table)
        if sys.getsizeof(table) > 1.5 * before > 1_000_000:
            grew.append(start)
    return grew


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_tables_of_one_size_grow_in_different_turns(kind: Any) -> None:
    grew = [growths(kind(), place) for place in (1, 2, 3, 4)]
    assert all(len(each) == len(grew[0]) >= 2 for each in grew)
    assert len({start for each in grew for start in each}) == sum(map(len, grew))


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_a_table_keeps_its_entries_and_their_order(kind: Any) -> None:
    table: dict[str, int] = kind()
    growths(table, 1)
    assert list(table.items()) == [(str(number), number) for number in range(len(table))]
    for number in range(len(table)):
        assert table.pop(str(number)) == number
