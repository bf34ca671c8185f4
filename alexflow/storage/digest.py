"""Digest records, stored with each output when it is published: its size, a digest of its bytes, and its key.

Of bytes alone, 25 bytes: the version ``1``, the size (8 bytes, little endian), BLAKE2b-128. BLAKE2b is quick on every
machine (some 1 GB/s), 0.4 µs on a small output, and comes without OpenSSL.

What is kept with an output is of version ``2``: the same, and then CRC-32 of its key (4 bytes, little endian), or, of a
key with slashes, of each of its ends, beginning with the last step: ``c``, ``b/c``, ``a/b/c``. So two outputs that were
moved to each other's place, records included, are recognized. The ends are there because a directory
may be opened as a storage of its own, or as part of one: what was published as ``team/x`` is seen there as ``x``. As
many steps are compared as both keys have. Records of version 1 know nothing of a key; they are read as they ever were.
"""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Literal

from alexflow.identity.blake2 import blake2b

RECORD_DIGEST_BYTES = 16  # bytes: BLAKE2b-128

_VERSION = b"1"
_WITH_KEY = b"2"
_RECORD = struct.Struct(f"<cQ{RECORD_DIGEST_BYTES}s")
_OF_OUTPUT = struct.Struct(f"<cQ{RECORD_DIGEST_BYTES}sI")
_MOST_ENDS = 64  # of a key with more steps the outermost are not compared

#: The result of comparing bytes under a key with records: ``keyless`` are good, as far as a record of version 1
#: can tell; ``misplaced`` were published under another key.
Judgement = Literal["good", "keyless", "misplaced", "damaged", "unrecorded"]


def record_of(data: bytes) -> bytes:
    """The digest record of ``data``."""
    hashed = _EMPTY.copy()
    hashed.update(data)
    return _RECORD.pack(_VERSION, len(data), hashed.digest())


def record_of_output(data: bytes, key: str) -> bytes:
    """The record stored with an output: :func:`with_key` of :func:`record_of`, in half the time."""
    if "/" in key:
        return with_key(record_of(data), key)
    hashed = _EMPTY.copy()
    hashed.update(data)
    return _OF_OUTPUT.pack(_WITH_KEY, len(data), hashed.digest(), crc32(key.encode()))


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
        """The digest record of all bytes added so far."""
        return _RECORD.pack(_VERSION, self.size, self._hashed.digest())


def record_of_parts(parts: Iterable[bytes]) -> bytes:
    """The digest record of all parts together."""
    recorder = Recorder()
    for part in parts:
        recorder.add(part)
    return recorder.record()


def with_key(record: bytes, key: str) -> bytes:
    """The record stored with an output: that of its bytes, with a checksum of its key."""
    if "/" in key:
        return b"".join((_WITH_KEY, record[1 : _RECORD.size], *_ends(key)))
    return _WITH_KEY + record[1 : _RECORD.size] + crc32(key.encode()).to_bytes(4, "little")


def _ends(key: str) -> Iterator[bytes]:
    end = ""
    for step in reversed(key.split("/")[-_MOST_ENDS:]):
        end = f"{step}/{end}" if end else step
        yield crc32(end.encode()).to_bytes(4, "little")


#: The digest of the bytes that a record is of; empty for an empty record.
digest_in: Callable[[bytes], bytes] = itemgetter(slice(9, 25))


def of_bytes(record: bytes) -> bytes:
    """The part of a record that is about the bytes."""
    return _VERSION + record[1 : _RECORD.size]


def judge(records: Sequence[bytes], actual: bytes, key: str) -> Judgement:
    """Compare an object with the records that were stored with it.

    Args:
        records: what was recorded; of several, each may be what counts.
        actual: the record of the bytes that are there.
        key: where they are.
    """
    if not records:
        return "unrecorded"
    if with_key(actual, key) in records:  # as nearly always
        return "good"
    of_these = [record for record in records if of_bytes(record) == actual]
    if any(is_for_key(record, key) for record in of_these):
        return "good"
    if actual in of_these:
        return "keyless"
    return "misplaced" if of_these else "damaged"


def is_for_key(record: bytes, key: str) -> bool:
    """Whether a record belongs to this key, or to one that ends alike, as two storages see different parts of it."""
    if record.startswith(_VERSION):
        return False
    own = with_key(record, key)
    compared = min(len(record), len(own))
    return record[compared - 4 : compared] == own[compared - 4 : compared]


def is_one_key(key: str, other: str) -> bool:
    """Whether a record for one of two keys holds for the other, too."""
    return key == other or key.endswith(f"/{other}") or other.endswith(f"/{key}")


def has_no_key(record: bytes) -> bool:
    """Whether a record knows nothing of keys."""
    return record.startswith(_VERSION)


def is_refused(judgement: Judgement, *, strictly: bool) -> bool:
    """Whether a storage that checks does not give it out."""
    return judgement in ("damaged", "misplaced") or (strictly and judgement != "good")


def is_record(record: bytes) -> bool:
    """Whether it is a whole record of a version that is known here."""
    more = len(record) - _RECORD.size
    if record.startswith(_WITH_KEY):
        return more > 0 and more % 4 == 0
    return more == 0 and record.startswith(_VERSION)


_EMPTY = blake2b(digest_size=RECORD_DIGEST_BYTES)  # a copy is had in a third of the time
