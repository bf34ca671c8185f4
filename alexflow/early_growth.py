"""The growth of large dicts at different times, though each has as many entries as the others.

CPython moves all entries of a dict when it has no room for one more: of 87,381 it takes some 2 ms, of 174,762 twice as
long. Several dicts of an engine have an entry for each task, so that they all grew in one turn of the event loop, and
that was the longest of a large request. So each grows some entries before it has to, and none as early as another: it
gets some that are taken away again.

Rejected: dicts in parts, none of which is large. Each look at one would be a call more.
"""

from __future__ import annotations

from typing import Any

#: The size of the first table that takes long to grow: two thirds of it are room. The next is twice as large.
FIRST_LARGE = 2**15

#: Entries that lie between the growth of two dicts: more than come in one turn.
APART = 256

#: Entries of a dict that need not be looked at, since it does not grow soon.
GROWS_LATER = 20_000


class EarlyGrowth:
    """Lets a dict grow before it has to. Without it, or in another Python, it grows when it must.

    Args:
        place: of the dict among those that grow together, from 1 on.
    """

    __slots__ = ("_ahead", "_at")

    def __init__(self, place: int):
        self._ahead = place * APART
        self._at = _room(FIRST_LARGE) - self._ahead

    def look(self, table: dict[str, Any]) -> None:
        """Let a dict grow if it is about to; to be called after some entries have come."""
        if len(table) >= self._at:
            self._grow(table)

    def _grow(self, table: dict[str, Any]) -> None:
        size = FIRST_LARGE
        while _room(size) <= len(table):
            size *= 2
        room = _room(size)
        if len(table) < room - self._ahead:
            self._at = room - self._ahead
            return
        others = [f"\0{number}" for number in range(room - len(table) + 1)]
        for other in others:
            table[other] = None
        for other in others:
            del table[other]
        self._at = _room(2 * size) - self._ahead


def _room(size: int) -> int:
    return size * 2 // 3
