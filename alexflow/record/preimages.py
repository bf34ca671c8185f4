"""Preimages: the bytes that ids are digests of, packed where they are long.

A task that reads a thousand outputs has their ids in its fields, some 70 bytes each, most of them the same text, a dot
and 40 hexadecimal digits. Packed, those are 20 bytes each, and what is left, which repeats itself, is compressed. A
preimage stays exactly what was hashed: unpacked, it shows by itself whether it belongs to the id.
"""

from __future__ import annotations

import re
import zlib

import msgspec
from msgspec import Raw

from alexflow.identity.digest import DIGEST_SIZE, ID_SPEC, digest_of_preimage

#: Longer preimages are packed.
LONGEST_PLAIN = 512  # bytes

_DIGESTS = re.compile(rb"\.([0-9a-f]{40})")  # with the dot it is found in a quarter of the time
_encode = msgspec.msgpack.Encoder().encode
_decode_packed = msgspec.msgpack.Decoder(tuple[bytes, bytes]).decode
_decode_bytes = msgspec.msgpack.Decoder(bytes).decode


def packed(preimage: bytes) -> Raw:
    """Return a preimage in the form in which a segment holds it."""
    if len(preimage) <= LONGEST_PLAIN:
        return Raw(preimage)
    parts = _DIGESTS.split(preimage)
    digests = bytes.fromhex(b"".join(parts[1::2]).decode())
    rest = zlib.compress(_encode(parts[::2]), 1)
    return Raw(_encode(_encode((rest, digests))))  # as bytes: a plain one is an array


def unpacked(raw: Raw) -> bytes:
    """Return the preimage that :func:`packed` has packed.

    Raises:
        ValueError: it is damaged.
    """
    data = bytes(raw)
    if data[0] >> 4 == 0x9:  # an array of a few items, as every preimage is
        return data
    try:
        rest, digests = _decode_packed(_decode_bytes(data))
        parts: list[bytes] = msgspec.msgpack.decode(zlib.decompress(rest), type=list[bytes])
    except (msgspec.DecodeError, zlib.error) as error:
        raise ValueError(f"a packed preimage is damaged: {error}") from error
    whole = [parts[0]]
    for at, part in enumerate(parts[1:]):
        whole += (b".", digests[at * DIGEST_SIZE : (at + 1) * DIGEST_SIZE].hex().encode(), part)
    return b"".join(whole)


def is_preimage_of(preimage: bytes, task_id: str) -> bool | None:
    """Return whether an id is the digest of these bytes; None where its rule is one of a former version."""
    spec = msgspec.msgpack.decode(preimage, type=list[object])[0]
    if spec != ID_SPEC:
        return None
    return task_id.rpartition(".")[2] == digest_of_preimage(preimage)
