"""``JSONOutput``: plain data as compressed JSON."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import ClassVar, TypeVar, cast

import msgspec

from alexflow.model.output import Output

T_co = TypeVar("T_co", covariant=True)

COMPRESSION_LEVEL = 6


@dataclass(frozen=True, eq=False, repr=False)
class JSONOutput(Output[T_co]):
    """Plain data (None, booleans, numbers, strings, lists, dicts with string keys) as gzip-compressed JSON.

    Other types that JSON can write (tuples, dates, dataclasses) come back as plain data. Safe to share.
    """

    safe_to_share: ClassVar[bool] = True

    def encode(self, value: T_co) -> bytes:  # type: ignore[misc]
        # mtime=0: the same value gives the same bytes
        return gzip.compress(msgspec.json.encode(value), compresslevel=COMPRESSION_LEVEL, mtime=0)

    def decode(self, data: bytes) -> T_co:
        return cast(T_co, msgspec.json.decode(gzip.decompress(data)))
