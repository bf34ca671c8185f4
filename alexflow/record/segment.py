"""Segments: the files of the record, each written by one engine, and what they say put together.

A file has one section, begun by a :class:`~alexflow.record.lines.SegmentHeader`; one that was merged of several has
theirs one after the other. Numbers and times in a line refer to its own section.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from alexflow.errors import StorageError
from alexflow.record.frames import frames_in
from alexflow.record.lines import (
    RECORD_MAGIC,
    AnyLine,
    AttemptLine,
    ClosedLine,
    CodeLine,
    Completion,
    CompletionLine,
    EndedLine,
    EnvironmentLine,
    MadeFrom,
    MadeFromLine,
    MergedLine,
    RunBegunLine,
    RunEndedLine,
    SegmentHeader,
    Shape,
    ShapesLine,
)

_decode = msgspec.msgpack.Decoder(AnyLine).decode


class Section:
    """The lines of one engine, as far as they were read.

    Args:
        header: the engine.

    Attributes:
        environment: what it ran in.
        shapes: by number.
        made: tasks by number.
        completions: tasks that ran, in their order.
        runs: beginnings of runs by number.
        ended: ends of runs by number.
        attempts: failed ones.
        codes: of classes.
        closed: whether the engine came to its end.
    """

    def __init__(self, header: SegmentHeader):
        self.header = header
        self.environment = EnvironmentLine("", "")
        self.shapes: dict[int, Shape] = {}
        self.made: dict[int, MadeFrom] = {}
        self.completions: list[Completion] = []
        self.runs: dict[int, RunBegunLine] = {}
        self.ended: dict[int, RunEndedLine] = {}
        self.attempts: list[AttemptLine] = []
        self.codes: list[CodeLine] = []
        self.closed = False

    def add(self, line: AnyLine) -> None:
        """Handle the next line."""
        if isinstance(line, MadeFromLine):
            self.made.update(line.numbered(self.shapes))
        elif isinstance(line, CompletionLine):
            self.completions += line.tasks
        elif isinstance(line, ShapesLine):
            self.shapes.update((shape.number, shape) for shape in line.shapes)
        elif isinstance(line, RunBegunLine):
            self.runs[line.number] = line
        elif isinstance(line, RunEndedLine):
            self.ended[line.number] = line
        elif isinstance(line, AttemptLine):
            self.attempts.append(line)
        elif isinstance(line, CodeLine):
            self.codes.append(line)
        elif isinstance(line, EnvironmentLine):
            self.environment = line
        elif isinstance(line, ClosedLine):
            self.closed = True

    def task_id(self, made: MadeFrom) -> str:
        """Return the id of a task."""
        return f"{self.shapes[made.shape].name}.{made.digest.hex()}"

    def given_up(self) -> set[str]:
        """Return the ids of tasks whose last attempt failed."""
        return {attempt.task_id for attempt in self.attempts if attempt.is_last}


def sections_in(data: bytes, name: str) -> tuple[list[Section], int]:
    """Return the sections of a file, and how far it could be read: what is behind is torn, or not yet written.

    Args:
        data: the file.
        name: its name, for an error.

    Raises:
        StorageError: it is no file of the record, or is of a later version.
    """
    sections: list[Section] = []
    start = end = start_of_lines(data, name)
    for end, line in lines_in(data, start):  # noqa: B007  # the last one is returned
        if isinstance(line, SegmentHeader):
            sections.append(Section(line))
        elif sections and line is not None:
            sections[-1].add(line)
    return sections, end


def start_of_lines(data: bytes, name: str) -> int:
    """Return where the lines of a file begin: behind the first one, or at 0 if that is torn; errors as above."""
    if data.startswith(RECORD_MAGIC):
        return len(RECORD_MAGIC)
    if not RECORD_MAGIC.startswith(data):
        raise StorageError(
            f"{name} is not a file of a record that this version of alexflow can read; "
            "read it with the version that wrote it, or move the file out of .alexflow/record in the storage"
        )
    return 0


class Merged(NamedTuple):
    """The segments that one stands for, and where the lines of these begin in it."""

    names: tuple[str, ...]
    end: int


def merged_in(data: bytes) -> Merged:
    """Return the segments that one stands for, if it is merged."""
    start = len(RECORD_MAGIC)
    for end, line in lines_in(data, start):
        return Merged(line.names, end) if isinstance(line, MergedLine) else Merged((), start)
    return Merged((), start)


def lines_in(data: bytes, start: int) -> Iterator[tuple[int, AnyLine | None]]:
    """Yield where each line of a file ends, and the line; None for one of a kind that is not known here."""
    return ((end, decoded(payload)) for end, payload in frames_in(data, start))


def decoded(payload: bytes | memoryview) -> AnyLine | None:
    """Return the line of a frame; None if it is of a kind that is not known here, or does not make sense."""
    try:
        line: AnyLine = _decode(payload)
    except msgspec.DecodeError:  # of a later version
        return None
    return line.completions() if isinstance(line, EndedLine) else line
