"""Preimages: the bytes that ids are digests of, packed.

A task that reads outputs has their ids in its fields: of some 70 bytes each, all but 20 are the same text, mostly that
of the tasks written with it, too. Where they are all that a field holds, they are put into tables before they are
written (:mod:`~alexflow.record.id_tables`). For all others, the preimages of a line are joined, and *cut*: wherever the
text before a digest occurs, it and the digest's 40 hexadecimal digits are taken out, and the digests are kept as bytes,
one after the other. What is left is put together again in the other direction, and is exactly what was hashed: it shows
by itself whether it belongs to the id.
"""

from __future__ import annotations

import re
import zlib
from binascii import hexlify, unhexlify
from collections.abc import Sequence
from functools import cache
from operator import itemgetter
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from alexflow.identity.digest import DIGEST_SIZE
from alexflow.record.id_tables import IdTable, preimages_in

#: What is not longer is left as it is: some 6 outputs of one task, which take longer to cut than all else of its line.
LONGEST_UNCUT = 448  # bytes

#: What is left of the preimages of a line is compressed if it is longer than this for each task.
LONGEST_UNCOMPRESSED = 512

#: Cuts of a line; beyond that outputs stay as text. A class of outputs takes one or two.
MOST_CUTS = 8

_DIGITS = 2 * DIGEST_SIZE
_DIGEST = re.compile(rb"\.([0-9a-f]{40})")  # with the dot it is found in a quarter of the time
_OUTPUT = b"\x92\xa6output"
_digits_of = itemgetter(slice(_DIGITS))
_rest_of = itemgetter(slice(_DIGITS, None))
_encode = msgspec.msgpack.Encoder().encode
_decode_bytes = msgspec.msgpack.Decoder(bytes).decode


#: A number of bytes.
Length = Annotated[int, Meta(ge=0)]


class Cut(Struct, frozen=True, array_like=True):
    """The parts that were taken out of joined preimages.

    Attributes:
        before: the text that was before each digest.
        digests: one after the other, 20 bytes each.
        lengths: of what was before the first of them, between two, and behind the last, in what is left.
    """

    before: bytes
    digests: bytes
    lengths: tuple[Length, ...]


class PackedPreimages(Struct, frozen=True, array_like=True):
    """Joined preimages without what was cut out of them.

    Attributes:
        rest: what is left.
        cuts: in the order in which they were made.
        is_compressed: whether ``rest`` is compressed by zlib.
        tables: of the ids of outputs that were taken out before.
    """

    rest: bytes
    cuts: tuple[Cut, ...] = ()
    is_compressed: bool = False
    tables: tuple[IdTable, ...] = ()

    @classmethod
    def of(cls, preimages: Sequence[bytes]) -> PackedPreimages:
        """Pack some."""
        rest, cuts, is_compressed = PreimagePacker().pack(preimages)
        made = tuple(Cut(before, digests, tuple(lengths)) for before, digests, lengths in cuts)
        return cls(rest, made, is_compressed)

    def joined(self) -> bytes:
        """Return the preimages, one after the other.

        Raises:
            ValueError: they are damaged.
        """
        try:
            data = zlib.decompress(self.rest) if self.is_compressed else self.rest
        except zlib.error as error:
            raise ValueError(f"packed preimages are damaged: {error}") from error
        for cut in reversed(self.cuts):
            data = _restored(data, cut)
        return data

    def in_columns(self, tasks: int) -> list[bytes]:
        """Return the preimages of so many tasks, if they are written in columns.

        Raises:
            ValueError: they are damaged.
        """
        data = self.joined()
        try:
            return preimages_in(data, self.tables, tasks)
        except msgspec.DecodeError as error:
            raise ValueError(f"packed preimages are damaged: {error}") from error


@cache
def _packed() -> msgspec.msgpack.Decoder[PackedPreimages]:
    """Return what decodes them; an engine, which only writes, does without."""
    return msgspec.msgpack.Decoder(PackedPreimages)


def _restored(data: bytes, cut: Cut) -> bytes:
    count = len(cut.lengths) - 1
    if count < 0 or len(cut.digests) != DIGEST_SIZE * count or sum(cut.lengths) != len(data):
        raise ValueError("packed preimages are damaged: a cut does not fit them")
    digits, at = hexlify(cut.digests), cut.lengths[0]
    parts = [data[:at]]
    for number, length in enumerate(cut.lengths[1:]):
        parts += cut.before, digits[_DIGITS * number : _DIGITS * (number + 1)], data[at : at + length]
        at += length
    return b"".join(parts)


#: The items of a :class:`Cut` and of a :class:`PackedPreimages`, as they are written.
CutItems = tuple[bytes, bytes, list[int]]
PackedItems = tuple[bytes, list[CutItems], bool]


class PreimagePacker:
    """Packs the preimages of a line; it tries first what those of the line before were cut at."""

    def __init__(self) -> None:
        self._known: list[bytes] = []

    def pack(self, preimages: Sequence[bytes]) -> PackedItems:
        """Return the items of a :class:`PackedPreimages`."""
        return self.pack_joined(b"".join(preimages), len(preimages))

    def pack_joined(self, joined: bytes, count: int, *, has_outputs: bool = True) -> PackedItems:
        """Return the same of some that are joined; ``has_outputs`` is whether there may be any to be cut out."""
        cuts: list[CutItems] = []
        if len(joined) <= LONGEST_UNCUT:
            return joined, cuts, False
        if has_outputs and joined.find(_OUTPUT) >= 0:  # `in` looks first whether it is an integer, for 0.5 µs
            joined = self._cut(joined, cuts)
        if len(joined) <= LONGEST_UNCOMPRESSED * count:
            return joined, cuts, False
        return zlib.compress(joined, 1), cuts, True

    def _cut(self, data: bytes, cuts: list[CutItems]) -> bytes:
        """Append all cuts. Returns what is left."""
        for before in self._known:
            data = _cut_at(data, before, cuts)
        while len(cuts) < MOST_CUTS:
            found, made = _before_digest(data), len(cuts)
            if found is not None:
                data = _cut_at(data, found, cuts)
            if len(cuts) == made:
                break
        self._known = [before for before, _, _ in cuts]
        return data


def _cut_at(data: bytes, before: bytes, cuts: list[CutItems]) -> bytes:
    """Take out a text wherever it occurs, with the digest behind it; nothing if something else is behind one."""
    first, *pieces = data.split(before)
    digits = b"".join(map(_digits_of, pieces))
    try:
        digests = unhexlify(digits)
    except ValueError:
        return data
    if not pieces or len(digits) != _DIGITS * len(pieces) or hexlify(digests) != digits:  # upper case is another text
        return data
    rests = [first, *map(_rest_of, pieces)]
    cuts.append((before, digests, list(map(len, rests))))
    return b"".join(rests)


def _before_digest(data: bytes) -> bytes | None:
    """Return the text to cut at: what is before an output's digest, and between it and the next where that is mostly
    the same; None if no output of the first ones is followed by one like it.
    """
    at = 0
    for _ in range(MOST_CUTS):
        begin = data.find(_OUTPUT, at)
        digest = _DIGEST.search(data, begin) if begin >= 0 else None
        if digest is None:
            return None
        before, at = data[begin : digest.start(1)], digest.end()
        following = data.find(before, at)
        if following >= 0:
            between = data[at:following] + before
            return between if 2 * data.count(between) >= data.count(before) else before
    return None


_packer = PreimagePacker()


def packed(preimage: bytes) -> Raw:
    """Return a preimage in the form in which it is kept by itself: as it is, or packed into bytes."""
    if len(preimage) <= LONGEST_UNCUT:
        return Raw(preimage)
    items = _packer.pack((preimage,))
    return Raw(_encode(_encode(items)) if items[1] or items[2] else preimage)  # a plain one is an array


def unpacked(raw: Raw) -> bytes:
    """Return the preimage that :func:`packed` has packed.

    Raises:
        ValueError: it is damaged.
    """
    data = bytes(raw)
    if data[0] >> 4 == 0x9:  # an array of a few items, as every preimage is
        return data
    try:
        return _packed().decode(_decode_bytes(data)).joined()
    except msgspec.DecodeError as error:
        raise ValueError(f"a packed preimage is damaged: {error}") from error
