"""Bringing an index up to date: new segments, and the new ends of those that it has, are read; others are not."""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from alexflow.record.frames import frames_in
from alexflow.record.index.sections import IndexedSections
from alexflow.record.index.task_rows import TaskRows
from alexflow.record.lines import MERGED_PREFIX, SEGMENT_SUFFIX, SegmentHeader
from alexflow.record.segment import Section, decoded, merged_in, start_of_lines
from alexflow.record.segment_parts import part_name, part_of
from alexflow.storage.reserved import ReservedSpace


class _Listed(NamedTuple):
    """A segment as a space lists it.

    Attributes:
        size: in bytes, -1 where a listing does not say it; of one in parts their number.
        in_parts: whether it is in parts.
    """

    size: int
    in_parts: bool


class _Known(NamedTuple):
    """A segment as the index has it: its size, how far it was read (in bytes, or parts), and its last section."""

    size: int
    read: int
    section: int


#: Segments by the number of their space and their name.
_Segments = dict[tuple[int, str], _Listed]


def bring_up_to_date(connection: sqlite3.Connection, spaces: Sequence[ReservedSpace]) -> None:
    """Add to an index what the spaces have and it has not, and remove what is gone.

    Raises:
        StorageError: a segment is of a later version, or cannot be read.
        sqlite3.Error: the index is damaged, or is being brought up to date for too long by another process.
    """
    complete = False
    while not complete:
        listed = listed_segments(spaces)
        known, superseded = _known(connection), _superseded(connection)
        if known.keys() == listed.keys() - superseded and not _behind(known, listed, superseded):
            return
        connection.execute("BEGIN IMMEDIATE")  # from here on no other process changes it
        try:
            complete = _Update(connection, spaces).apply(listed)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def listed_segments(spaces: Sequence[ReservedSpace]) -> _Segments:
    """List the segments of some spaces; parts behind one that is missing are left out."""
    found: _Segments = {}
    for number, space in enumerate(spaces):
        for name, size in sorted(space.sizes().items()):
            part = part_of(name)
            if part is not None:
                of = found.get((number, part.segment), _Listed(0, True))
                if part.number == of.size:
                    found[number, part.segment] = _Listed(of.size + 1, True)
            elif name.endswith(SEGMENT_SUFFIX):
                found[number, name] = _Listed(size, False)
    return found


def _known(connection: sqlite3.Connection) -> dict[tuple[int, str], _Known]:
    rows = connection.execute("SELECT space, name, size, read, section FROM segment").fetchall()
    return {(space, name): _Known(*rest) for space, name, *rest in rows}


def _superseded(connection: sqlite3.Connection) -> set[tuple[int, str]]:
    return set(connection.execute("SELECT space, name FROM superseded").fetchall())


def _behind(
    known: Mapping[tuple[int, str], _Known], listed: _Segments, superseded: Container[tuple[int, str]]
) -> list[tuple[int, str]]:
    """The segments that the index does not have as they are listed; merged ones come first."""
    behind = [name for name, segment in listed.items() if name not in known or known[name].size != segment.size]
    behind = [name for name in behind if name not in superseded]
    return sorted(behind, key=lambda name: (not name[1].startswith(MERGED_PREFIX), name))


class _Update:
    """Reads segments into an index, within a transaction."""

    def __init__(self, connection: sqlite3.Connection, spaces: Sequence[ReservedSpace]):
        self._connection = connection
        self._spaces = spaces
        prefixes = [space.prefix for space in spaces]
        self._sections = IndexedSections(lambda sql, *values: connection.execute(sql, values).fetchall(), prefixes)
        self._rows = TaskRows(connection, self._sections)
        self._complete = True

    def apply(self, listed: _Segments) -> bool:
        """Do it. Returns whether everything that was listed was there."""
        known = _known(self._connection)
        for name in known.keys() - listed.keys():  # merged, or removed
            self._remove(name)
        for name in _behind(known, listed, _superseded(self._connection)):
            if name in _superseded(self._connection):  # by a merged one that has just been read
                continue
            before = known.get(name, _Known(0, 0, 0))
            if not listed[name].in_parts and 0 <= listed[name].size < before.read:  # it is another file
                self._remove(name)
                before = _Known(0, 0, 0)
            self._read(name, listed[name], before)
        self._rows.finish()
        return self._complete

    def _read(self, name: tuple[int, str], listed: _Listed, before: _Known) -> None:
        """Read what is new of a segment."""
        read, section = before.read, before.section
        if listed.in_parts:
            parts = [part_name(name[1], number) for number in range(read, listed.size)]
            for part, data in self._spaces[name[0]].read_many(parts):
                if part != parts[read - before.read]:  # one has been merged meanwhile
                    break
                _, section = self._take(name, data, start_of_lines(data, part), section)
                read += 1
            self._complete = self._complete and read == listed.size
        else:
            data = self._data(name, read)
            if not read:
                self._supersede(name, data)
            end, section = self._take(name, data, 0 if read else start_of_lines(data, name[1]), section)
            read += end
        row = (*name, listed.size, read, section)
        self._connection.execute("INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?)", row)

    def _data(self, name: tuple[int, str], start: int) -> bytes:
        try:
            return self._spaces[name[0]].read(name[1], start)
        except FileNotFoundError:  # merged meanwhile
            self._complete = False
            return b""

    def _supersede(self, name: tuple[int, str], data: bytes) -> None:
        """Remove the segments that one stands for, and note that they are not to be read."""
        for each in merged_in(data).names:
            self._remove((name[0], each))
            self._connection.execute("INSERT OR IGNORE INTO superseded VALUES (?, ?, ?)", (name[0], each, name[1]))

    def _take(self, name: tuple[int, str], data: bytes, start: int, section: int) -> tuple[int, int]:
        """Add the lines of a segment. Returns where the last one ends, and the section that it belongs to."""
        rows, end = self._rows, start
        rows.enter(section)
        for end, payload in frames_in(data, start):  # noqa: B007  # the last one is returned
            line = decoded(payload)
            if isinstance(line, SegmentHeader):
                rows.leave()
                section = self._begin(name, line, payload)
                rows.enter(section)
            elif line is not None and section:
                rows.take(line, payload)
        rows.leave()
        return end, section

    def _begin(self, name: tuple[int, str], header: SegmentHeader, payload: memoryview) -> int:
        [(last,)] = self._connection.execute("SELECT COALESCE(MAX(number), 0) FROM section").fetchall()
        row = (last + 1, *name, bytes(payload))
        self._connection.execute("INSERT INTO section VALUES (?, ?, ?, ?)", row)
        self._sections.add(last + 1, Section(header), name[0])
        return int(last + 1)

    def _remove(self, name: tuple[int, str]) -> None:
        """Remove all that is of a segment."""
        sections = self._connection.execute("SELECT number FROM section WHERE space = ? AND name = ?", name)
        for (section,) in sections.fetchall():
            self._rows.remove(section)
            self._connection.execute("DELETE FROM line WHERE section = ?", (section,))
            self._connection.execute("DELETE FROM section WHERE number = ?", (section,))
        self._connection.execute("DELETE FROM segment WHERE space = ? AND name = ?", name)
        self._connection.execute("DELETE FROM superseded WHERE space = ? AND merged = ?", name)
