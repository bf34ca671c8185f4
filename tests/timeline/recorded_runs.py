"""Records of runs that never were: written line by line, at any size, with every figure known."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from alexflow.identity.digest import ID_SPEC
from alexflow.record.frames import frame_of
from alexflow.record.lines import (
    RECORD_MAGIC,
    AttemptLine,
    ClosedLine,
    EnvironmentLine,
    MadeFrom,
    MadeFromLine,
    RunBegunLine,
    RunEndedLine,
    SegmentHeader,
    SegmentLine,
    Shape,
    ShapesLine,
)
from alexflow.storage import Storage

RUN = "20260101T000000000-abc123"
STARTED = 1_767_225_600.0

encode = msgspec.msgpack.Encoder().encode


def segment_of(lines: Iterable[SegmentLine | tuple[Any, ...]]) -> bytes:
    """The bytes of a segment with these lines."""
    return RECORD_MAGIC + b"".join(frame_of(encode(line)) for line in lines)


def write_segment(storage: Storage, data: bytes) -> None:
    """Give a storage's record a segment."""
    space = next(iter(storage.reserved_below("record")), None) or storage.reserved("record")
    assert space is not None
    space.write("20260101T000000000-0001.segment", data)


class WrittenRun:
    """A run on workers, scheduled as its seed says.

    Attributes:
        completions: of the tasks that ran, by number: class, start, took, bytes, cpu, rss, attempts, worker.
        parents: what each task reads, by number.
        failed: attempts that failed: task, end, took, whether it was the last.
    """

    def __init__(
        self, tasks: int, lanes: int, classes: int = 6, *, seed: int = 0, failing: float = 0.01, reads: int = 2
    ):
        chance = random.Random(seed)
        self.classes = classes
        self.completions: list[tuple[int, int, int, int, int, int, int, int]] = []
        self.parents: list[list[int]] = []
        self.failed: list[tuple[int, int, int, bool, int]] = []
        self.cls_of: list[int] = []
        free = [0] * lanes
        ends: list[int] = []
        for number in range(tasks):
            lane = min(range(lanes), key=free.__getitem__) if lanes < 100 else number % lanes
            known = len(ends)
            parents = (
                sorted({chance.randrange(max(0, known - 500), known) for _ in range(reads)})
                if known > lanes * 3
                else []
            )
            parents = [each for each in parents if ends[each] >= 0]
            ready = max((ends[each] for each in parents), default=0)
            cls, took = chance.randrange(classes), int(chance.lognormvariate(0, 1) * 20_000) + 1
            start = max(free[lane], ready) + chance.randrange(20, 200)
            attempts = 1
            self.cls_of.append(cls)
            self.parents.append(parents)
            if chance.random() < failing:
                last = chance.random() < 0.5
                self.failed.append((number, start + took, took, last, lane))
                free[lane] = start + took
                if last:
                    ends.append(-1)
                    continue
                attempts, start = 2, start + took + 50
            end = start + took
            free[lane] = end
            ends.append(end)
            size, cpu, rss = chance.randrange(10_000), took * 9 // 10, chance.randrange(1 << 20, 1 << 28)
            self.completions.append((number, start, took, size, cpu, rss, attempts, 1000 + lane))

    def digest(self, number: int) -> bytes:
        return number.to_bytes(4, "big") * 5

    def task_id(self, number: int) -> str:
        return f"made.up.Class{self.cls_of[number]}.{self.digest(number).hex()}"

    def lines(self) -> Iterator[SegmentLine | tuple[Any, ...]]:
        yield SegmentHeader(STARTED, "machine", 4321, "tester", "2.0")
        yield EnvironmentLine("3.11.7", "linux-x86_64")
        yield RunBegunLine(1, RUN, 0, ("made.up.Class0",), {"command": ["python", "script.py"], "directory": "/home"})
        shapes = [
            Shape(k, f"made.up.Class{k}", f"made.up:Class{k}", "process", ((".out.json", "x:y"),))
            for k in range(self.classes)
        ]
        yield ShapesLine(tuple(shapes))
        for first in range(0, len(self.cls_of), 500):
            numbers = range(first, min(first + 500, len(self.cls_of)))
            made = ((self.cls_of[n], self.digest(n), msgspec.Raw(self.preimage(n))) for n in numbers)
            yield MadeFromLine.of(first, [MadeFrom(*items) for items in made])
        ended = [
            (start + took, number, start, took, size, cpu, rss, attempts, worker)
            for number, start, took, size, cpu, rss, attempts, worker in self.completions
        ]
        ended.sort()
        batch: list[Any] = []
        failed = sorted(self.failed, key=lambda each: each[1])
        at = 0
        for end, number, start, took, size, cpu, rss, attempts, worker in ended:
            while at < len(failed) and failed[at][1] <= end:
                yield from self._flushed(batch)
                batch = []
                yield self._attempt(*failed[at])
                at += 1
            batch.append((number, start, took, ((size, b"\1" * 16),), 1, 0, attempts, cpu, rss, worker))
            if len(batch) == 200:
                yield from self._flushed(batch)
                batch = []
        yield from self._flushed(batch)
        for each in failed[at:]:
            yield self._attempt(*each)
        given_up = sum(last for *_, last, _ in self.failed)
        last_end = max((each[0] for each in ended), default=0)
        yield RunEndedLine(
            1, last_end + 1000, "failed" if given_up else "done", (len(self.completions), 3, given_up, 0)
        )
        yield ClosedLine(last_end + 2000)

    def _flushed(self, batch: list[Any]) -> Iterator[tuple[Any, ...]]:
        if batch:
            yield 4, batch

    def _attempt(self, number: int, end: int, took: int, last: bool, lane: int) -> AttemptLine:
        return AttemptLine(
            1,
            self.task_id(number),
            end,
            1,
            last,
            "ValueError: no <i>luck</i>",
            "Traceback\nValueError",
            ("printed", ""),
            1000 + lane,
            took,
        )

    def preimage(self, number: int) -> bytes:
        outputs = [["output", f"{self.task_id(parent)}.out.json"] for parent in self.parents[number]]
        return encode([ID_SPEC, None, {"inputs": ["list", outputs], "n": number, "text": "<b>&amp;"}])

    def data(self) -> bytes:
        return segment_of(self.lines())

    def write(self, storage: Storage) -> None:
        write_segment(storage, self.data())
