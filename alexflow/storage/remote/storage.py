"""``RemoteStorage``: outputs behind a URL.

The asynchronous form is the one that works; the blocking form, for worker processes and threads, is the same on an
event loop in the background. So both have the same deadlines, and in both an object store's many requests are under way
at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from alexflow.errors import OutputNotFound, UnknownStorage
from alexflow.storage.interface import Staged, Storage
from alexflow.storage.keys import RESERVED
from alexflow.storage.remote.address import Address
from alexflow.storage.remote.backend import Status
from alexflow.storage.remote.blocking import wait_for
from alexflow.storage.remote.connection import Connection
from alexflow.storage.remote.opening import open_backend
from alexflow.storage.remote.provision import check_client, check_protocol, load_all
from alexflow.storage.remote.publication import keeps_the_first, no_such_place, publish

if TYPE_CHECKING:
    from alexflow.storage.leases.interface import Leases

#: Requests under way at once, for one storage and event loop.
CONCURRENCY = 64

#: Seconds that one request may take, with all its attempts.
DEADLINE = 60.0


class _Opened:
    """What a storage is opened with, and what it has opened.

    Attributes:
        keeps: whether the back end keeps create-if-absent; None until somebody has tried.
    """

    def __init__(self, address: Address, deadline: float, concurrency: int, client: str | None):
        self.address = address
        self.deadline = deadline
        self.concurrency = concurrency
        self.client = client
        self.keeps: bool | None = None
        self.connections: WeakKeyDictionary[asyncio.AbstractEventLoop, Connection] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def connection(self) -> Connection:
        """The running event loop's."""
        loop = asyncio.get_running_loop()
        with self._lock:
            connection = self.connections.get(loop)
            if connection is None:
                make = partial(open_backend, self.address, self.concurrency, self.client)
                connection = Connection(make, self.address, self.deadline, self.concurrency)
                self.connections[loop] = connection
            return connection


@dataclass(frozen=True, init=False, repr=False)
class RemoteStorage(Storage):
    """A storage behind a URL: ``s3://``, ``gs://``, ``az://``, ``sftp://``, ``webdav://``, or another of fsspec's.

    ::

        storage = RemoteStorage("s3://bucket/prefix", endpoint_url="http://localhost:8333", key="…", secret="…")

    It is opened at the first request, once for each event loop. A pickled one holds the URL and the options, as worker
    processes need them; a document or an id never holds options or a password.

    Args:
        url: where; credentials are better kept in the environment or in ``options``.
        deadline: seconds that one request may take with all its attempts; 1 MiB that is sent or received adds a second.
        concurrency: requests under way at once, for each event loop.
        client: ``"obstore"`` for S3 with less work for the processor (``alexflow[obstore]``).
        options: what fsspec's file system for the URL takes, such as ``endpoint_url`` for S3.

    Attributes:
        url: where, without a password.

    Raises:
        UnknownStorage: the URL is none.
    """

    url: str

    def __init__(
        self,
        url: str,
        *,
        deadline: float = DEADLINE,
        concurrency: int = CONCURRENCY,
        client: Literal["obstore"] | None = None,
        **options: Any,
    ) -> None:
        address = Address(url, options)
        for name, value in (("deadline", deadline), ("concurrency", concurrency)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise UnknownStorage(f"{name} of {address.shown} must be a number above 0, not {value!r}")
        check_protocol(address)
        if client is not None:
            check_client(address, client)
        object.__setattr__(self, "url", address.shown)
        vars(self)["_opened"] = _Opened(address, float(deadline), int(concurrency), client)

    def __repr__(self) -> str:
        client = "" if self._opened.client is None else f", client={self._opened.client!r}"
        return f"RemoteStorage({self._opened.address!r}{client})"

    def __reduce__(self) -> tuple[Any, ...]:
        opened = self._opened
        settings = {"deadline": opened.deadline, "concurrency": opened.concurrency, "client": opened.client}
        return _restore, (opened.address.url, settings, opened.address.options)

    @property
    def _opened(self) -> _Opened:
        opened: _Opened = self.__dict__["_opened"]  # no field: it is shown to nobody, and no part of equality
        return opened

    def _connection(self) -> Connection:
        return self._opened.connection()

    def prepare(self) -> None:
        load_all(self._opened.address, self._opened.client)

    def leases(self, ttl: float) -> Leases:
        from alexflow.storage.leases.objects import ObjectLeases  # deferred: a worker process has no use for leases

        return ObjectLeases(self._connection, self._keeps_the_first, self.url, ttl)

    # -- on the event loop

    async def acheck_writable(self) -> None:
        await self._keeps_the_first()

    async def _keeps_the_first(self) -> bool:
        opened = self._opened
        if opened.keeps is None:
            connection = opened.connection()
            async with connection.probing:
                if opened.keeps is None:
                    opened.keeps = await keeps_the_first(connection, self.url)
        return opened.keeps

    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        return await self._connection().exists_many(keys) if keys else set()

    async def aread(self, key: str) -> bytes:
        try:
            return await self._connection().request("read", key, lambda backend, attempt: backend.read(key, attempt))
        except FileNotFoundError:
            raise OutputNotFound(key, self.url) from None

    async def asize(self, key: str) -> int:
        status = await self._status(key)
        if status is None:
            raise OutputNotFound(key, self.url)
        return status.size

    async def aversion(self, key: str) -> str | None:
        status = await self._status(key)
        return None if status is None else status.version

    async def _status(self, key: str) -> Status | None:
        try:
            return await self._connection().request("look at", key, lambda backend, _: backend.status(key))
        except FileNotFoundError:
            return None

    async def astage(self, key: str, data: bytes) -> Staged:
        return self.stage(key, data)

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        keeps = replace or await self._keeps_the_first()
        data = staged.data or b""
        return await publish(self._connection(), staged.key, data, replace=replace, keeps=keeps, where=self.url)

    async def adiscard(self, staged: Staged) -> None:
        self.discard(staged)

    async def aremove_many(self, keys: Iterable[str]) -> None:
        await self._connection().remove_many(keys)

    async def alist(self, prefix: str = "") -> AsyncIterator[str]:
        next_page = await self._begin_listing(prefix)
        while (page := await next_page()) is not None:
            for key in page:
                yield key

    async def _begin_listing(self, prefix: str) -> Callable[[], Coroutine[Any, Any, list[str] | None]]:
        connection = self._connection()
        pages = (await connection.backend()).pages(prefix)

        async def next_page() -> list[str] | None:
            try:
                page = await connection.next_page(prefix, pages)
            except FileNotFoundError:
                raise no_such_place(self.url) from None
            return page if page is None else [key for key in page if not key.startswith(RESERVED)]

        return next_page

    async def aclose(self) -> None:
        """Close this event loop's connections; used again, the storage opens them anew."""
        connection = self._opened.connections.get(asyncio.get_running_loop())
        if connection is not None:
            await connection.aclose()

    # -- blocking

    def check_writable(self) -> None:
        wait_for(self.acheck_writable())

    def exists_many(self, keys: Sequence[str]) -> set[str]:
        return wait_for(self.aexists_many(keys))

    def read(self, key: str) -> bytes:
        return wait_for(self.aread(key))

    def size(self, key: str) -> int:
        return wait_for(self.asize(key))

    def version(self, key: str) -> str | None:
        return wait_for(self.aversion(key))

    def stage(self, key: str, data: bytes) -> Staged:
        return Staged(key, len(data), data)

    def read_staged(self, staged: Staged) -> bytes:
        return staged.data or b""

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        return wait_for(self.apublish(staged, replace=replace))

    def discard(self, staged: Staged) -> None:
        staged.data = None

    def remove_many(self, keys: Iterable[str]) -> None:
        wait_for(self.aremove_many(tuple(keys)))

    def list(self, prefix: str = "") -> Iterator[str]:
        next_page = wait_for(self._begin_listing(prefix))
        while (page := wait_for(next_page())) is not None:
            yield from page


def _restore(url: str, settings: dict[str, Any], options: dict[str, Any]) -> RemoteStorage:
    return RemoteStorage(url, **settings, **options)
