"""A set of task ids that takes a dozen bytes for each, where a set of strings takes a hundred.

A run of a dynamic task keeps it for as long as it lasts, which may be for days.
"""

from __future__ import annotations

from array import array

#: The number of parts that hashes are divided into. A part is searched whole: of 100,000 ids it holds some 25.
_PARTS = 4096


class IdSet:
    """Up to ``most`` task ids, each known by its hash of 64 bits.

    Among 100,000, two have one hash once in four billion times.
    """

    __slots__ = ("_most", "_parts", "_size")

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: dict[int, array[int]] = {}
        self._size = 0

    def add(self, task_id: str) -> None:
        """Add an id, if it is not there and there is room."""
        if self._size == self._most:
            return
        hashed = hash(task_id)
        part = self._parts.get(hashed % _PARTS)
        if part is None:
            self._parts[hashed % _PARTS] = array("q", (hashed,))
        elif hashed in part:
            return
        else:
            part.append(hashed)
        self._size += 1

    def __contains__(self, task_id: str) -> bool:
        hashed = hash(task_id)
        part = self._parts.get(hashed % _PARTS)
        return part is not None and hashed in part

    def __len__(self) -> int:
        return self._size
