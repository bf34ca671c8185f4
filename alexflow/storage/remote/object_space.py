"""``ObjectSpace``: a reserved space of a remote storage, each file an object under ``.alexflow/``.

Requests are retried and have deadlines as all of the storage's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from alexflow.storage.keys import RESERVED
from alexflow.storage.remote.backends.base import Backend
from alexflow.storage.remote.connection import Connection
from alexflow.storage.remote.publish import no_such_place
from alexflow.storage.remote.retry import RequestAttempt
from alexflow.storage.reserved import ReservedSpace, Space
from alexflow.storage.sync import wait_for

#: Objects that are read at once, and are in memory.
READ_AT_ONCE = 32


class ObjectSpace(ReservedSpace):
    """Objects that are written whole.

    Args:
        connection: gives the way to the storage, on the event loop.
        space: the space.
        where: the storage, as it may be shown.
        location: names the space among all of its kind.
    """

    def __init__(self, connection: Callable[[], Connection], space: Space, where: str, location: str):
        self._connection = connection
        self._directory = f"{RESERVED}/{space}/"
        self._where = where
        self.location = f"{location}/{space}"

    @property
    def is_in_outage(self) -> bool:
        return self._connection().is_in_outage

    def names(self, prefix: str = "") -> list[str]:
        return wait_for(self._names(self._directory + prefix))

    async def _names(self, beginning: str) -> list[str]:
        connection, directory = self._connection(), self._directory
        pages = (await connection.backend()).pages(beginning)
        found: list[str] = []
        try:
            while (page := await connection.next_page(beginning, pages)) is not None:
                found += [key.removeprefix(directory) for key in page if key.startswith(beginning)]
        except FileNotFoundError:  # no bucket or no directory yet
            return []
        return sorted(found)

    def read(self, name: str, start: int = 0) -> bytes:
        return wait_for(self._read(name))[start:]

    async def _read(self, name: str) -> bytes:
        key = self._directory + name
        return await self._connection().request("read", key, lambda backend, attempt: backend.read(key, attempt))

    def read_many(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for start in range(0, len(names), READ_AT_ONCE):
            batch = names[start : start + READ_AT_ONCE]
            for name, data in zip(batch, wait_for(self._read_batch(batch)), strict=True):
                if data is not None:
                    yield name, data

    async def _read_batch(self, names: Sequence[str]) -> list[bytes | None]:
        async def read(name: str) -> bytes | None:
            try:
                return await self._read(name)
            except FileNotFoundError:
                return None

        return await asyncio.gather(*map(read, names))

    def write(self, name: str, data: bytes) -> None:
        wait_for(self._write(self._directory + name, data))

    async def _write(self, key: str, data: bytes) -> None:
        async def put(backend: Backend, attempt: RequestAttempt) -> None:
            attempt.allow(len(data))
            await backend.replace(key, data)

        try:
            await self._connection().request("write", key, put)
        except FileNotFoundError:
            raise no_such_place(self._where) from None

    def remove(self, name: str) -> None:
        wait_for(self._remove(self._directory + name))

    async def _remove(self, key: str) -> None:
        await self._connection().remove_many([key])
