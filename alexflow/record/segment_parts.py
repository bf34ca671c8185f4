"""Segments in parts: where files are only written whole, an engine's segment is several files.

Each begins with the magic line and has whole lines; all together are one segment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from alexflow.record.lines import RECORD_MAGIC, SEGMENT_SUFFIX

#: The digits of a part's number.
_DIGITS = 6

_PART = re.compile(rf"(.+)\.(\d{{{_DIGITS}}}){re.escape(SEGMENT_SUFFIX)}")


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
        match = _PART.fullmatch(name)
        if match is None:
            yield name, data
            continue
        if match[1] != of:
            if len(parts) > 1:
                yield f"{of}{SEGMENT_SUFFIX}", b"".join(parts)
            of, parts = match[1], [RECORD_MAGIC]
        if int(match[2]) == len(parts) - 1:
            parts.append(data.removeprefix(RECORD_MAGIC))
    if len(parts) > 1:
        yield f"{of}{SEGMENT_SUFFIX}", b"".join(parts)
