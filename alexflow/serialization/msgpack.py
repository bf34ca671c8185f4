"""Decoding of MessagePack in linear time.

MessagePack allows maps with keys of any kind, a document only strings. That must be checked while the maps are made:
arrays of numbers can be chosen so that all have one hash, and a map of one megabyte of those takes half a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw

from alexflow.serialization.encode import DEEPEST

#: Depth down to which a document is decoded in one call. Each level doubles the time in which msgspec prepares it.
_TYPED_LEVELS = 7

#: Greatest depth of the data; a value of a document has up to three levels.
_DEEPEST = 3 * DEEPEST + 10

_maps = msgspec.msgpack.Decoder(dict[str, Raw]).decode
_arrays = msgspec.msgpack.Decoder(list[Raw]).decode
_scalar = msgspec.msgpack.Decoder().decode


def unpacked(data: bytes) -> Any:
    """Decode the bytes of a document.

    Raises:
        msgspec.DecodeError: they are not MessagePack, or not those of a document.
    """
    try:
        return _typed_decoder()(data)
    except msgspec.ValidationError:  # deeper, or with data that documents do not have
        return _piece_by_piece(data, 0)


@cache
def _typed_decoder() -> Callable[[bytes], Any]:
    scalar: Any = None | bool | int | float | str
    kind = scalar
    for _ in range(_TYPED_LEVELS):
        kind = scalar | list[kind] | dict[str, kind]  # type: ignore[valid-type]  # made at run time
    return msgspec.msgpack.Decoder(kind).decode


def _piece_by_piece(data: bytes | Raw, level: int) -> Any:
    first = memoryview(data)[0] if len(memoryview(data)) else 0
    if not (0x80 <= first <= 0x9F or 0xDC <= first <= 0xDF):
        return _scalar(data)
    if level == _DEEPEST:
        raise msgspec.ValidationError(f"it is nested deeper than {_DEEPEST} levels")
    if 0x80 <= first <= 0x8F or first >= 0xDE:
        return {key: _piece_by_piece(item, level + 1) for key, item in _maps(data).items()}
    return [_piece_by_piece(item, level + 1) for item in _arrays(data)]
