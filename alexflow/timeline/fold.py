"""A timeline, folded from tasks as they end: exact counts by class, state, lane and time, in bounded memory.

Pure: no clock, no storage, no event loop. Tasks come in the order of their ends, from a record or from an engine's
events alike. A million of them are kept in about 10 MB (:mod:`alexflow.timeline.lanes`); nothing is sampled or capped.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from math import log2
from typing import NamedTuple

from alexflow.timeline.lanes import OPEN_TASKS, SPANS_PER_CHUNK, Lane, LanesOfPlace

#: States of a task in a timeline. Numbers are in files and do not change.
SUCCEEDED, GIVEN_UP, RETRIED, SUCCEEDED_LATER = 0, 1, 2, 3
_ENDED_WELL = (SUCCEEDED, SUCCEEDED_LATER)
STATE_NAMES = ("done", "failed", "failed and tried again", "done after another attempt")

#: Buckets of the histogram of durations for each doubling: a quantile from it is off by 4.5 per cent at most.
_PER_DOUBLING = 8
_BUCKETS = 8 + _PER_DOUBLING * 46  # up to two years


class ClassCount:
    """Counts of one class; durations in microseconds.

    Attributes:
        name: the class.
        begun: when the first one began that has ended, in microseconds from the timeline's beginning.
        count: attempts of which it is known when they ran.
        states: of these by state.
        took: all their durations added up.
        worked: those of attempts that succeeded.
        longest: the longest of them.
    """

    __slots__ = ("_histogram", "begun", "count", "longest", "name", "states", "took", "worked")

    def __init__(self, name: str, begun: int):
        self.name = name
        self.begun = begun
        self.count = self.took = self.worked = self.longest = 0
        self.states = [0] * len(STATE_NAMES)
        self._histogram = array("Q", bytes(8 * _BUCKETS))

    def add(self, took: int, state: int) -> None:
        """Count an attempt."""
        self.count += 1
        self.took += took
        self.states[state] += 1
        if took > self.longest:
            self.longest = took
        if state in _ENDED_WELL:
            self.worked += took
            self._histogram[_bucket(took)] += 1

    @property
    def succeeded(self) -> int:
        """Attempts that succeeded."""
        return sum(self.states[state] for state in _ENDED_WELL)

    def quantile(self, share: float) -> float:
        """Return about the duration that this share of the tasks that succeeded did not exceed, in microseconds."""
        if self.succeeded == 1:
            return float(self.worked)
        wanted, seen = share * sum(self._histogram), 0
        for bucket, count in enumerate(self._histogram):
            seen += count
            if count and seen >= wanted:
                return min(_upper(bucket), float(self.longest))
        return 0.0


def _bucket(took: int) -> int:
    if took < 8:
        return max(took, 0)
    return min(_BUCKETS - 1, 8 + int((log2(took) - 3) * _PER_DOUBLING))


def _upper(bucket: int) -> float:
    return float(bucket) if bucket < 8 else 2.0 ** (3 + (bucket - 7.5) / _PER_DOUBLING)


class Activity(NamedTuple):
    """Busy time by class and time.

    Attributes:
        width: microseconds of one bucket.
        busy: for each class microseconds in each bucket.
        begun: for each class the attempts that began in each bucket.
    """

    width: float
    busy: list[list[float]]
    begun: list[list[int]]


class TimelineFold:
    """Tasks that have ended, by lane and class.

    Attributes:
        classes: counts by the number of the class.
        lanes: all lanes, in the order in which they were first used.
        places: names of workers and event loops, by number.
        count: attempts.
        end: the last end, in microseconds.
    """

    def __init__(self) -> None:
        self.classes: list[ClassCount] = []
        self.lanes: list[Lane] = []
        self.places: list[str] = []
        self.count = self.end = 0
        self._class_numbers: dict[str, int] = {}
        self._place_numbers: dict[str, int] = {}
        self._of_place: list[LanesOfPlace] = []
        self._chunk = SPANS_PER_CHUNK

    def add(self, cls: str, place: str, start: int, end: int, state: int = SUCCEEDED, *, alone: bool = False) -> Lane:
        """Add an attempt that has ended; ends of one place come in their order.

        Args:
            cls: the task's class.
            place: the worker or event loop that it ran in.
            start: microseconds from the timeline's beginning.
            end: microseconds, not before ``start``.
            state: how it ended.
            alone: whether the place runs one task at a time: it is one lane then, also where clocks disagree a little.

        Returns:
            The lane that it is in; it is the last one there.
        """
        number = self._class_numbers.get(cls)
        if number is None:
            number = self._class_numbers[cls] = len(self.classes)
            self.classes.append(ClassCount(cls, start))
        at = self._place_numbers.get(place)
        if at is None:
            at = self._place_numbers[place] = len(self.places)
            self.places.append(place)
            self._of_place.append(LanesOfPlace())
        lanes = self._of_place[at]
        lane = (lanes.only() if alone else lanes.fitting(start)) or self._new_lane(at)
        lane.append(number, start, end, state, self._chunk)
        lanes.put_back(lane)
        self.classes[number].add(end - start, state)
        self.count += 1
        if end > self.end:
            self.end = end
        return lane

    def count_of(self, cls: str) -> ClassCount | None:
        """Return the counts of a class; None if none of its tasks has ended."""
        number = self._class_numbers.get(cls)
        return None if number is None else self.classes[number]

    def class_number(self, cls: str) -> int:
        """Return the number of a class that it has."""
        return self._class_numbers[cls]

    def _new_lane(self, place: int) -> Lane:
        lane = Lane(len(self.lanes), place)
        self.lanes.append(lane)
        chunk = max(64, min(SPANS_PER_CHUNK, OPEN_TASKS // len(self.lanes)))
        if chunk <= self._chunk // 2:  # buffers that are longer now are packed with their next task
            self._chunk = chunk
        return lane

    def ordered_lanes(self) -> list[Lane]:
        """Return the lanes by place, as they are shown."""
        return sorted(self.lanes, key=lambda lane: (lane.place, lane.number))

    def activity(self, buckets: int) -> Activity:
        """Return busy time by class and time: the timeline as a table.

        Args:
            buckets: how many, at least 1.
        """
        width = max(self.end, 1) / buckets
        busy = [[0.0] * buckets for _ in self.classes]
        begun = [[0] * buckets for _ in self.classes]
        for cls, start, took in self._tasks():
            first, last = int(start / width), int((start + took) / width)
            begun[cls][max(0, min(first, buckets - 1))] += 1
            for at in range(max(first, 0), min(last, buckets - 1) + 1):
                busy[cls][at] += max(0.0, min(start + took, (at + 1) * width) - max(start, at * width))
        return Activity(width, busy, begun)

    def _tasks(self) -> Iterator[tuple[int, int, int]]:
        for lane in self.lanes:
            columns = lane.columns()
            yield from zip(columns.cls, columns.start, columns.took, strict=True)


def one_after_another(ends: Iterable[int], took: Iterable[int]) -> list[int]:
    """Return when the tasks of one worker ended, which runs one at a time, from when they were reported.

    Several that were reported together have nearly the same end there. Each must have ended before the next one began,
    so going back from the last, every end that is too late is moved; durations, which were measured, stay.

    Args:
        ends: as reported, in microseconds, in their order.
        took: their durations.
    """
    ends, took = list(ends), list(took)
    for at in range(len(ends) - 2, -1, -1):
        ends[at] = min(ends[at], ends[at + 1] - took[at + 1])
    return ends
