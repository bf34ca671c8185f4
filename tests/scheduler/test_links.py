"""Links: a tuple of few, a dictionary of more; the order is that in which they came."""

from __future__ import annotations

import pytest

from alexflow.scheduler.links import FEW, Links, all_linked, linked, unlinked

NAMES = [f"n{number}" for number in range(100)]


def links(count: int) -> Links[str]:
    several: Links[str] = ()
    for name in NAMES[:count]:
        several = linked(several, name)
    return several


@pytest.mark.parametrize("count", [0, 1, FEW, FEW + 1, 100])
def test_they_come_and_leave_in_any_order(count: int) -> None:
    several = links(count)
    assert list(several) == NAMES[:count]
    assert isinstance(several, tuple) == (count <= FEW)
    for name in NAMES[:count:2]:
        several = unlinked(several, name)
    assert list(several) == NAMES[1:count:2]


@pytest.mark.parametrize("before", [0, 3, 20])
def test_those_of_two_are_joined(before: int) -> None:
    others: Links[str] = ("a", "b")
    assert list(all_linked(links(before), others)) == [*links(before), "a", "b"]
