"""``JSONOutput``: plain data as compressed JSON."""

from __future__ import annotations

import json
from typing import Any, ClassVar, cast

import msgspec

from alexflow.formats.gzipped import compress, decompress_if_gzip
from alexflow.formats.returned import check_returned, written
from alexflow.model.output import Output
from alexflow.type_vars import T_co

#: Bytes of JSON from which it is compressed: of less, that takes longer than all else of storing and loading it.
COMPRESSED_FROM = 1024

_REMEDY = "store plain data, or use JSONNaNOutput (nan, inf), MsgpackOutput (bytes, other keys too) or BinaryOutput"


class JSONOutput(Output[T_co]):
    """Plain data (None, booleans, finite numbers, strings, lists, dicts with string keys) as JSON, gzip-compressed from
    1 KiB on.

    What would come back as something else (a tuple, a date, nan, a dataclass) is refused when it is stored: convert it,
    or use another format. Safe to share.
    """

    safe_to_share: ClassVar[bool] = True

    def encode(self, value: T_co) -> bytes:  # type: ignore[misc]
        data = written(value, msgspec.json.encode)
        check_returned(value, msgspec.json.decode(data), _REMEDY)
        return _stored(data)

    def decode(self, data: bytes) -> T_co:
        return cast(T_co, msgspec.json.decode(decompress_if_gzip(data)))


class JSONNaNOutput(JSONOutput[T_co]):
    """:class:`JSONOutput` that keeps ``nan`` and ``inf``, for metrics that may diverge. Safe to share.

    They are stored as ``NaN`` and ``Infinity``, which Python and JavaScript's JSON5 read, and strict readers do not.
    """

    safe_to_share: ClassVar[bool] = True

    def encode(self, value: T_co) -> bytes:  # type: ignore[misc]
        data = written(value, _dumps)
        check_returned(value, json.loads(data), _REMEDY)
        return _stored(data)

    def decode(self, data: bytes) -> T_co:
        return cast(T_co, json.loads(decompress_if_gzip(data)))


def _stored(data: bytes) -> bytes:
    """The bytes of a JSON file: as it is, or its gzip file."""
    return data if len(data) < COMPRESSED_FROM else compress(data)


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
