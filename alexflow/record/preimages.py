"""Preimages: the bytes that ids are digests of, packed where they are long.

A task that reads a thousand outputs has their ids in its fields, some 70 bytes each, most of them the same text, a dot
and 40 hexadecimal digits. Packed, those are 20 bytes each. Where one class has made all of those outputs, as is usual,
all else between two digests is the same, and is there once; other texts are compressed, which takes three times as
long. A preimage stays exactly what was hashed: unpacked, it shows by itself whether it belongs to the id.
"""

from __future__ import annotations

import re
import zlib
from binascii import hexlify, unhexlify

import msgspec
from msgspec import Raw

from alexflow.identity.digest import DIGEST_SIZE, ID_SPEC, digest_of_preimage

#: Longer preimages are packed where that is done quickly. Those of up to six outputs are not: packing takes 4 µs, as
#: much as writing the task does, and saves some 190 bytes.
LONGEST_PLAIN = 448  # bytes

#: Longer ones are packed in any case.
_LONGEST_UNCOMPRESSED = 512

_DIGITS = 2 * DIGEST_SIZE
_ITEMS_OF_SERIES = 5
_DIGESTS = re.compile(rb"\.([0-9a-f]{40})")  # with the dot it is found in a quarter of the time
_encode = msgspec.msgpack.Encoder().encode
_OUTPUT = b"\x92\xa6output"
_decode_packed = msgspec.msgpack.Decoder(tuple[bytes, ...]).decode
_decode_bytes = msgspec.msgpack.Decoder(bytes).decode


def packed(preimage: bytes) -> Raw:
    """Return a preimage in the form in which a segment holds it."""
    if len(preimage) <= LONGEST_PLAIN:
        return Raw(preimage)
    series = _series(preimage)
    if series is None:
        if len(preimage) <= _LONGEST_UNCOMPRESSED:
            return Raw(preimage)
        parts = _DIGESTS.split(preimage)
        series = zlib.compress(_encode(parts[::2]), 1), unhexlify(b"".join(parts[1::2]))
    return Raw(_encode(_encode(series)))  # as bytes: a plain one is an array


def _series(preimage: bytes) -> tuple[bytes, ...] | None:
    """Take a preimage apart in which outputs follow one another that differ in their digests alone.

    Returns:
        What is before the first output, what each has before its digest and behind it, the digests, and what is behind
        the last digest. None if it is another.
    """
    global _last
    before, behind = _last
    parts = preimage.split(behind + before)
    if len(parts) == 1:  # else it is as the one before it, as of most of many
        found = _around_digest(preimage)
        if found is None:
            return None
        before, behind = _last = found
        parts = preimage.split(behind + before)
    head, *inner, tail = parts
    texts = b"".join((head[-_DIGITS:], *inner, tail[:_DIGITS]))
    try:
        digests = unhexlify(texts)
    except ValueError:
        return None
    if not head[:-_DIGITS].endswith(before) or len(texts) != _DIGITS * len(parts) or hexlify(digests) != texts:
        return None
    if inner and set(map(len, inner)) != {_DIGITS}:  # outputs of several classes
        return None
    return head[: -_DIGITS - len(before)], before, behind, digests, tail[_DIGITS:]


_last = b"\0", b"\0"  # what was around a digest the last time


def _around_digest(preimage: bytes) -> tuple[bytes, bytes] | None:
    """Return what the first output has before and behind its digest; None if none like it follows."""
    begin = preimage.find(_OUTPUT)
    digest = _DIGESTS.search(preimage, begin) if begin >= 0 else None
    if digest is None:
        return None
    before = preimage[begin : digest.start(1)]
    following = preimage.find(before, digest.end())
    return (before, preimage[digest.end() : following]) if following >= 0 else None


def unpacked(raw: Raw) -> bytes:
    """Return the preimage that :func:`packed` has packed.

    Raises:
        ValueError: it is damaged.
    """
    data = bytes(raw)
    if data[0] >> 4 == 0x9:  # an array of a few items, as every preimage is
        return data
    try:
        items = _decode_packed(_decode_bytes(data))
        if len(items) == _ITEMS_OF_SERIES:
            head, before, behind, digests, tail = items
            return head + before + (behind + before).join(_texts_of(digests)) + tail
        rest, digests = items
        parts: list[bytes] = msgspec.msgpack.decode(zlib.decompress(rest), type=list[bytes])
        whole = [parts[0]]
        for text, part in zip(_texts_of(digests), parts[1:], strict=True):
            whole += (b".", text, part)
        return b"".join(whole)
    except (ValueError, zlib.error) as error:  # of msgspec, too
        raise ValueError(f"a packed preimage is damaged: {error}") from error


def _texts_of(digests: bytes) -> list[bytes]:
    return [hexlify(digests[at : at + DIGEST_SIZE]) for at in range(0, len(digests), DIGEST_SIZE)]


def is_preimage_of(preimage: bytes, task_id: str) -> bool | None:
    """Return whether an id is the digest of these bytes; None where its rule is one of a former version."""
    spec = msgspec.msgpack.decode(preimage, type=list[object])[0]
    if spec != ID_SPEC:
        return None
    return task_id.rpartition(".")[2] == digest_of_preimage(preimage)
