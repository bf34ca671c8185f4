"""Journals: what engines told of their work, in files that survive them.

They are there for people, and for what looks at past runs. Nothing that alexflow decides depends on them: whether a
task has to run is asked of the storage, never of a journal.

A file is a magic line, then records: the length and the CRC-32 of what follows, each 4 bytes, little-endian; then
msgpack. The first record is a :class:`Header`, each other one a time and the events since the one before. Records are
only ever appended, so what a crash can damage is the last one: it is torn, which length or sum tell, and dropped.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Union

import msgspec

from alexflow.record import events
from alexflow.record.events import EngineEvent

SUFFIX = ".journal"

MAGIC = b"alexflow journal 1\n"

_FRAME = struct.Struct("<II")


class Header(msgspec.Struct, frozen=True):
    """Which engine a journal is of.

    Attributes:
        started: when, in seconds since 1970.
        host: where.
        pid: in which process.
        storage: on which storage, as it shows itself.
    """

    started: float
    host: str
    pid: int
    storage: str


class Entry(NamedTuple):
    """An event, and when it was written down, which was a moment after it happened.

    Attributes:
        time: in seconds since 1970.
        event: what happened.
    """

    time: float
    event: EngineEvent


class Recorded(NamedTuple):
    """A journal that has been read.

    Attributes:
        header: which engine it is of; None if not even that was written.
        entries: what happened, in order.
        is_torn: whether there is more behind that cannot be read, as after a crash.
    """

    header: Header | None
    entries: list[Entry]
    is_torn: bool


def journals(directory: str | os.PathLike[str]) -> list[str]:
    """The paths of the journals in a directory, the oldest first; none if there is no such directory."""
    directory = os.fspath(directory)
    try:
        return [f"{directory}/{name}" for name in sorted(os.listdir(directory)) if name.endswith(SUFFIX)]
    except FileNotFoundError:
        return []


def framed(payload: bytes) -> bytes:
    """A record."""
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def read(path: str | os.PathLike[str]) -> Recorded:
    """Read a journal; what is torn, and all behind it, is dropped.

    Events that this version does not know are passed over.

    Raises:
        ValueError: it is not a journal, or one of another version.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read()
    if not data.startswith(MAGIC):
        if MAGIC.startswith(data):  # torn in the first line
            return Recorded(None, [], is_torn=True)
        raise ValueError(f"{os.fspath(path)} is not a journal that this version of alexflow can read")
    payloads, is_torn = _unframed(data)
    header = msgspec.msgpack.decode(payloads[0], type=Header) if payloads else None
    return Recorded(header, list(_entries(payloads[1:])), is_torn or header is None)


def _unframed(data: bytes) -> tuple[list[memoryview], bool]:
    view, at, payloads = memoryview(data), len(MAGIC), list[memoryview]()
    while at + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, at)
        payload = view[at + _FRAME.size : at + _FRAME.size + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return payloads, True
        payloads.append(payload)
        at += _FRAME.size + length
    return payloads, at < len(data)


def _entries(payloads: Sequence[memoryview]) -> Iterator[Entry]:
    batches: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(tuple[float, list[msgspec.Raw]])
    kinds = [kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, EngineEvent)]
    decoder: msgspec.msgpack.Decoder[EngineEvent] = msgspec.msgpack.Decoder(
        Union[tuple(kind for kind in kinds if kind is not EngineEvent)]  # noqa: UP007
    )
    for payload in payloads:
        written, batch = batches.decode(payload)
        for raw in batch:
            try:
                yield Entry(written, decoder.decode(raw))
            except msgspec.ValidationError:  # of a later version
                continue
