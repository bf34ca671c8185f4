"""``TextOutput`` and ``BytesOutput``: strings and bytes as they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from alexflow.formats.part_codecs import BytesParts, TextParts
from alexflow.model.output import Output


@dataclass(frozen=True, eq=False, repr=False)
class TextOutput(Output[str]):
    """A string, its line ends as they are. Safe to share. A running task can append to it.

    Attributes:
        encoding: how characters become bytes.
    """

    safe_to_share: ClassVar[bool] = True

    encoding: str = field(default="utf-8", compare=False)

    def encode(self, value: str) -> bytes:
        if not isinstance(value, str):
            raise TypeError("it is not a string")
        data = value.encode(self.encoding)
        if (
            self.encoding != "utf-8" and data.decode(self.encoding) != value
        ):  # as in some Japanese encodings and some of Python's own
            raise ValueError(
                f"it would come back as another string; {self.encoding} cannot represent all of its characters"
            )
        return data

    def decode(self, data: bytes) -> str:
        return data.decode(self.encoding)

    def part_codec(self) -> TextParts:
        return TextParts(self.encoding)


class BytesOutput(Output[bytes]):
    """Bytes as they are. Safe to share. A running task can append to them."""

    safe_to_share: ClassVar[bool] = True

    def encode(self, value: bytes | bytearray | memoryview) -> bytes:
        if not isinstance(value, bytes | bytearray | memoryview):  # bytes(3) are three zeros
            raise TypeError("it is not bytes")
        return bytes(value)

    def decode(self, data: bytes) -> bytes:
        return data

    def part_codec(self) -> BytesParts:
        return BytesParts()
