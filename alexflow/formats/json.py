"""``JSONOutput``: plain data as compressed JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import msgspec

from alexflow.formats.gzipped import compress, decompress
from alexflow.formats.returned import check_returned, written
from alexflow.model.output import Output
from alexflow.type_vars import T_co

_REMEDY = "store plain data, or use MsgpackOutput (nan, bytes, other keys) or BinaryOutput"


@dataclass(frozen=True, eq=False, repr=False)
class JSONOutput(Output[T_co]):
    """Plain data (None, booleans, finite numbers, strings, lists, dicts with string keys) as gzip-compressed JSON.

    What would come back as something else (a tuple, a date, nan, a dataclass) is refused when it is stored: convert it,
    or use another format. Safe to share.
    """

    safe_to_share: ClassVar[bool] = True

    def encode(self, value: T_co) -> bytes:  # type: ignore[misc]
        data = written(value, msgspec.json.encode)
        check_returned(value, msgspec.json.decode(data), _REMEDY)
        return compress(data)

    def decode(self, data: bytes) -> T_co:
        return cast(T_co, msgspec.json.decode(decompress(data)))
