"""Ids are kept by their hashes: as exact as a set of strings, at an eighth of its memory."""

from __future__ import annotations

import sys
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from alexflow.scheduler.id_set import IdSet


@given(st.lists(st.integers(0, 30)), st.lists(st.integers(0, 30)))
def test_it_holds_what_a_set_holds(added: list[int], asked: list[int]) -> None:
    ids, expected = IdSet(most=1000), set(added)
    for each in added:
        ids.add(str(each))
    assert len(ids) == len(expected)
    assert [str(each) in ids for each in added + asked] == [each in expected for each in added + asked]


def test_a_hundred_thousand_take_little_memory() -> None:
    tracemalloc.start()
    try:
        ids = IdSet(most=100_000)
        for number in range(100_001):
            ids.add(f"tests.scheduler.test_id_set.Made.{number:040}")
        assert tracemalloc.get_traced_memory()[0] < 100_000 * 20
    finally:
        tracemalloc.stop()
    assert len(ids) == 100_000  # there is no room for the last
    assert sys.getsizeof("tests.scheduler.test_id_set.Made." + "0" * 40) > 100  # what each would take otherwise
