"""``JSONLinesOutput``: a list of plain data as JSON, each in a line."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import msgspec

from alexflow.formats.part_codecs import LineParts
from alexflow.formats.returned import check_returned, written
from alexflow.model.output import Output
from alexflow.type_vars import T

_REMEDY = "store plain data"


class JSONLinesOutput(Output[list[T]]):
    """A list of plain data (as :class:`JSONOutput` takes it) as JSON, each in a line. Safe to share.

    A running task can append to it: ``output.append({"step": 3})``.
    """

    safe_to_share: ClassVar[bool] = True

    def encode(self, value: list[T]) -> bytes:
        if not isinstance(value, list):
            raise TypeError("it is not a list")
        return b"".join([_line(record) + b"\n" for record in value])

    def decode(self, data: bytes) -> list[T]:
        return cast(list[T], msgspec.json.Decoder().decode_lines(data))

    def part_codec(self) -> LineParts:
        return LineParts(_line)


def _line(record: Any) -> bytes:
    data = written(record, msgspec.json.encode)
    check_returned(record, msgspec.json.decode(data), _REMEDY)
    return data
