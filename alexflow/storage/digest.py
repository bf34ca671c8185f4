"""What is recorded of an output's bytes when they are published: their number, and a digest.

Recorded as 25 bytes: the version ``1``, the size (8 bytes, little endian), BLAKE2b-128 of the bytes. BLAKE2b is quick
on every machine (some 1 GB/s), 0.4 µs on a small output, and comes without OpenSSL.
"""

from __future__ import annotations

from collections.abc import Iterable

from alexflow.identity.blake2 import blake2b

DIGEST_SIZE = 16  # bytes: BLAKE2b-128

_VERSION = b"1"
_SIZE_BYTES = 8
_LENGTH = len(_VERSION) + _SIZE_BYTES + DIGEST_SIZE


def record_of(data: bytes) -> bytes:
    """What is recorded of ``data``."""
    hashed = _EMPTY.copy()
    hashed.update(data)
    return _VERSION + len(data).to_bytes(_SIZE_BYTES, "little") + hashed.digest()


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
        return _VERSION + self.size.to_bytes(_SIZE_BYTES, "little") + self._hashed.digest()


def record_of_parts(parts: Iterable[bytes]) -> bytes:
    """What is recorded of all the parts together."""
    recorder = Recorder()
    for part in parts:
        recorder.add(part)
    return recorder.record()


def is_record(record: bytes) -> bool:
    """Whether it is a whole record of a version that is known here."""
    return len(record) == _LENGTH and record.startswith(_VERSION)


_EMPTY = blake2b(digest_size=DIGEST_SIZE)  # a copy is had in a third of the time
