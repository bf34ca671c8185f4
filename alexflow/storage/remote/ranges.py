"""An object read range by range, with a check that it stays the same one; its stream; its verification."""

from __future__ import annotations

import io
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from alexflow.errors import OutputNotFound, StorageError
from alexflow.storage.background import in_thread
from alexflow.storage.digest import Recorder, record_of
from alexflow.storage.keys import QUARANTINE
from alexflow.storage.remote.backends.base import Backend, ObjectStatus
from alexflow.storage.remote.connection import Connection
from alexflow.storage.remote.retry import RequestAttempt
from alexflow.storage.sync import begin
from alexflow.storage.verification import Examined, examined
from alexflow.type_vars import T

#: The largest range of an object that one request reads.
MAX_RANGE_BYTES = 4 * 1024 * 1024  # bytes


#: Up to here the event loop computes a digest itself: a millisecond of its time.
MAX_INLINE_DIGEST_BYTES = 1024 * 1024


async def record_of_in_thread(data: bytes) -> bytes:
    """The digest record of ``data``; computed in a thread if it takes long."""
    return record_of(data) if len(data) <= MAX_INLINE_DIGEST_BYTES else await in_thread(record_of, data)


class Replaced(StorageError):
    """The object was replaced while it was read."""


class Ranges:
    """One object.

    Args:
        connection: gives the running event loop's.
        key: its name.
        status: what is known of it.
        where: the storage, as it may be shown.
    """

    def __init__(self, connection: Callable[[], Connection], key: str, status: ObjectStatus, where: str):
        self._connection = connection
        self._key = key
        self._where = where
        self.status = status

    async def read(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to before ``stop``, which is no further than its end.

        Raises:
            OutputNotFound: it has been removed.
            Replaced: it is another one by now.
        """
        key, connection = self._key, self._connection()

        async def read(backend: Backend, attempt: RequestAttempt) -> tuple[bytes, str]:
            attempt.allow(stop - start)
            return await backend.read_range(key, start, stop, attempt)

        try:
            data, version = await connection.request("read", key, read)
            if not version and stop == self.status.size:  # then it is looked at in the end
                status = await connection.request("look at", key, lambda backend, _: backend.status(key))
                version = status.version
        except FileNotFoundError:
            raise OutputNotFound(key, self._where) from None
        if len(data) != stop - start or version not in ("", self.status.version):
            raise Replaced(f"{key!r} in {self._where} was replaced while it was read; read it again", path=key)
        return data

    async def pieces(self) -> AsyncIterator[bytes]:
        """All of it."""
        size = self.status.size
        for start in range(0, size, MAX_RANGE_BYTES):
            yield await self.read(start, min(start + MAX_RANGE_BYTES, size))

    async def whole(self) -> tuple[bytes, bytes]:
        """All of it, in memory, and its digest record."""
        data = b"".join([piece async for piece in self.pieces()])
        return data, await record_of_in_thread(data)

    async def record(self) -> bytes:
        """The digest record of the object as it is now."""
        recorder = Recorder()
        async for piece in self.pieces():
            await in_thread(recorder.add, piece)
        return recorder.record()


logger = logging.getLogger("alexflow.storage")

#: How often an object may be replaced while it is read.
_TRIES = 5

#: ``move(key, to, version)``: have an object under another key, if it is still of this version.
MoveObject = Callable[[str, str, str], Awaitable[None]]


class Examination:
    """Looks at the objects of one storage.

    Args:
        look: gives an object, opened for reading.
        move: gives one another key.
        where: the storage, as it may be shown.
    """

    def __init__(self, look: Callable[[str], Awaitable[Ranges]], move: MoveObject, where: str):
        self._look = look
        self._move = move
        self._where = where

    async def read(
        self, key: str, read: Callable[[Ranges], Awaitable[tuple[T, bytes]]]
    ) -> tuple[T, ObjectStatus, bytes]:
        """The result of ``read(object)``, with the digest record of what it read: of one object, even if another
        replaces it.

        Raises:
            OutputNotFound: nothing is stored under ``key``.
        """
        for tries_left in reversed(range(_TRIES)):
            found = await self._look(key)
            try:
                value, actual = await read(found)
            except Replaced:
                if not tries_left:
                    raise
            else:
                return value, found.status, actual
        raise AssertionError("unreachable")

    async def examine(self, key: str, *, quarantine: bool) -> Examined:
        """Compare an object with its digest record, a piece in memory at a time."""

        async def read(found: Ranges) -> tuple[None, bytes]:
            return None, await found.record()

        _, status, actual = await self.read(key, read)
        found = examined(key, actual, [status.record] if status.record else [], lambda: "")
        if quarantine and found.verdict in ("damaged", "misplaced"):
            return replace(found, moved_to=await self.set_aside(key, status))
        return found

    async def set_aside(self, key: str, status: ObjectStatus) -> str:
        """Move a damaged object into the quarantine.

        Returns:
            Where it is there; empty if it could not be moved, because it is gone, or the storage is read-only.
        """
        when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        to = f"{QUARANTINE}/{when}-{os.urandom(4).hex()}/{key}"
        try:
            await self._move(key, to, status.version)
        except OutputNotFound:
            return ""
        except StorageError as error:
            logger.warning("%s: %r is damaged and cannot be moved into quarantine: %s", self._where, key, error)
            return ""
        return f"{self._where}/{to}"


FIRST_RANGE_BYTES = 256 * 1024  # bytes


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
        self._step = FIRST_RANGE_BYTES  # the size of the next one
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
        return b"".join(iter(lambda: self.read(MAX_RANGE_BYTES) or b"", b""))

    def _fetch(self) -> None:
        """Fetch the piece at the current position, and begin to fetch the next one."""
        start = self._position
        goes_on = start == self._start + len(self._piece) and start > 0
        self._step = min(2 * self._step, MAX_RANGE_BYTES) if goes_on else FIRST_RANGE_BYTES
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
