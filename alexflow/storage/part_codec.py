"""``PartCodec``: how the parts of an output that is appended to become bytes, and are found in bytes again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class PartCodec(Protocol):
    """The parts of one output, in one attempt or for one reader. It may keep what is between two parts."""

    def encode(self, part: Any) -> bytes:
        """Make bytes of the next part."""
        ...

    def end(self) -> bytes:
        """Return the bytes that belong after the last part."""
        ...

    def decode(self, data: bytes) -> list[Any]:
        """Return the parts that end in the next bytes; those of texts and bytes may be joined, or cut otherwise."""
        ...

    def split(self, value: Any) -> list[Any]:
        """Return the parts of a whole value."""
        ...

    def rest(self, value: Any, parts: Sequence[Any]) -> list[Any] | None:
        """Return the parts of a whole value that follow some; None if it does not begin with these."""
        ...
