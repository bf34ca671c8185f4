"""Lanes: rows of a timeline, in each of which tasks follow one another and never overlap.

A lane keeps what it has in columns: the gap before each task, its duration, its class, its state. A full buffer of them
becomes byte planes (all first bytes, all second bytes, …), most of which are zero or nearly so, and is compressed. A
million tasks take about 3 MB so, where a tuple for each would take 176 MB; the price is some 2 µs a task.

A worker process is one lane. An event loop, which runs thousands of tasks at once, is as many as have run at once: each
task gets the lane whose last task ended latest before it began. For tasks that come in the order of their ends that is
the fewest lanes that can hold them.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_right, insort
from collections.abc import Iterator
from typing import NamedTuple

#: Tasks of a lane that are compressed together, at most.
SPANS_PER_CHUNK = 4096

#: Tasks in the open buffers of all lanes together, about: with many lanes chunks are smaller.
OPEN_TASKS = 200_000

_WIDTHS = (8, 8, 2, 1)  # bytes of a gap, a duration, a class, a state


class LaneColumns(NamedTuple):
    """The tasks of a lane, the earliest first.

    Attributes:
        start: microseconds from the timeline's beginning.
        took: microseconds.
        cls: numbers of classes.
        state: a state each.
    """

    start: array[int]
    took: array[int]
    cls: array[int]
    state: bytes


class Lane:
    """One row of a timeline.

    Attributes:
        place: the number of the worker or event loop that it belongs to.
        begun: the start of its first task, in microseconds.
        end: of its last task.
        count: its tasks.
        busy: microseconds, of all of its tasks.
        cpu: microseconds of processor time, as far as it is known; of a worker's use, added by the caller.
        rss: the highest memory of its worker, in bytes, the same.
    """

    __slots__ = (
        "_cls",
        "_gap",
        "_state",
        "_took",
        "begun",
        "busy",
        "chunks",
        "count",
        "cpu",
        "end",
        "number",
        "place",
        "rss",
    )

    def __init__(self, number: int, place: int):
        self.number = number
        self.place = place
        self.begun = self.end = self.count = self.busy = self.cpu = self.rss = 0
        self.chunks: list[bytes] = []
        self._clear()

    def _clear(self) -> None:
        self._gap, self._took, self._cls, self._state = array("Q"), array("Q"), array("H"), bytearray()

    def __lt__(self, other: Lane) -> bool:
        return self.end < other.end

    def append(self, cls: int, start: int, end: int, state: int, chunk: int) -> None:
        """Add a task that ended after all others in the lane."""
        gap, took = start - self.end, end - start
        self._gap.append(gap + gap if gap >= 0 else -gap - gap - 1)  # the sign in the lowest bit: clocks are set back
        self._took.append(took)
        self._cls.append(cls)
        self._state.append(state)
        if not self.count:
            self.begun = start
        self.end = end
        self.count += 1
        self.busy += took
        if len(self._state) >= chunk:
            self.pack()

    def pack(self) -> None:
        """Compress the open buffer."""
        if self._state:
            columns = zip((self._gap, self._took, self._cls), _WIDTHS, strict=False)
            planes = [plane for column, width in columns for plane in planes_of(column.tobytes(), width)]
            self.chunks.append(zlib.compress(b"".join([*planes, self._state]), 1))
            self._clear()

    def columns(self) -> LaneColumns:
        """Return all of its tasks."""
        start, took, cls, state = array("q"), array("Q"), array("H"), bytearray()
        end = 0
        for gaps, lengths, classes, states in self._buffers():
            for gap, length in zip(gaps, lengths, strict=True):
                begun = end + ((gap >> 1) ^ -(gap & 1))
                start.append(begun)
                end = begun + length
            took += lengths
            cls += classes
            state += states
        return LaneColumns(start, took, cls, bytes(state))

    def _buffers(self) -> Iterator[tuple[array[int], array[int], array[int], bytes]]:
        for chunk in self.chunks:
            raw = zlib.decompress(chunk)
            count = len(raw) // sum(_WIDTHS)
            parts, at = [], 0
            for width in _WIDTHS:
                parts.append(raw[at * count : (at + width) * count])
                at += width
            gap, took = (column_of(part, 8, "Q") for part in parts[:2])
            yield gap, took, column_of(parts[2], 2, "H"), parts[3]
        yield self._gap, self._took, self._cls, bytes(self._state)


def planes_of(data: bytes, width: int) -> list[bytes]:
    """Return the bytes of a little-endian column, sorted by their place in an item."""
    return [data[byte::width] for byte in range(width)]


def column_of(planes: bytes, width: int, kind: str) -> array[int]:
    """Return the column whose planes, one after the other, these are."""
    count = len(planes) // width
    data = bytearray(len(planes))
    for byte in range(width):
        data[byte::width] = planes[byte * count : (byte + 1) * count]
    column = array(kind)
    column.frombytes(data)
    return column


class LanesOfPlace:
    """The lanes of one worker or event loop, in the order of their last ends."""

    __slots__ = ("by_end",)

    def __init__(self) -> None:
        self.by_end: list[Lane] = []

    def fitting(self, start: int) -> Lane | None:
        """Take out the lane whose last task ended latest before a task began; None if all are busy then."""
        by_end = self.by_end
        last = len(by_end) - 1
        if last >= 0 and by_end[last].end <= start:
            return by_end.pop()
        at = bisect_right(by_end, start, key=_end_of)
        return by_end.pop(at - 1) if at else None

    def only(self) -> Lane | None:
        """Take out the lane of a place that has one; None if it has none yet."""
        return self.by_end.pop() if self.by_end else None

    def put_back(self, lane: Lane) -> None:
        """Put a lane in its order again."""
        by_end = self.by_end
        if not by_end or by_end[-1].end <= lane.end:
            by_end.append(lane)
        else:
            insort(by_end, lane)


def _end_of(lane: Lane) -> int:
    return lane.end
