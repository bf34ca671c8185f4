"""The beginning and the end of a text that may be too long to keep."""

from __future__ import annotations

#: Bytes kept of what a task prints on one stream: from the beginning, where it says what it does, and from the end,
#: where it says what went wrong.
HEAD = 8 * 1024
TAIL = 24 * 1024


class Excerpt:
    """Takes in bytes without end, and keeps ``HEAD`` and ``TAIL`` of them.

    Attributes:
        size: how many bytes there were.
    """

    __slots__ = ("_head", "_tail", "size")

    def __init__(self) -> None:
        self.size = 0
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, data: bytes) -> None:
        """Further bytes."""
        self.size += len(data)
        room = HEAD - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data[-TAIL:]
        if len(self._tail) > 2 * TAIL:  # not each time: it moves all of them
            del self._tail[:-TAIL]

    def text(self) -> str:
        """Return what was kept; where something was left out, a line says how much."""
        tail = self._tail[-TAIL:]
        left_out = self.size - len(self._head) - len(tail)
        if not left_out:
            return (self._head + tail).decode(errors="replace")
        gap = f"\n… {left_out:,} bytes left out …\n"
        return self._head.decode(errors="replace") + gap + tail.decode(errors="replace")
