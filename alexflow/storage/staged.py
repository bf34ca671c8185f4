"""Bytes on their way to a key: staged ones, and a stream whose bytes are going to be staged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, BinaryIO, Literal

#: The purpose that a path or a stream is opened for: reading or writing.
Mode = Literal["r", "w"]


class Staged:
    """Bytes on their way to a key.

    Attributes:
        key: where they will be published.
        size: how many bytes.
        data: the bytes, while they are small enough to wait in memory.
        place: what the storage needs to find them again, where they are not in ``data``.
        record: their digest record, once they have been published; empty if the storage makes none.
    """

    __slots__ = ("data", "key", "place", "record", "size")

    def __init__(self, key: str, size: int, data: bytes | None, place: Any = None, record: bytes = b"") -> None:
        self.key = key
        self.size = size
        self.data = data
        self.place = place
        self.record = record


class Staging(ABC):
    """A stream on its way to being staged. It ends with one call: of ``finish``, or of ``abandon``.

    Attributes:
        file: what is written to; it can be sought in.
    """

    file: BinaryIO

    @abstractmethod
    def finish(self) -> Staged:
        """Stage what has been written."""

    @abstractmethod
    def abandon(self) -> None:
        """Discard what has been written."""
