"""A stream from an object elsewhere, for threads: a few ranges of it in memory, whatever its size.

Who reads on gets larger ranges from time to time, and the next one is fetched meanwhile; who goes somewhere else begins
with a small one, since libraries that seek (Parquet, zip) look at the end of a file first, for a few bytes.
"""

from __future__ import annotations

import io
from concurrent.futures import Future
from typing import Any

from alexflow.storage.remote.ranges import PIECE, Ranges
from alexflow.storage.sync import begin

FIRST = 256 * 1024  # bytes


class RemoteReader(io.RawIOBase):
    """One object, open for reading.

    Args:
        ranges: gives its bytes.
    """

    def __init__(self, ranges: Ranges):
        super().__init__()
        self._ranges = ranges
        self._size = ranges.status.size
        self._position = 0
        self._piece = b""
        self._start = 0  # of the piece
        self._step = FIRST  # the size of the next one
        self._ahead: tuple[int, Future[bytes]] | None = None  # the next one, and where it starts

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        if self._position >= self._size or not view:
            return 0
        offset = self._position - self._start
        if not 0 <= offset < len(self._piece):
            self._fetch()
            offset = 0
        part = memoryview(self._piece)[offset : offset + len(view)]
        view[: len(part)] = part
        self._position += len(part)
        return len(part)

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self.read(PIECE) or b"", b""))

    def _fetch(self) -> None:
        """Have the piece that begins where we are, and the next one on its way."""
        start = self._position
        goes_on = start == self._start + len(self._piece) and start > 0
        self._step = min(2 * self._step, PIECE) if goes_on else FIRST
        self._piece = b""  # before there is another one
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] != start:
            ahead[1].cancel()
            ahead = None
        wanted = self._begin(start) if ahead is None else ahead[1]
        try:
            self._piece = wanted.result()
        except BaseException:
            wanted.cancel()
            raise
        self._start = start
        if goes_on and (after := start + len(self._piece)) < self._size:
            self._ahead = (after, self._begin(after))

    def _begin(self, start: int) -> Future[bytes]:
        return begin(self._ranges.read(start, min(start + self._step, self._size)))

    def close(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead[1].cancel()
        self._piece = b""
        super().close()
