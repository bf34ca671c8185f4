"""``OverlayStorage``: a storage that is written to, over one that is only read."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import OutputNotFound, ReadOnlyAccess, UnknownStorage
from alexflow.storage.interface import Storage
from alexflow.storage.layered.wrapper import StorageWrapper
from alexflow.storage.local import LocalStorage
from alexflow.storage.staged import Staged
from alexflow.storage.storage_checks import check_storage

if TYPE_CHECKING:
    from alexflow.storage.async_streams import AsyncReader
    from alexflow.storage.reserved import ReservedSpace, Space
    from alexflow.storage.staged import Mode
    from alexflow.storage.verification import Examined


@dataclass(frozen=True)
class OverlayStorage(StorageWrapper):
    """A storage over another: outputs of ``base`` are visible and never touched; new ones go to ``storage``.

    So results of others, or of production, are the ground for one's own. What is computed again (``force``) covers what
    the base has under that key.

    Attributes:
        base: read only.
        storage: written to, and looked at first.
    """

    base: Storage
    storage: Storage

    def __post_init__(self) -> None:
        check_storage(self.base, "OverlayStorage")
        check_storage(self.storage, "OverlayStorage")

    @property
    def process_local(self) -> bool:  # type: ignore[override]
        return self.storage.process_local or self.base.process_local

    @property
    def answers_at_once(self) -> bool:  # type: ignore[override]
        return self.storage.answers_at_once and self.base.answers_at_once

    @property
    def case_sensitive(self) -> bool:
        return self.storage.case_sensitive and self.base.case_sensitive

    @blocks_briefly("once an engine: the directories are made")
    def prepare(self) -> None:
        if isinstance(self.base, LocalStorage) and not os.path.isdir(self.base.base_path):
            raise UnknownStorage(f"there is no directory {self.base.base_path} to be the base; correct the path")
        self.storage.prepare()

    def reserved_below(self, space: Space) -> Iterator[ReservedSpace]:
        yield from self.storage.reserved_below(space)
        yield from self.base.reserved_below(space)

    # -- blocking

    def exists_many(self, keys: Sequence[str]) -> set[str]:
        found = self.storage.exists_many(keys)
        rest = [key for key in keys if key not in found]
        return found | self.base.exists_many(rest) if rest else found

    def read(self, key: str) -> bytes:
        try:
            return self.storage.read(key)
        except OutputNotFound:
            return self.base.read(key)

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        if not replace and self.base.exists_many([staged.key]):
            self.storage.discard(staged)
            return False
        return self.storage.publish(staged, replace=replace)

    def remove_many(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        self.storage.remove_many(keys)
        left = self.base.exists_many(keys)
        if left:
            raise ReadOnlyAccess(sorted(left), repr(self.base))

    def list(self, prefix: str = "") -> Iterator[str]:
        own = set(self.storage.list(prefix=prefix))
        yield from own
        yield from (key for key in self.base.list(prefix=prefix) if key not in own)

    def size(self, key: str) -> int:
        try:
            return self.storage.size(key)
        except OutputNotFound:
            return self.base.size(key)

    def version(self, key: str) -> Any:
        own = self.storage.version(key)
        return self.base.version(key) if own is None else own

    def modified(self, key: str) -> float | None:
        own = self.storage.modified(key)
        return self.base.modified(key) if own is None else own

    def examine(self, key: str, *, quarantine: bool = True) -> Examined:
        try:
            return self.storage.examine(key, quarantine=quarantine)
        except OutputNotFound:
            return self.base.examine(key, quarantine=False)

    def reader(self, key: str) -> BinaryIO:
        try:
            return self.storage.reader(key)
        except OutputNotFound:
            return self.base.reader(key)

    def path(self, key: str, mode: Mode = "r") -> AbstractContextManager[Path]:
        return self._path(key) if mode == "r" else super().path(key, mode)

    @contextmanager
    def _path(self, key: str) -> Iterator[Path]:
        with ExitStack() as used:
            try:
                path = used.enter_context(self.storage.path(key))
            except OutputNotFound:
                path = used.enter_context(self.base.path(key))
            yield path

    def local_path(self, key: str) -> str | None:
        return (self.storage if self.storage.exists_many([key]) else self.base).local_path(key)

    # -- on the event loop

    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        found = await self.storage.aexists_many(keys)
        rest = [key for key in keys if key not in found]
        return found | await self.base.aexists_many(rest) if rest else found

    async def aread(self, key: str) -> bytes:
        try:
            return await self.storage.aread(key)
        except OutputNotFound:
            return await self.base.aread(key)

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        if not replace and await self.base.aexists_many([staged.key]):
            await self.storage.adiscard(staged)
            return False
        return await self.storage.apublish(staged, replace=replace)

    async def aremove_many(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        await self.storage.aremove_many(keys)
        left = await self.base.aexists_many(keys)
        if left:
            raise ReadOnlyAccess(sorted(left), repr(self.base))

    async def alist(self, prefix: str = "") -> AsyncIterator[str]:
        own = {key async for key in self.storage.alist(prefix)}
        for key in own:
            yield key
        async for key in self.base.alist(prefix):
            if key not in own:
                yield key

    async def asize(self, key: str) -> int:
        try:
            return await self.storage.asize(key)
        except OutputNotFound:
            return await self.base.asize(key)

    async def aversion(self, key: str) -> Any:
        own = await self.storage.aversion(key)
        return await self.base.aversion(key) if own is None else own

    async def amodified(self, key: str) -> float | None:
        own = await self.storage.amodified(key)
        return await self.base.amodified(key) if own is None else own

    async def aexamine(self, key: str, *, quarantine: bool = True) -> Examined:
        try:
            return await self.storage.aexamine(key, quarantine=quarantine)
        except OutputNotFound:
            return await self.base.aexamine(key, quarantine=False)

    def areader(self, key: str) -> AbstractAsyncContextManager[AsyncReader]:
        return self._areader(key)

    @asynccontextmanager
    async def _areader(self, key: str) -> AsyncIterator[AsyncReader]:
        there = await self.storage.aexists_many([key])
        async with (self.storage if there else self.base).areader(key) as reader:
            yield reader
