"""Lines of a storage's record as they come: everything that is there, then what has been added since.

One reader serves reports, which read once, and live views, which ask again and again. What it keeps is a position a
file, so that a question costs a listing and the bytes that are new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, Protocol

from alexflow.record.frames import frames_in
from alexflow.record.lines import RECORD_MAGIC, SEGMENT_SUFFIX, AnyLine, SegmentHeader
from alexflow.record.segment import decoded
from alexflow.record.segment_parts import part_of


class RecordFiles(Protocol):
    """The files of a part of a record: a space of a storage, or what stands for one in another process."""

    def names(self) -> list[str]:
        """Return their names, sorted."""
        ...

    def read(self, name: str, start: int = 0) -> bytes:
        """Return the bytes of a file from a position on.

        Raises:
            FileNotFoundError: there is no such file.
        """
        ...


class Recorded(Protocol):
    """A storage that has a record, or a stand-in for one in another process."""

    def reserved_below(self, space: Literal["record"], /) -> Iterable[RecordFiles]:
        """Return the spaces of its record, and of those of storages below it."""
        ...


class RecordedLine(NamedTuple):
    """A line, and the section that its numbers refer to.

    Attributes:
        section: unique among the sections that one :class:`RecordTail` has read.
        line: the line; a :class:`~alexflow.record.lines.SegmentHeader` opens its section.
    """

    section: int
    line: AnyLine


class _Reading:
    """The position up to which one file, or all parts of a segment together, have been read."""

    __slots__ = ("at", "passed_over", "section")

    def __init__(self) -> None:
        self.at = 0
        self.section = -1
        self.passed_over = False  # the section has been read in another file, before the two were merged


class RecordTail:
    """Reads what a storage's record has gained since it was last asked. Methods block.

    Args:
        storage: the storage.
    """

    def __init__(self, storage: Recorded):
        self._storage = storage
        self._files: dict[tuple[int, str], _Reading] = {}
        self._parts: set[tuple[int, str]] = set()
        self._seen: dict[tuple[float, str, int], tuple[int, str]] = {}  # where each section was found, by its header
        self._sections = 0

    def new_lines(self) -> Iterator[RecordedLine]:
        """Yield the lines that have come since, those of one section in their order."""
        for number, space in enumerate(self._storage.reserved_below("record")):
            for name in space.names():
                if name.endswith(SEGMENT_SUFFIX):
                    yield from self._lines_of(space, number, name)

    def _lines_of(self, space: RecordFiles, number: int, name: str) -> Iterator[RecordedLine]:
        part = part_of(name)  # all parts of a segment have lines of the same sections
        segment = (number, name if part is None else part.segment)
        file = self._files.setdefault(segment, _Reading())
        if part is None:
            yield from self._read(space, name, file, segment)
        elif (number, name) not in self._parts:
            self._parts.add((number, name))
            file.at = 0
            yield from self._read(space, name, file, segment)

    def _read(self, space: RecordFiles, name: str, file: _Reading, segment: tuple[int, str]) -> Iterator[RecordedLine]:
        try:
            data = space.read(name, file.at)
        except FileNotFoundError:  # merged meanwhile
            return
        begins = len(RECORD_MAGIC) if file.at == 0 else 0
        if begins and not data.startswith(RECORD_MAGIC):
            return  # torn in its first line, or not of this version, which reading the record as a whole reports
        end, start = begins, file.at
        for end, payload in frames_in(data, begins):  # noqa: B007  # the last one is kept
            line = decoded(payload)
            if line is None:  # of a kind that is not known here
                continue
            if isinstance(line, SegmentHeader):
                self._open_section(line, file, segment)
            if not file.passed_over and file.section >= 0:
                yield RecordedLine(file.section, line)
        file.at = start + end

    def _open_section(self, header: SegmentHeader, file: _Reading, segment: tuple[int, str]) -> None:
        identity = (header.started, header.host, header.pid)
        found = self._seen.setdefault(identity, segment)
        file.passed_over = found != segment
        if not file.passed_over:
            file.section, self._sections = self._sections, self._sections + 1
