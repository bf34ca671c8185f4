"""Object stores of which fsspec's adapter is asynchronous: what Google's and Azure's have in common."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from alexflow.storage.remote.backends.base import Backend, OnePage, Pages, Status, check_odd
from alexflow.storage.remote.retry import Attempt


class ObjectBackend(Backend):
    """A bucket or container, or what is below a prefix in it.

    Args:
        fs: an asynchronous file system of fsspec's.
        root: ``bucket`` or ``bucket/prefix``.
        refused: characters that its client does not bring to the server as they are.
    """

    def __init__(self, fs: Any, root: str, refused: str = ""):
        self._fs = fs
        self._refused = refused
        self._root = root + "/"

    async def exists(self, key: str) -> bool:
        try:
            await self.status(key)
        except FileNotFoundError:
            return False
        return True

    async def read(self, key: str, attempt: Attempt) -> bytes:
        data: bytes = await self._fs._cat_file(self._root + key)
        return data

    async def read_range(self, key: str, start: int, stop: int, attempt: Attempt) -> tuple[bytes, str]:
        return await self._fs._cat_file(self._root + key, start=start, end=stop), ""

    async def status(self, key: str) -> Status:
        found = await self._fs._info(self._root + key)
        if found["type"] != "file":
            raise FileNotFoundError(key)
        return self.status_of(found)

    async def create(self, key: str, data: bytes, record: bytes = b"") -> bool:
        check_odd(key, self._refused)
        return await self._put(key, data, record, replace=False)

    async def replace(self, key: str, data: bytes, record: bytes = b"") -> None:
        check_odd(key, self._refused)
        await self._put(key, data, record, replace=True)

    @abstractmethod
    async def _put(self, key: str, data: bytes, record: bytes, *, replace: bool) -> bool:
        """Store an object; False if there is one that is to stay."""

    async def remove(self, keys: Sequence[str]) -> None:
        for key in keys:
            with contextlib.suppress(FileNotFoundError):
                await self._fs._rm_file(self._root + key)

    def pages(self, prefix: str) -> Pages:
        directory, _, name = (self._root + prefix).rpartition("/")

        async def fetch() -> list[str]:
            try:
                found = await self._fs._find(directory, prefix=name)
            except FileNotFoundError:
                return []
            keys = [path[len(self._root) :] for path in found if path.startswith(self._root)]
            return [key for key in keys if key.startswith(prefix)]

        return OnePage(fetch)

    async def aclose(self) -> None:
        client = getattr(self._fs, "session", None) or getattr(self._fs, "service_client", None)
        if client is not None:
            await client.close()
