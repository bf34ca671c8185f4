"""``CacheStorage``: a remote storage, with copies of what is read on a local disk.

Existence is always asked of the storage itself; only bytes come from the copies. That is right because an output
does not change under its key. A task that is forced replaces it through one cache; other
machines go on with their copies until those are dropped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from alexflow.arguments import check_argument
from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import OutputNotFound, StorageError, UnknownStorage
from alexflow.storage.background import in_thread
from alexflow.storage.files import CHUNK_BYTES
from alexflow.storage.interface import Storage
from alexflow.storage.layered.wrapper import StorageWrapper
from alexflow.storage.local import LocalStorage
from alexflow.storage.staged import Staged
from alexflow.storage.storage_checks import check_path, check_storage

if TYPE_CHECKING:
    from alexflow.storage.async_streams import AsyncReader
    from alexflow.storage.staged import Mode

#: The share of the room that a process fills before it looks again how full the directory is.
LOOK_AFTER = 1 / 16

#: The share of the room that an eviction leaves filled, so that not every copy evicts others.
SHARE_LEFT = 0.9


@dataclass(frozen=True, init=False)
class CacheStorage(StorageWrapper):
    """Another storage, read through copies in a local directory. Several processes may share the directory.

    Attributes:
        storage: the other storage; its ``repr`` separates its copies from those of others in the same directory.
        directory: where copies are; made if it does not exist.
        max_bytes: how much they may take together; those that were not used for the longest time go first. For a moment
            it may be a little more.
    """

    storage: Storage
    directory: str
    max_bytes: int

    def __init__(self, storage: Storage, directory: str | os.PathLike[str], max_bytes: int = 10 * 2**30) -> None:
        check_storage(storage, "CacheStorage")
        check_path("CacheStorage.directory", directory)
        check_argument("CacheStorage.max_bytes", max_bytes, int, "a number of bytes", UnknownStorage)
        object.__setattr__(self, "storage", storage)
        object.__setattr__(self, "directory", os.path.abspath(os.fspath(directory)))
        object.__setattr__(self, "max_bytes", max_bytes)
        object.__setattr__(self, "_copies", LocalStorage(self.directory, check=True))
        object.__setattr__(self, "_room", _Room(self.directory, max_bytes))

    _copies: LocalStorage = field(init=False, repr=False, compare=False)
    _room: _Room = field(init=False, repr=False, compare=False)

    @blocks_briefly("once an engine: the directory is listed")
    def prepare(self) -> None:
        self.storage.prepare()
        with suppress(OSError):  # then there are no copies, or a later call reports the trouble
            os.makedirs(os.path.dirname(self.directory), exist_ok=True)
        self._copies.prepare()

    def _copy_of(self, key: str) -> str:
        """The name of a copy: two letters of a digest as directory, so that none has too many files."""
        digest = hashlib.blake2b(f"{self.storage!r}\n{key}".encode(), digest_size=20).hexdigest()
        return f"{digest[:2]}/{digest[2:]}"

    # -- blocking

    def modified(self, key: str) -> float | None:
        return None  # the storage's time is not that of a copy, which stays when another machine replaces the output

    async def amodified(self, key: str) -> float | None:
        return None

    def read(self, key: str) -> bytes:
        copy = self._copy_of(key)
        try:
            data = self._copies.read(copy)
        except OutputNotFound:  # or damaged, and so set aside
            data = self.storage.read(key)
            self._keep(copy, data)
        else:
            self._room.used(copy)
        return data

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        data = staged.data
        first = self.storage.publish(staged, replace=replace)
        self._published(staged.key, data, first=first, replace=replace)
        return first

    def remove_many(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        self.storage.remove_many(keys)
        self._copies.remove_many([self._copy_of(key) for key in keys])

    def reader(self, key: str) -> BinaryIO:
        if self.local_path(key) is None:
            return self.storage.reader(key)
        try:
            return self._copies.reader(self._copy_of(key))
        except StorageError:  # it has just been dropped, is damaged, or may not be read
            return self.storage.reader(key)

    def path(self, key: str, mode: Mode = "r") -> AbstractContextManager[Path]:
        return self._path(key) if mode == "r" else super().path(key, mode)

    @contextmanager
    def _path(self, key: str) -> Iterator[Path]:
        with ExitStack() as used:
            try:
                path = used.enter_context(self._held(key))
            except OutputNotFound:  # the copy has just been dropped, or is damaged
                path = used.enter_context(self.storage.path(key))
            yield path

    def _held(self, key: str) -> AbstractContextManager[Path]:
        if self.local_path(key) is None:
            return self.storage.path(key)
        return self._copies.linked_path(self._copy_of(key), key.rpartition("/")[2])

    def local_path(self, key: str) -> str | None:
        copy = self._copy_of(key)
        path = self._copies.path_of(copy)
        if os.path.exists(path):
            self._room.used(copy)
            return path
        size = self.storage.size(key)
        if size > self.max_bytes // 2:  # it would make too many others go
            return self.storage.local_path(key)
        try:
            with self.storage.reader(key) as source, self._copies.writer(copy) as target:
                shutil.copyfileobj(source, target, CHUNK_BYTES)
        except StorageError as error:
            if isinstance(error, OutputNotFound):
                raise
            return self.storage.local_path(key)  # no copy can be made; the output itself is there
        self._room.filled(size)
        return path

    def _keep(self, copy: str, data: bytes) -> None:
        if len(data) <= self.max_bytes // 2:
            try:
                self._copies.write(copy, data)
            except StorageError:  # full, or not to be written to: then there is no copy
                return
            self._room.filled(len(data))

    def _published(self, key: str, data: bytes | None, *, first: bool, replace: bool) -> None:
        copy = self._copy_of(key)
        if replace:
            self._copies.remove_many([copy])
        if first and data is not None:
            self._keep(copy, data)

    # -- on the event loop

    async def aread(self, key: str) -> bytes:
        copy = self._copy_of(key)
        try:
            data = await self._copies.aread(copy)
        except OutputNotFound:  # as above
            data = await self.storage.aread(key)
            self._keep(copy, data)
        else:
            self._room.used(copy)
        return data

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        data = staged.data
        first = await self.storage.apublish(staged, replace=replace)
        self._published(staged.key, data, first=first, replace=replace)
        return first

    async def aremove_many(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        await self.storage.aremove_many(keys)
        await self._copies.aremove_many([self._copy_of(key) for key in keys])

    def areader(self, key: str) -> AbstractAsyncContextManager[AsyncReader]:
        return self._areader(key)

    @asynccontextmanager
    async def _areader(self, key: str) -> AsyncIterator[AsyncReader]:
        copied = await in_thread(self.local_path, key)
        where: Storage = self.storage if copied is None else self._copies
        async with where.areader(key if copied is None else self._copy_of(key)) as reader:
            yield reader

    def __reduce__(self) -> tuple[type[CacheStorage], tuple[Storage, str, int]]:
        return type(self), (self.storage, self.directory, self.max_bytes)


class _Room:
    """The room that copies take. Each process counts what it adds, and looks at the directory from time to time."""

    def __init__(self, directory: str, max_bytes: int):
        self._directory = directory
        self._max_bytes = max_bytes
        self._added = 0

    @blocks_briefly("one utime, some µs")
    def used(self, copy: str) -> None:
        """A copy was read: it is to stay longer than others."""
        try:
            os.utime(f"{self._directory}/{copy}")
        except OSError:  # it has gone, or is another user's
            pass

    def filled(self, size: int) -> None:
        """A copy was added."""
        self._added += size
        if self._added > self._max_bytes * LOOK_AFTER:
            self._added = 0
            self._make_room()

    @blocks_briefly("rarely: when the cache is full")
    def _make_room(self) -> None:
        try:
            copies = sorted(self._copies())
        except OSError:  # removed meanwhile, or not readable for this process
            return
        total = sum(size for _, size, _ in copies)
        if total <= self._max_bytes:
            return
        for _, size, path in copies:
            try:
                os.unlink(path)  # readers that have it open go on
            except OSError:  # another process is at the same; or it is another user's, and stays
                pass
            total -= size
            if total <= self._max_bytes * SHARE_LEFT:
                return

    @blocks_briefly("rarely: when the cache is full")
    def _copies(self) -> Iterator[tuple[int, int, str]]:
        """The copies: time of last use, size and path of each."""
        with os.scandir(self._directory) as directories:
            inside = [entry.path for entry in directories if len(entry.name) == 2 and entry.is_dir()]
        for directory in inside:
            with os.scandir(directory) as entries:
                for entry in entries:
                    try:
                        status = entry.stat()
                    except FileNotFoundError:
                        continue
                    yield status.st_mtime_ns, status.st_size, entry.path
