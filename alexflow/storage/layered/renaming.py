"""``RenamingStorage``: a storage that shows another one under different keys."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from alexflow.errors import OutputNotFound
from alexflow.storage.interface import Storage
from alexflow.storage.layered.wrapper import StorageWrapper
from alexflow.storage.staged import Mode, Staged, Staging

if TYPE_CHECKING:
    from alexflow.storage.appended_place import AppendedPlace
    from alexflow.storage.async_streams import AsyncReader
    from alexflow.storage.verification import Examined


class RenamingStorage(StorageWrapper):
    """Another storage, with a mapping between its keys and the keys here."""

    @abstractmethod
    def _inside(self, key: str) -> str:
        """The key in the other storage for a key of this one."""

    @abstractmethod
    def _outside(self, key: str) -> str:
        """The key of this storage for a key of the other."""

    @contextmanager
    def _named(self, key: str) -> Iterator[None]:
        """Report a missing output under its key here, by which a run finds it; the message has the other key."""
        try:
            yield
        except OutputNotFound as error:
            error.key = key
            raise

    # -- blocking

    def exists_many(self, keys: Sequence[str]) -> set[str]:
        return {self._outside(key) for key in self.storage.exists_many([self._inside(key) for key in keys])}

    def read(self, key: str) -> bytes:
        with self._named(key):
            return self.storage.read(self._inside(key))

    def stage(self, key: str, data: bytes) -> Staged:
        return _wrapped(key, self.storage.stage(self._inside(key), data))

    def read_staged(self, staged: Staged) -> bytes:
        return self.storage.read_staged(staged.place)

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        first = self.storage.publish(staged.place, replace=replace)
        staged.record = staged.place.record
        return first

    def discard(self, staged: Staged) -> None:
        self.storage.discard(staged.place)

    def remove_many(self, keys: Iterable[str]) -> None:
        self.storage.remove_many([self._inside(key) for key in keys])

    def size(self, key: str) -> int:
        with self._named(key):
            return self.storage.size(self._inside(key))

    def version(self, key: str) -> Any:
        return self.storage.version(self._inside(key))

    def modified(self, key: str) -> float | None:
        return self.storage.modified(self._inside(key))

    def examine(self, key: str, *, quarantine: bool = True) -> Examined:
        return replace(self.storage.examine(self._inside(key), quarantine=quarantine), key=key)

    def reader(self, key: str) -> BinaryIO:
        with self._named(key):
            return self.storage.reader(self._inside(key))

    def path(self, key: str, mode: Mode = "r") -> AbstractContextManager[Path]:
        if mode == "r" and _name(key) == _name(self._inside(key)):
            return self._path(key)
        return Storage.path(self, key, mode)  # under its name here, by which libraries know a format

    @contextmanager
    def _path(self, key: str) -> Iterator[Path]:
        with ExitStack() as used:
            with self._named(key):
                path = used.enter_context(self.storage.path(self._inside(key)))
            yield path

    def open_staging(self, key: str) -> Staging:
        return _Renamed(self.storage.open_staging(self._inside(key)), key)

    def staged_reader(self, staged: Staged) -> BinaryIO:
        return self.storage.staged_reader(staged.place)

    def appended_place(self, key: str) -> AppendedPlace:
        return self.storage.appended_place(self._inside(key))

    def stage_path(self, key: str, path: Path) -> Staged:
        return _wrapped(key, self.storage.stage_path(self._inside(key), path))

    def local_path(self, key: str) -> str | None:
        with self._named(key):
            return self.storage.local_path(self._inside(key))

    # -- on the event loop

    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        return {self._outside(key) for key in await self.storage.aexists_many([self._inside(key) for key in keys])}

    async def aread(self, key: str) -> bytes:
        with self._named(key):
            return await self.storage.aread(self._inside(key))

    async def astage(self, key: str, data: bytes) -> Staged:
        return _wrapped(key, await self.storage.astage(self._inside(key), data))

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        first = await self.storage.apublish(staged.place, replace=replace)
        staged.record = staged.place.record
        return first

    async def adiscard(self, staged: Staged) -> None:
        await self.storage.adiscard(staged.place)

    async def aremove_many(self, keys: Iterable[str]) -> None:
        await self.storage.aremove_many([self._inside(key) for key in keys])

    async def asize(self, key: str) -> int:
        with self._named(key):
            return await self.storage.asize(self._inside(key))

    async def aversion(self, key: str) -> Any:
        return await self.storage.aversion(self._inside(key))

    async def amodified(self, key: str) -> float | None:
        return await self.storage.amodified(self._inside(key))

    async def aexamine(self, key: str, *, quarantine: bool = True) -> Examined:
        return replace(await self.storage.aexamine(self._inside(key), quarantine=quarantine), key=key)

    @asynccontextmanager
    async def _areader(self, key: str) -> AsyncIterator[AsyncReader]:
        with self._named(key):
            async with self.storage.areader(self._inside(key)) as reader:
                yield reader

    def areader(self, key: str) -> AbstractAsyncContextManager[AsyncReader]:
        return self._areader(key)


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _wrapped(key: str, staged: Staged) -> Staged:
    return Staged(key, staged.size, None, staged)


class _Renamed(Staging):
    """A stream of the other storage, under its key here."""

    def __init__(self, staging: Staging, key: str):
        self._staging = staging
        self._key = key
        self.file = staging.file

    def finish(self) -> Staged:
        return _wrapped(self._key, self._staging.finish())

    def abandon(self) -> None:
        self._staging.abandon()
