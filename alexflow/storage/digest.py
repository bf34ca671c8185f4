"""What is recorded of an output's bytes when they are published: their number, and a digest.

Recorded as 25 bytes: the version ``1``, the size (8 bytes, little endian), BLAKE2b-128 of the bytes. BLAKE2b is quick
on every machine (some 1 GB/s), 0.4 µs on a small output, and comes without OpenSSL.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from alexflow.identity.blake2 import blake2b

DIGEST_SIZE = 16  # bytes: BLAKE2b-128

_VERSION = b"1"
_RECORD = struct.Struct(f"<cQ{DIGEST_SIZE}s")


def record_of(data: bytes) -> bytes:
    """What is recorded of ``data``."""
    hashed = _EMPTY.copy()
    hashed.update(data)
    return _RECORD.pack(_VERSION, len(data), hashed.digest())


class Recorder:
    """Makes a record of bytes that come one part after the other.

    Attributes:
        size: how many have come, in bytes.
    """

    __slots__ = ("_hashed", "size")

    def __init__(self) -> None:
        self._hashed = _EMPTY.copy()
        self.size = 0

    def add(self, part: bytes | memoryview) -> None:
        """The next part."""
        self._hashed.update(part)
        self.size += len(part)

    def record(self) -> bytes:
        """What is recorded of all that has come."""
        return _RECORD.pack(_VERSION, self.size, self._hashed.digest())


def record_of_parts(parts: Iterable[bytes]) -> bytes:
    """What is recorded of all the parts together."""
    recorder = Recorder()
    for part in parts:
        recorder.add(part)
    return recorder.record()


def is_record(record: bytes) -> bool:
    """Whether it is a whole record of a version that is known here."""
    return len(record) == _RECORD.size and record.startswith(_VERSION)


_EMPTY = blake2b(digest_size=DIGEST_SIZE)  # a copy is had in a third of the time
