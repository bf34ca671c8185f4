"""An object read range by range, and seen to be the same one all the while."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from alexflow.errors import OutputNotFound, StorageError
from alexflow.storage.background import in_thread
from alexflow.storage.digest import Recorder
from alexflow.storage.remote.backends.base import Backend, Status
from alexflow.storage.remote.connection import Connection
from alexflow.storage.remote.retry import Attempt

#: What is read at once of a large object.
PIECE = 4 * 1024 * 1024  # bytes


class Replaced(StorageError):
    """It is another object by now."""


class Ranges:
    """One object.

    Args:
        connection: gives the running event loop's.
        key: its name.
        status: what is known of it.
        where: the storage, as it may be shown.
    """

    def __init__(self, connection: Callable[[], Connection], key: str, status: Status, where: str):
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

        async def read(backend: Backend, attempt: Attempt) -> tuple[bytes, str]:
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
        for start in range(0, size, PIECE):
            yield await self.read(start, min(start + PIECE, size))

    async def record(self) -> bytes:
        """What would be recorded of it as it is now."""
        recorder = Recorder()
        async for piece in self.pieces():
            await in_thread(recorder.add, piece)
        return recorder.record()
