"""Merging segments: many small files of the record become one, with the same lines.

A merged segment begins with the names of those that it stands for. Readers pass over these, so it does not matter to
them which are still there; they are removed once it is stored. Merged are segments that get no further lines, because
their engine came to its end, or was killed on this machine. One that is large enough stays, so no line is written anew
often.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from alexflow.record.frames import frame_of
from alexflow.record.lines import MERGED_PREFIX, RECORD_MAGIC, SEGMENT_SUFFIX, MergedLine
from alexflow.record.segment import Section, merged_in, sections_in
from alexflow.record.segment_parts import joined, segment_of
from alexflow.record.segment_writer import new_segment_name
from alexflow.storage.reserved import ReservedSpace

#: Bytes of a merged segment.
MERGED_BYTES = 64 * 2**20

_encode = msgspec.msgpack.Encoder().encode


class SegmentGroup(NamedTuple):
    """Segments that become one.

    Attributes:
        names: theirs, and of those that they stand for.
        files: what has their lines.
        lines: these.
    """

    names: tuple[str, ...]
    files: tuple[str, ...]
    lines: bytes


def segment_groups(space: ReservedSpace, most: int = MERGED_BYTES) -> Iterator[SegmentGroup]:
    """Yield the segments that can be merged, in groups of up to ``most`` bytes. They are read."""
    files, group = _files(space), SegmentGroup((), (), b"")
    sizes = space.sizes()
    small = [name for name, parts in files.items() if sum(max(sizes[part], 0) for part in parts) <= most // 2]
    for name, data in joined(space.read_many([part for each in small for part in files[each]])):
        sections, end = sections_in(data, name)
        if len(data) > most // 2 or not sections or not all(map(_is_over, sections)):
            continue
        own = SegmentGroup((name, *merged_in(data).names), tuple(files[name]), data[merged_in(data).end : end])
        if len(group.lines) + len(own.lines) > most:
            yield from [group] if len(group.files) > 1 else []
            group = SegmentGroup((), (), b"")
        group = SegmentGroup(*(mine + theirs for mine, theirs in zip(group, own, strict=True)))  # type: ignore[operator]
    yield from [group] if len(group.files) > 1 else []


def merge(space: ReservedSpace, group: SegmentGroup) -> int:
    """Store a group as one segment, and remove what it stands for. Returns how many files are gone."""
    data = RECORD_MAGIC + frame_of(_encode(MergedLine(group.names))) + group.lines
    space.write(f"{MERGED_PREFIX}{new_segment_name()}", data)
    return _remove(space, group.files)


def remove_superseded(space: ReservedSpace) -> int:
    """Remove the files that a merged segment stands for, left by a merge that was killed. Returns how many."""
    names = {name for merged in _merged(space) for name in merged}
    return _remove(space, [part for name, parts in _all_files(space).items() if name in names for part in parts])


def _remove(space: ReservedSpace, files: Sequence[str]) -> int:
    for file in files:
        space.remove(file)
    return len(files)


def _files(space: ReservedSpace) -> dict[str, list[str]]:
    """The files of each segment, without those that a merged one stands for."""
    names = {name for merged in _merged(space) for name in merged}
    return {name: parts for name, parts in _all_files(space).items() if name not in names}


def _all_files(space: ReservedSpace) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for file in space.names():
        if file.endswith(SEGMENT_SUFFIX):
            found.setdefault(segment_of(file), []).append(file)
    return found


def _merged(space: ReservedSpace) -> Iterator[tuple[str, ...]]:
    names = [name for name in space.names() if name.startswith(MERGED_PREFIX)]
    return (merged_in(data).names for _, data in space.read_many(names))


def _is_over(section: Section) -> bool:
    """Whether an engine writes no more: it said so, or its process is gone, as far as this machine can see."""
    header = section.header
    if section.closed:
        return True
    if header.host != socket.gethostname():
        return False
    try:
        os.kill(header.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # of another user
        return False
    return False
