"""Two clients of S3 that are asked the same: that of s3fs, as alexflow uses it, and obstore."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from alexflow.storage.remote.address import Address
from alexflow.storage.remote.backends.base import Backend
from alexflow.storage.remote.opening import open_backend
from alexflow.storage.remote.retry import Deadline, RequestAttempt
from tests.kit.servers.s3 import BUCKET, KEY, SECRET, Server

S3FS, OBSTORE = "s3fs", "obstore"
PREFIX = "clients"
CONCURRENCY = 64


class Client(Protocol):
    """The work of both."""

    async def create(self, key: str, data: bytes) -> bool: ...

    async def read(self, key: str) -> bytes: ...

    async def exists(self, key: str) -> bool: ...

    async def count(self, prefix: str) -> int: ...

    async def aclose(self) -> None: ...


class OfS3fs:
    """aiobotocore, as alexflow uses it."""

    def __init__(self, backend: Backend):
        self._backend = backend
        self.create = backend.create
        self.exists = backend.exists
        self.aclose = backend.aclose

    @classmethod
    async def open(cls, server: Server) -> OfS3fs:
        return cls(await open_backend(Address(f"s3://{BUCKET}/{PREFIX}", server.options), CONCURRENCY))

    async def read(self, key: str) -> bytes:
        return await self._backend.read(key, RequestAttempt(Deadline(60.0)))

    async def count(self, prefix: str) -> int:
        pages, found = self._backend.pages(prefix), 0
        while (page := await pages.next()) is not None:
            found += len(page)
        return found


class OfObstore:
    """obstore. It lists by whole steps of a path, so a listing begins behind the prefix and is given up after it."""

    def __init__(self, store: Any):
        self._store = store

    @classmethod
    async def open(cls, server: Server) -> OfObstore:
        from obstore.store import S3Store

        store = S3Store(
            BUCKET,
            prefix=PREFIX,
            endpoint=server.options["endpoint_url"],
            access_key_id=KEY,
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
        return cls(store)

    async def create(self, key: str, data: bytes) -> bool:
        from obstore.exceptions import AlreadyExistsError

        try:
            await self._store.put_async(key, data, mode="create")
        except AlreadyExistsError:
            return False
        return True

    async def read(self, key: str) -> bytes:
        data: bytes = (await (await self._store.get_async(key)).bytes_async()).to_bytes()
        return data

    async def exists(self, key: str) -> bool:
        try:
            await self._store.head_async(key)
        except FileNotFoundError:
            return False
        return True

    async def count(self, prefix: str) -> int:
        found = 0
        async for page in self._store.list(offset=prefix, chunk_size=1000):
            found += sum(entry["path"].startswith(prefix) for entry in page)
            if not page[-1]["path"].startswith(prefix):
                break
        return found

    async def aclose(self) -> None:
        pass


CLIENTS: dict[str, Callable[[Server], Awaitable[Client]]] = {S3FS: OfS3fs.open, OBSTORE: OfObstore.open}
