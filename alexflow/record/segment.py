"""Segments: the files of the record, each written by one engine, and what they say put together.

A file has one section, begun by a :class:`~alexflow.record.lines.SegmentHeader`; one that was merged of several has
theirs one after the other. Numbers and times in a line refer to its own section.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

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
    EnvironmentLine,
    MadeFrom,
    MadeFromLine,
    RunBegunLine,
    RunEndedLine,
    SegmentHeader,
    Shape,
    ShapesLine,
)

_decode = msgspec.msgpack.Decoder(AnyLine).decode


@dataclass(slots=True)
class Section:
    """What one engine has written, as far as it was read.

    Attributes:
        header: the engine.
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

    header: SegmentHeader
    environment: EnvironmentLine = field(default_factory=lambda: EnvironmentLine("", ""))
    shapes: dict[int, Shape] = field(default_factory=dict)
    made: dict[int, MadeFrom] = field(default_factory=dict)
    completions: list[Completion] = field(default_factory=list)
    runs: dict[int, RunBegunLine] = field(default_factory=dict)
    ended: dict[int, RunEndedLine] = field(default_factory=dict)
    attempts: list[AttemptLine] = field(default_factory=list)
    codes: list[CodeLine] = field(default_factory=list)
    closed: bool = False

    def add(self, line: AnyLine) -> None:
        """Take in the next line."""
        if isinstance(line, MadeFromLine):
            self.made.update(enumerate(line.tasks, line.first))
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
        return made.task_id or f"{self.shapes[made.shape].name}.{made.digest.hex()}"


def sections_in(data: bytes, name: str) -> tuple[list[Section], int]:
    """Return the sections of a file, and how far it could be read: what is behind is torn, or not yet written.

    Args:
        data: the file.
        name: its name, for an error.

    Raises:
        StorageError: it is no file of the record, or is of a later version.
    """
    if not data.startswith(RECORD_MAGIC):
        if RECORD_MAGIC.startswith(data):  # torn in the first line
            return [], 0
        raise StorageError(f"{name} is no file of a record that this version of alexflow can read")
    sections: list[Section] = []
    end = len(RECORD_MAGIC)
    for end, line in lines_in(data):  # noqa: B007  # the last one is returned
        if isinstance(line, SegmentHeader):
            sections.append(Section(line))
        elif sections and line is not None:
            sections[-1].add(line)
    return sections, end


def lines_in(data: bytes) -> Iterator[tuple[int, AnyLine | None]]:
    """Yield where each line of a file ends, and the line; None for one of a kind that is not known here."""
    for end, payload in frames_in(data, len(RECORD_MAGIC)):
        try:
            yield end, _decode(payload)
        except msgspec.ValidationError:  # of a later version
            yield end, None
