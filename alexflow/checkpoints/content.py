"""The file of one saved state: what says whose it is, the state, and a digest of both at the end.

``alexflow checkpoint 1`` and a line feed; the header in MessagePack after its length (4 bytes, little endian); the
state; BLAKE2b-128 of all that. So a file that was cut off, or of which a byte has changed, is not taken for a state.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Literal

import msgspec

from alexflow.identity.blake2 import blake2b

MAGIC = b"alexflow checkpoint 1\n"

_LENGTH = struct.Struct("<I")
_DIGEST_BYTES = 16

#: Bytes that are read at once.
CHECKED_AT_ONCE = 1024 * 1024


class Damaged(Exception):
    """A file is no whole checkpoint."""


class Header(msgspec.Struct, frozen=True):
    """The description of a saved state.

    Attributes:
        task_id: the task's id.
        name: the checkpoint's name.
        kind: ``pickle`` for a value, ``directory`` for the files of one.
        saved: when, in seconds since 1970.
    """

    task_id: str
    name: str
    kind: Literal["pickle", "directory"]
    saved: float


def file_parts(header: Header, state: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of a file."""
    packed = msgspec.msgpack.encode(header)
    hashed = blake2b(digest_size=_DIGEST_BYTES)
    hashed.update(first := MAGIC + _LENGTH.pack(len(packed)) + packed)
    yield first
    for part in state:
        hashed.update(part)
        yield part
    yield hashed.digest()


def read_header(file: BinaryIO) -> Header:
    """Read the beginning of a file; what follows is the state.

    Raises:
        Damaged: it is none.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise Damaged("it does not begin as a checkpoint does")
    try:
        (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
        return msgspec.msgpack.decode(file.read(length), type=Header)
    except (struct.error, msgspec.MsgspecError) as error:
        raise Damaged("its header cannot be read") from error


def check(file: BinaryIO) -> tuple[Header, int]:
    """Compare a file with its digest.

    Returns:
        Its header, and where the state begins.

    Raises:
        Damaged: it is not whole.
    """
    header = read_header(file)
    begin = file.tell()
    end = file.seek(0, 2) - _DIGEST_BYTES
    file.seek(0)
    hashed = blake2b(digest_size=_DIGEST_BYTES)
    left = end
    while left > 0:
        part = file.read(min(CHECKED_AT_ONCE, left))
        if not part:
            raise Damaged("it is cut off")
        hashed.update(part)
        left -= len(part)
    if file.read(_DIGEST_BYTES) != hashed.digest():
        raise Damaged("its bytes are not those that were saved")
    return header, begin
