"""``StorageWrapper``: hands each operation on to another storage, with the same keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from alexflow.storage.interface import Storage
from alexflow.storage.staged import Staged

if TYPE_CHECKING:
    from alexflow.storage.appended_place import AppendedPlace
    from alexflow.storage.async_streams import AsyncReader
    from alexflow.storage.leases import Leases
    from alexflow.storage.reserved import ReservedSpace, Space
    from alexflow.storage.staged import Mode, Staging
    from alexflow.storage.verification import Examined


class StorageWrapper(Storage):
    """Another storage. A subclass overrides the operations that differ, in both forms."""

    #: The other one.
    storage: Storage

    @property
    def process_local(self) -> bool:  # type: ignore[override]  # elsewhere it follows from the class
        return self.storage.process_local

    @property
    def answers_at_once(self) -> bool:  # type: ignore[override]  # as above
        return self.storage.answers_at_once

    @property
    def case_sensitive(self) -> bool:
        return self.storage.case_sensitive

    def prepare(self) -> None:
        self.storage.prepare()

    def check_writable(self) -> None:
        self.storage.check_writable()

    def leases(self, ttl: float) -> Leases | None:
        return self.storage.leases(ttl)

    def quarantined(self) -> Iterator[str]:
        return self.storage.quarantined()

    def reserved(self, space: Space) -> ReservedSpace | None:
        return self.storage.reserved(space)

    def reserved_below(self, space: Space) -> Iterator[ReservedSpace]:
        return self.storage.reserved_below(space)

    # -- blocking

    def exists_many(self, keys: Sequence[str]) -> set[str]:
        return self.storage.exists_many(keys)

    def read(self, key: str) -> bytes:
        return self.storage.read(key)

    def stage(self, key: str, data: bytes) -> Staged:
        return self.storage.stage(key, data)

    def read_staged(self, staged: Staged) -> bytes:
        return self.storage.read_staged(staged)

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        return self.storage.publish(staged, replace=replace)

    def discard(self, staged: Staged) -> None:
        self.storage.discard(staged)

    def remove_many(self, keys: Iterable[str]) -> None:
        self.storage.remove_many(keys)

    def list(self, prefix: str = "") -> Iterator[str]:
        return self.storage.list(prefix=prefix)

    def size(self, key: str) -> int:
        return self.storage.size(key)

    def version(self, key: str) -> Any:
        return self.storage.version(key)

    def modified(self, key: str) -> float | None:
        return self.storage.modified(key)

    def examine(self, key: str, *, quarantine: bool = True) -> Examined:
        return self.storage.examine(key, quarantine=quarantine)

    def sweep(self, older_than: float = 3600.0) -> int:
        return self.storage.sweep(older_than)

    def reader(self, key: str) -> BinaryIO:
        return self.storage.reader(key)

    def path(self, key: str, mode: Mode = "r") -> AbstractContextManager[Path]:
        return self.storage.path(key) if mode == "r" else super().path(key, mode)

    def open_staging(self, key: str) -> Staging:
        return self.storage.open_staging(key)

    def staged_reader(self, staged: Staged) -> BinaryIO:
        return self.storage.staged_reader(staged)

    def stage_path(self, key: str, path: Path) -> Staged:
        return self.storage.stage_path(key, path)

    def appended_place(self, key: str) -> AppendedPlace:
        return self.storage.appended_place(key)

    def scratch(self) -> AbstractContextManager[Path]:
        return self.storage.scratch()

    def local_path(self, key: str) -> str | None:
        return self.storage.local_path(key)

    # -- on the event loop

    async def acheck_writable(self) -> None:
        await self.storage.acheck_writable()

    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        return await self.storage.aexists_many(keys)

    async def aread(self, key: str) -> bytes:
        return await self.storage.aread(key)

    async def astage(self, key: str, data: bytes) -> Staged:
        return await self.storage.astage(key, data)

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        return await self.storage.apublish(staged, replace=replace)

    async def adiscard(self, staged: Staged) -> None:
        await self.storage.adiscard(staged)

    async def aremove_many(self, keys: Iterable[str]) -> None:
        await self.storage.aremove_many(keys)

    def alist(self, prefix: str = "") -> AsyncIterator[str]:
        return self.storage.alist(prefix)

    async def asize(self, key: str) -> int:
        return await self.storage.asize(key)

    async def aversion(self, key: str) -> Any:
        return await self.storage.aversion(key)

    async def amodified(self, key: str) -> float | None:
        return await self.storage.amodified(key)

    async def aexamine(self, key: str, *, quarantine: bool = True) -> Examined:
        return await self.storage.aexamine(key, quarantine=quarantine)

    async def asweep(self, older_than: float = 3600.0) -> int:
        return await self.storage.asweep(older_than)

    def areader(self, key: str) -> AbstractAsyncContextManager[AsyncReader]:
        return self.storage.areader(key)
