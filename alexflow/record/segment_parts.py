"""Segments in parts: where files are only written whole, an engine's segment is several files.

Each begins with the magic line and has whole lines; all together are one segment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from alexflow.record.lines import RECORD_MAGIC, SEGMENT_SUFFIX

#: The digits of a part's number.
_DIGITS = 6

_PART = re.compile(rf"(.+)\.(\d{{{_DIGITS}}}){re.escape(SEGMENT_SUFFIX)}")


class Part(Struct, frozen=True):
    """A part of a segment: the segment's name, and the part's number."""

    segment: str
    number: int


def part_of(name: str) -> Part | None:
    """Return which part of which segment a file is; None if it is none."""
    match = _PART.fullmatch(name)
    return None if match is None else Part(f"{match[1]}{SEGMENT_SUFFIX}", int(match[2]))


def segment_of(file: str) -> str:
    """Return the name of the segment that a file has lines of."""
    part = part_of(file)
    return file if part is None else part.segment


def part_name(segment: str, number: int) -> str:
    """Return the name of a part of a segment; numbers begin with 0."""
    return f"{segment.removesuffix(SEGMENT_SUFFIX)}.{number:0{_DIGITS}}{SEGMENT_SUFFIX}"


def joined(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield segments, with the parts of each put together.

    Args:
        files: names and bytes, sorted by name. What comes after a part that is missing is left out: its lines refer to
            those of the part.
    """
    of, parts = "", [b""]
    for name, data in files:
        part = part_of(name)
        if part is None:
            yield name, data
            continue
        if part.segment != of:
            if len(parts) > 1:
                yield of, b"".join(parts)
            of, parts = part.segment, [RECORD_MAGIC]
        if part.number == len(parts) - 1:
            parts.append(data.removeprefix(RECORD_MAGIC))
    if len(parts) > 1:
        yield of, b"".join(parts)
