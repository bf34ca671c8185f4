"""Sections of an index: what the rows of an engine have in common, read when the first of them is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from alexflow.record.lines import (
    AttemptLine,
    ClosedLine,
    CodeLine,
    Completion,
    EnvironmentLine,
    MadeFrom,
    RunBegunLine,
    RunEndedLine,
    SegmentHeader,
    SegmentLine,
    ShapesLine,
)
from alexflow.record.rows import Row, row_of
from alexflow.record.segment import Section, decoded

#: Gives all rows of a query.
Query = Callable[..., list[tuple[Any, ...]]]

#: A section's number stands above its tasks' numbers in the number of a row.
SECTION_SHIFT = 32

_KINDS = (EnvironmentLine, ShapesLine, RunBegunLine, RunEndedLine, CodeLine, ClosedLine)

_decode_made = msgspec.msgpack.Decoder(MadeFrom).decode
_decode_completion = msgspec.msgpack.Decoder(Completion).decode
_decode_header = msgspec.msgpack.Decoder(SegmentHeader).decode


def kind_of(line: type[SegmentLine]) -> int:
    """Return the number of a kind of line."""
    return line.__struct_config__.tag  # type: ignore[return-value]  # all have integers


class IndexedSections:
    """Sections by number.

    Args:
        query: asks the index.
        prefixes: of the spaces, through which keys are seen.
    """

    def __init__(self, query: Query, prefixes: Sequence[str]):
        self._query = query
        self._prefixes = prefixes
        self._known: dict[int, tuple[Section, str]] = {}
        self._given_up: dict[int, set[str]] = {}

    def add(self, number: int, section: Section, space: int) -> None:
        """Add a section that is being read from a segment."""
        self._known[number] = section, str(self._prefixes[space])

    def get(self, number: int) -> tuple[Section, str]:
        """Return a section, without attempts, and the prefix through which its keys are seen."""
        known = self._known.get(number)
        return known if known is not None else self._read(number)

    def _read(self, number: int) -> tuple[Section, str]:
        [(space, header)] = self._query("SELECT space, header FROM section WHERE number = ?", number)
        section = Section(_decode_header(header))
        for line in self.lines(number, *_KINDS):
            section.add(line)
        self.add(number, section, space)
        return self._known[number]

    def lines(self, number: int, *kinds: type[SegmentLine]) -> list[Any]:
        """Return lines of some kinds of a section, in their order."""
        listed = ", ".join(str(kind_of(kind)) for kind in kinds)
        sql = f"SELECT data FROM line WHERE section = ? AND kind IN ({listed}) ORDER BY rowid"
        return [decoded(data) for (data,) in self._query(sql, number)]

    def given_up(self, number: int) -> set[str]:
        """Return the ids of tasks of a section whose last attempt failed."""
        if number not in self._given_up:
            attempts = self.lines(number, AttemptLine)
            self._given_up[number] = {attempt.task_id for attempt in attempts if attempt.is_last}
        return self._given_up[number]

    def row(self, number: int, made: bytes, completion: bytes | None) -> Row | None:
        """Return the row of a line of the table ``task``; None if nothing of it is seen through the prefix."""
        what, came = _decode_made(made), None if completion is None else _decode_completion(completion)
        of = section_number(number)
        section, prefix = self.get(of)
        if what.shape not in section.shapes or (came is not None and came.run and came.run not in section.runs):
            section, prefix = self._read(of)  # the index was brought up to date meanwhile
        return row_of(section, what, came, prefix)


def section_number(row: int) -> int:
    """Return the number of the section that a row is from."""
    return abs(row) >> SECTION_SHIFT
