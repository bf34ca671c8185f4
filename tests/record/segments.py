"""Segments written by hand, as an engine writes them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from msgspec import Raw

from alexflow import Storage, Task
from alexflow.identity import qualified_name
from alexflow.model import flatten
from alexflow.model.made_from import origin_of
from alexflow.record.lines import (
    NIL,
    Completion,
    CompletionLine,
    EnvironmentLine,
    MadeFrom,
    MadeFromLine,
    RunBegunLine,
    Shape,
    ShapesLine,
)
from alexflow.record.segment_writer import SegmentWriter


def stored_in(storage: Storage, *keys: str) -> list[tuple[int, bytes]]:
    """The size and the digest of what is stored, as a completion has them."""
    contents = [storage.read(key) for key in keys]
    return [(len(content), blake2b(content, digest_size=16).digest()) for content in contents]


class HandWritten:
    """A segment of a storage, with one run, number 1."""

    def __init__(self, storage: Storage, run_id: str = "20260101T000000000-abcd") -> None:
        space = storage.reserved("record")
        assert space is not None
        self.writer = SegmentWriter(space, "ada")
        self.writer.begin()
        self.writer.add(EnvironmentLine("3.11.7", "linux-x86_64", "0f"))
        self.writer.add(RunBegunLine(1, run_id, 0, ("target",), {"command": ["train.py"], "directory": "/home"}))
        self.count = 0

    def made(self, *tasks: Task) -> None:
        """Write what tasks are made from; each has a shape of its own."""
        shapes, lines = [], []
        for number, task in enumerate(tasks, self.count):
            (preimage, further), task_id = origin_of(task), task.task_id
            outputs = flatten(task.output())
            ends = tuple((output.key[len(task_id) :], qualified_name(type(output))) for output in outputs)
            name = task_id.rpartition(".")[0]
            shapes.append(Shape(number, name, qualified_name(type(task)), "process", ends, tuple(sorted(task.tags))))
            others = NIL if further is None else Raw(further)
            lines.append(MadeFrom(number, bytes.fromhex(task_id[-40:]), Raw(preimage), others))
        self.writer.add(ShapesLine(tuple(shapes)))
        self.writer.add(MadeFromLine.of(self.count, lines))
        self.count += len(tasks)
        self.writer.flush()

    def done(self, task: int, at: int, stored: Sequence[tuple[int, bytes]] = ((3, b"a"),), seconds: float = 1) -> None:
        """Write that a task has run, ``at`` so many seconds after the segment's start."""
        self.writer.add(CompletionLine([Completion(task, at * 10**6, int(seconds * 1e6), tuple(stored), 1)]))
        self.writer.flush()
