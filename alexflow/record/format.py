"""The format of a journal.

A file is a magic line, then records: the length and the CRC-32 of what follows, each 4 bytes, little-endian; then
msgpack. The first record is a :class:`Header`, each other one a time and the events since the one before. Records are
only ever appended, so a crash can damage only the last one: it is torn, which length or checksum show, and dropped.
"""

from __future__ import annotations

import struct
import zlib

import msgspec

SUFFIX = ".journal"

MAGIC = b"alexflow journal 1\n"

_FRAME = struct.Struct("<II")


class Header(msgspec.Struct, frozen=True):
    """The engine that a journal is of.

    Attributes:
        started: seconds since 1970.
        host: the machine's name.
        pid: the process.
        storage: the engine's storage, as text.
    """

    started: float
    host: str
    pid: int
    storage: str


def frame(payload: bytes) -> bytes:
    """Return a record: the payload with its length and checksum before it."""
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def payloads_in(data: bytes) -> tuple[list[memoryview], bool]:
    """Return the payloads of a journal's records, and whether unreadable bytes follow them."""
    view, at, payloads = memoryview(data), len(MAGIC), list[memoryview]()
    while at + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, at)
        payload = view[at + _FRAME.size : at + _FRAME.size + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return payloads, True
        payloads.append(payload)
        at += _FRAME.size + length
    return payloads, at < len(data)
