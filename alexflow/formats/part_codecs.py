"""The parts of texts, bytes and JSON lines."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

import alexflow.storage.local.appended_file  # noqa: F401  # the first part would wait for that

S = TypeVar("S", str, bytes)


class _Joined(Generic[S]):
    """Parts of which the value is all of them joined."""

    _empty: S

    def split(self, value: S) -> list[S]:
        return [value] if value else []

    def rest(self, value: S, parts: Sequence[S]) -> list[S] | None:
        before = self._empty.join(parts)
        return self.split(value[len(before) :]) if value[: len(before)] == before else None


class TextParts(_Joined[str]):
    """Parts of a text.

    Args:
        encoding: how characters become bytes.
    """

    _empty = ""

    def __init__(self, encoding: str):
        self._encoder = codecs.getincrementalencoder(encoding)()
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def encode(self, part: Any) -> bytes:
        if not isinstance(part, str):
            raise TypeError("it is not a string")
        return self._encoder.encode(part)

    def end(self) -> bytes:
        return self._encoder.encode("", final=True)

    def decode(self, data: bytes) -> list[str]:
        return self.split(self._decoder.decode(data))


class BytesParts(_Joined[bytes]):
    """Parts of bytes."""

    _empty = b""

    def encode(self, part: Any) -> bytes:
        if not isinstance(part, bytes | bytearray | memoryview):
            raise TypeError("it is not bytes")
        return bytes(part)

    def end(self) -> bytes:
        return b""

    def decode(self, data: bytes) -> list[bytes]:
        return self.split(data)


_LINES = msgspec.json.Decoder()


class LineParts:
    """Values, each in a line.

    Args:
        encode: makes the JSON of a value.
    """

    def __init__(self, encode: Callable[[Any], bytes]):
        self._encode = encode
        self._begun = b""

    def encode(self, part: Any) -> bytes:
        return self._encode(part) + b"\n"

    def end(self) -> bytes:
        return b""

    def decode(self, data: bytes) -> list[Any]:
        whole, newline, begun = data.rpartition(b"\n")
        if not newline:
            self._begun += data
            return []
        whole, self._begun = self._begun + whole, begun
        return _LINES.decode_lines(whole)

    def split(self, value: list[Any]) -> list[Any]:
        return value

    def rest(self, value: list[Any], parts: Sequence[Any]) -> list[Any] | None:
        return value[len(parts) :] if value[: len(parts)] == list(parts) else None
