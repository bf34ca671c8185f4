"""``RemoteStorage``: outputs behind a URL.

The asynchronous form is the one that works; the blocking form, for worker processes and threads, is the same on an
event loop in the background. So both have the same deadlines, and in both an object store's many requests are under way
at once.
"""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from alexflow.arguments import check_positive
from alexflow.errors import OutputNotFound, StorageError, StorageUnavailable, UnknownStorage
from alexflow.storage.background import for_each, in_thread
from alexflow.storage.digest import is_one_key, is_refused, judge, with_key
from alexflow.storage.files import read_all
from alexflow.storage.interface import Check, Storage, check_check
from alexflow.storage.keys import QUARANTINE, only_keys
from alexflow.storage.local.read import damaged
from alexflow.storage.local.staging_area import FOREIGN_STALE_AFTER, STALE_AFTER
from alexflow.storage.local.storage import BUFFER
from alexflow.storage.permits import claimed_by
from alexflow.storage.remote import spool
from alexflow.storage.remote.address import Address
from alexflow.storage.remote.backends.base import ObjectStatus
from alexflow.storage.remote.connection import Connection
from alexflow.storage.remote.multipart import MAX_BYTES_IN_MEMORY, LargeObject, forget, upload
from alexflow.storage.remote.opening import OpenedStorage, check_client, check_protocol, load_all
from alexflow.storage.remote.publish import Publisher, keeps_the_first, no_such_place
from alexflow.storage.remote.ranges import Examination, Ranges, record_of_in_thread
from alexflow.storage.staged import Staged
from alexflow.storage.sync import begin, is_event_loop_here, wait_for
from alexflow.storage.verification import examined_unreadable
from alexflow.type_vars import T

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from alexflow.storage.async_streams import AsyncReader
    from alexflow.storage.leases import Leases
    from alexflow.storage.local.new_file import NewFile
    from alexflow.storage.reserved import ReservedSpace, Space
    from alexflow.storage.staged import Staging
    from alexflow.storage.verification import Examined, KnownDigest, Verification


#: Requests under way at once, for one storage and event loop.
CONCURRENCY = 64

#: Seconds that one request may take, with all its attempts.
DEADLINE = 60.0

#: Objects that are examined at once: of each, a piece is in memory.
EXAMINED_AT_ONCE = 8


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
        check: whether whatever is read is held against the digest that was recorded when it was published. What is
            damaged is moved out of the way (:class:`~alexflow.errors.OutputDamaged`), and a run computes it again. With
            ``"strict"`` so is what has no digest, or a record without its key.

    Raises:
        UnknownStorage: the URL is none.
    """

    url: str
    check: Check = field(default=False, compare=False)

    def __init__(
        self,
        url: str,
        *,
        check: Check = False,
        deadline: float = DEADLINE,
        concurrency: int = CONCURRENCY,
        client: Literal["obstore"] | None = None,
        **options: Any,
    ) -> None:
        address = Address(url, options)
        for name, value in (("deadline", deadline), ("concurrency", concurrency)):
            check_positive(f"{name} of {address.shown}", value, "a number above 0", UnknownStorage)
        check_check(check)
        check_protocol(address)
        if client is not None:
            check_client(address, client)
        object.__setattr__(self, "url", address.shown)
        object.__setattr__(self, "check", check)
        vars(self)["_opened"] = OpenedStorage(address, float(deadline), int(max(1, min(concurrency, 1e6))), client)

    def __repr__(self) -> str:
        client = "" if self._opened.client is None else f", client={self._opened.client!r}"
        return f"RemoteStorage({self._opened.address!r}{client})"

    def __reduce__(self) -> tuple[Any, ...]:
        opened = self._opened
        settings = {"deadline": opened.deadline, "concurrency": opened.concurrency, "client": opened.client}
        return _restore, (opened.address.url, settings | {"check": self.check}, opened.address.options)

    @property
    def _opened(self) -> OpenedStorage:
        opened: OpenedStorage = self.__dict__["_opened"]  # no field: neither shown nor compared
        return opened

    def _connection(self) -> Connection:
        return self._opened.connection()

    def checking(self) -> RemoteStorage:
        other = object.__new__(type(self))
        vars(other).update(vars(self), check=self.check or True)  # with the same connections
        return other

    def prepare(self) -> None:
        load_all(self._opened.address, self._opened.client)

    def leases(self, ttl: float) -> Leases:
        from alexflow.storage.remote.leases import ObjectLeases  # deferred: a worker process has no use for leases

        return ObjectLeases(self._connection, self._keeps_the_first, self.url, ttl)

    def reserved(self, space: Space) -> ReservedSpace:
        from alexflow.storage.remote.object_space import ObjectSpace  # deferred, as above

        return ObjectSpace(self._connection, space, self.url, self._opened.address.server)

    # -- on the event loop

    async def acheck_writable(self) -> None:
        await self._keeps_the_first()
        if not self._opened.is_swept:
            self._opened.is_swept = True
            with suppress(StorageError, FileNotFoundError):  # not every server lists uploads, nor may everybody ask
                await self.asweep(FOREIGN_STALE_AFTER)

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
        if self.check:
            return await self._read_checked(key, Ranges.whole)
        try:
            return await self._connection().request("read", key, lambda backend, attempt: backend.read(key, attempt))
        except FileNotFoundError:
            raise OutputNotFound(key, self.url) from None

    async def _look(self, key: str) -> Ranges:
        status = await self._status(key)
        if status is None:
            raise OutputNotFound(key, self.url)
        return Ranges(self._connection, key, status, self.url)

    async def _read_checked(self, key: str, read: Callable[[Ranges], Awaitable[tuple[T, bytes]]]) -> T:
        """The value that ``read`` makes of an object, if the object is what was published."""
        examination = self._examination()
        value, status, actual = await examination.read(key, read)
        judgement = judge([status.record] if status.record else [], actual, key)
        if is_refused(judgement, strictly=self.check == "strict"):
            raise damaged(key, self.url, judgement, await examination.set_aside(key, status))
        return value

    def _examination(self) -> Examination:
        return Examination(self._look, self._move, self.url)

    async def _move(self, key: str, to: str, version: str) -> None:
        await self._copy_from(self, key, to)
        try:
            await self._connection().request("remove", key, lambda backend, _: backend.remove_if(key, version))
        except FileNotFoundError:
            raise OutputNotFound(key, self.url) from None

    async def aexamine(self, key: str, *, quarantine: bool = True) -> Examined:
        return await self._examination().examine(key, quarantine=quarantine)

    async def aexamine_many(self, keys: Sequence[str], *, quarantine: bool = True) -> Sequence[Examined | None]:
        found: dict[str, Examined | None] = dict.fromkeys(keys)

        async def examine(key: str) -> None:
            try:
                found[key] = await self.aexamine(key, quarantine=quarantine)
            except OutputNotFound:
                pass
            except StorageUnavailable:  # it is not about this one
                raise
            except StorageError as error:
                found[key] = examined_unreadable(key, error)

        await for_each(keys, examine, EXAMINED_AT_ONCE)
        return [found[key] for key in keys]

    async def acopy_from(self, source: Storage, key: str, to: str) -> bool | None:
        return await self._copy_from(source, key, to) if isinstance(source, RemoteStorage) else None

    async def _copy_from(self, source: RemoteStorage, key: str, to: str) -> bool:
        if source._opened.address.is_beside(self._opened.address):
            record = await source._record_for(key, to)
            backend = await source._connection().backend()
            try:
                copied = await self._connection().request(
                    "copy", key, lambda own, attempt: own.copy(backend, key, to, attempt, record)
                )
            except FileNotFoundError:
                raise OutputNotFound(key, source.url) from None
            if copied is not None:
                return copied
        found = await source._look(key)
        if found.status.size <= MAX_BYTES_IN_MEMORY:
            data, record = await found.whole()
            return await self._publisher(keeps=await self._keeps_the_first()).publish(to, data, record)
        file, _ = await spool.fetched_with_record(found)
        return await self._publish(await self._stage_file(to, file))

    async def _record_for(self, key: str, to: str) -> bytes:
        """The digest record for a copy under another key; empty if the object's own record holds for it."""
        record = b"" if is_one_key(key, to) else (await self._look(key)).status.record
        return record and with_key(record, to)

    async def asize(self, key: str) -> int:
        status = await self._status(key)
        if status is None:
            raise OutputNotFound(key, self.url)
        return status.size

    async def aversion(self, key: str) -> str | None:
        status = await self._status(key)
        return None if status is None else status.version

    async def amodified(self, key: str) -> float | None:
        status = await self._status(key)
        return None if status is None else status.modified

    async def _status(self, key: str) -> ObjectStatus | None:
        try:
            return await self._connection().request("look at", key, lambda backend, _: backend.status(key))
        except FileNotFoundError:
            return None

    async def astage(self, key: str, data: bytes) -> Staged:
        if len(data) <= MAX_BYTES_IN_MEMORY:
            return Staged(key, len(data), data)
        return await self._stage_file(key, await claimed_by(lambda: in_thread(spool.filled, data)))

    async def _stage_file(self, key: str, file: NewFile) -> Staged:
        large = LargeObject(file, os.fstat(file.fd).st_size)
        try:
            await upload(self._connection(), key, large)
        except BaseException:
            file.close()
            raise
        return Staged(key, large.size, None, large)

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        return await self._publish(staged, replace=replace)

    def _publisher(self, *, keeps: bool) -> Publisher:
        return Publisher(self._connection(), self.url, keeps=keeps)

    async def _publish(self, staged: Staged, *, replace: bool = False) -> bool:
        try:
            publisher = self._publisher(keeps=replace or await self._keeps_the_first())
            if staged.place is not None:
                staged.record = staged.place.file.record
                return await publisher.publish_large(staged.key, staged.place, replace=replace)
            data = staged.data or b""
            staged.record = await record_of_in_thread(data)
            return await publisher.publish(staged.key, data, staged.record, replace=replace)
        finally:
            await self._discard(staged)

    async def adiscard(self, staged: Staged) -> None:
        await self._discard(staged)

    async def _discard(self, staged: Staged) -> None:
        large, staged.place, staged.data = staged.place, None, None
        if large is not None:
            await in_thread(large.file.close)  # it may take a while to give back its room
            await forget(self._connection(), staged.key, large)

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
            return page if page is None else list(only_keys(page))

        return next_page

    async def asweep(self, older_than: float = STALE_AFTER) -> int:
        before = time.time() - older_than
        return await self._connection().request("sweep", "", lambda backend, _: backend.sweep(before))

    def areader(self, key: str) -> AbstractAsyncContextManager[AsyncReader]:
        from alexflow.storage.async_streams import opened_in_threads  # deferred: few tasks need it

        return opened_in_threads(partial(self.reader, key))

    async def aclose(self) -> None:
        """Close this event loop's connections; used again, the storage opens them anew."""
        connection = self._opened.connections.get(asyncio.get_running_loop())
        if connection is not None:
            await connection.aclose()

    # -- blocking

    def examine(self, key: str, *, quarantine: bool = True) -> Examined:
        return wait_for(self.aexamine(key, quarantine=quarantine))

    def verify(
        self,
        keys: Iterable[str] | None = None,
        *,
        prefix: str = "",
        quarantine: bool = True,
        known: KnownDigest | None = None,
    ) -> Verification:
        return wait_for(self.averify(keys, prefix=prefix, quarantine=quarantine, known=known))

    def check_writable(self) -> None:
        wait_for(self.acheck_writable())

    def stage(self, key: str, data: bytes) -> Staged:
        if len(data) <= MAX_BYTES_IN_MEMORY:
            return Staged(key, len(data), data)
        return self.stage_file(key, spool.filled(data))

    def stage_file(self, key: str, file: NewFile) -> Staged:
        """Take a large file, with its digest record."""
        return wait_for(self._stage_file(key, file))

    def read_staged(self, staged: Staged) -> bytes:
        if staged.place is None:
            return staged.data or b""
        return read_all(staged.place.file.fd, staged.size + 1, at=0)

    def discard(self, staged: Staged) -> None:
        if staged.place is None:
            staged.data = None
            return
        aborted = begin(self.adiscard(staged))
        if not is_event_loop_here():  # else it is not to wait; a thread that came too late is forgotten there
            aborted.result()

    def sweep(self, older_than: float = STALE_AFTER) -> int:
        return wait_for(self.asweep(older_than))

    def list(self, prefix: str = "") -> Iterator[str]:
        next_page = wait_for(self._begin_listing(prefix))
        while (page := wait_for(next_page())) is not None:
            yield from page

    def quarantined(self) -> Iterator[str]:
        return iter(wait_for(self._quarantined()))

    async def _quarantined(self) -> Sequence[str]:
        connection = self._connection()
        pages = (await connection.backend()).pages(f"{QUARANTINE}/")
        found: list[str] = []
        try:
            while (page := await connection.next_page(QUARANTINE, pages)) is not None:
                found += (name.split("/", 3)[3] for name in page if name.count("/") > 2)
        except FileNotFoundError:  # no bucket or no directory yet
            return ()
        return found

    # -- streams and paths

    def reader(self, key: str) -> BinaryIO:
        from alexflow.storage.remote.ranges import RemoteReader  # deferred: here and below, few tasks need it

        if not self.check:
            return io.BufferedReader(RemoteReader(wait_for(self._look(key))), BUFFER)
        from alexflow.storage.local.streams import open_staged

        file = wait_for(self._read_checked(key, spool.fetched_with_record))
        try:
            return open_staged(file)
        finally:
            file.close()

    def open_staging(self, key: str) -> Staging:
        from alexflow.storage.remote.spool import RemoteStaging

        return RemoteStaging(key, self.stage_file)

    def staged_reader(self, staged: Staged) -> BinaryIO:
        if staged.place is None:
            return super().staged_reader(staged)
        from alexflow.storage.local.streams import open_staged

        return open_staged(staged.place.file)

    def stage_path(self, key: str, path: Path) -> Staged:
        if os.path.getsize(path) <= MAX_BYTES_IN_MEMORY:
            return super().stage_path(key, path)
        return self.stage_file(key, spool.taken(path))

    def scratch(self) -> AbstractContextManager[Path]:
        return spool.scratch()


def _restore(url: str, settings: dict[str, Any], options: dict[str, Any]) -> RemoteStorage:
    return RemoteStorage(url, **settings, **options)
