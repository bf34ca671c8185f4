"""Frames: how lines are set down in a file of the record.

A file is a magic line, then frames: the length and the CRC-32 of what follows, each 4 bytes, little-endian; then the
payload. Frames are only ever appended, so a crash can damage only the last one: it is torn, which length or checksum
show, and dropped.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

_FRAME = struct.Struct("<II")


def frame_of(payload: bytes) -> bytes:
    """Return a payload with its length and checksum before it."""
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def frames_in(data: bytes, start: int) -> Iterator[tuple[int, memoryview]]:
    """Yield where each whole frame ends, and its payload; end before the first one that is torn or damaged.

    Args:
        data: of a file.
        start: where the first frame begins.
    """
    view, at = memoryview(data), start
    while at + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, at)
        payload = view[at + _FRAME.size : at + _FRAME.size + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        at += _FRAME.size + length
        yield at, payload
