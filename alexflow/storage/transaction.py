"""``Transaction``: what a task's outputs are bound to while ``run`` is going on.

What is written is staged, and read back from there by the task itself; nobody else sees it. ``publish_all`` comes after
``run`` has returned, for all outputs together; a task that raised is discarded and has published nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from alexflow.errors import TaskStopped
from alexflow.storage.interface import Staged, Storage

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from pathlib import Path

    from alexflow.storage.asyncstreams import AsyncReader
    from alexflow.storage.streams import Staging


class Transaction(Storage):
    """A storage seen through one attempt at one task.

    Args:
        storage: where it goes in the end.
        replace: whether an output that exists is replaced (a forced task) instead of kept.
    """

    process_local: ClassVar[bool] = True

    __slots__ = ("_is_discarded", "_is_ending", "_is_revoked", "_replace", "_staged", "storage")

    def __init__(self, storage: Storage, *, replace: bool = False):
        self.storage = storage
        self._replace = replace
        self._staged: dict[str, Staged] = {}
        self._is_revoked = False
        self._is_ending = False
        self._is_discarded = False

    def __repr__(self) -> str:
        return f"Transaction({self.storage!r})"

    @property
    def case_sensitive(self) -> bool:
        return self.storage.case_sensitive

    @property
    def staged(self) -> Mapping[str, Staged]:
        """What this attempt has stored, by key."""
        return self._staged

    def revoke(self) -> bool:
        """The attempt is given up: from now on it cannot begin to publish. May be called from any thread.

        Returns:
            Whether that comes in time; False if it is publishing, or over.
        """
        self._is_revoked = True  # before looking at the other; the attempt does it the other way round
        return not self._is_ending

    def _begin_to_publish(self) -> None:
        self._is_ending = True
        if self._is_revoked:
            raise TaskStopped("this attempt has been given up; it cannot publish any more")

    # -- blocking

    def write(self, key: str, data: bytes, *, replace: bool = False) -> bool:
        self._keep(self.storage.stage(key, data))
        return True

    def publish_all(self) -> None:
        """Make everything that was stored visible.

        Raises:
            TaskStopped: the attempt has been given up.
        """
        self._begin_to_publish()
        while self._staged:
            _, staged = self._staged.popitem()
            self.storage.publish(staged, replace=self._replace)

    def discard_all(self) -> None:
        """Forget everything that was stored, and what is still to come."""
        self._is_discarded = True
        self._is_ending = True
        while self._staged:
            _, staged = self._staged.popitem()
            self.storage.discard(staged)

    def exists_many(self, keys: Sequence[str]) -> set[str]:
        own = self._staged.keys() & set(keys)
        return own | self.storage.exists_many([key for key in keys if key not in own])

    def read(self, key: str) -> bytes:
        staged = self._staged.get(key)
        return self.storage.read(key) if staged is None else self.storage.read_staged(staged)

    def stage(self, key: str, data: bytes) -> Staged:
        return self.storage.stage(key, data)

    def read_staged(self, staged: Staged) -> bytes:
        return self.storage.read_staged(staged)

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        self._keep(staged)
        return True

    def discard(self, staged: Staged) -> None:
        self.storage.discard(staged)

    def remove_many(self, keys: Iterable[str]) -> None:
        keys = tuple(keys)
        for key in keys:
            if key in self._staged:
                self.storage.discard(self._staged.pop(key))
        self.storage.remove_many(keys)

    def list(self, prefix: str = "") -> Iterator[str]:
        yield from {key for key in self._staged if key.startswith(prefix)}.union(self.storage.list(prefix))

    def size(self, key: str) -> int:
        staged = self._staged.get(key)
        return self.storage.size(key) if staged is None else staged.size

    def _keep(self, staged: Staged) -> None:
        earlier = self._staged.pop(staged.key, None)
        if earlier is not None:
            self.storage.discard(earlier)
        self._staged[staged.key] = staged
        if self._is_discarded:  # a thread that was at work on it outlived its task
            self.discard_all()

    # -- streams: writer and path end in publish, which keeps what was staged

    def reader(self, key: str) -> BinaryIO:
        staged = self._staged.get(key)
        return self.storage.reader(key) if staged is None else self.storage.staged_reader(staged)

    def open_staging(self, key: str) -> Staging:
        return self.storage.open_staging(key)

    def staged_reader(self, staged: Staged) -> BinaryIO:
        return self.storage.staged_reader(staged)

    def stage_path(self, key: str, path: Path) -> Staged:
        return self.storage.stage_path(key, path)

    def scratch(self) -> AbstractContextManager[Path]:
        return self.storage.scratch()

    def local_path(self, key: str) -> str | None:
        return None if key in self._staged else self.storage.local_path(key)

    def areader(self, key: str) -> AbstractAsyncContextManager[AsyncReader]:
        staged = self._staged.get(key)
        if staged is None:
            return self.storage.areader(key)
        from alexflow.storage.asyncstreams import opened_in_threads  # deferred: few tasks need it

        return opened_in_threads(lambda: self.storage.staged_reader(staged))

    # -- on the event loop

    async def awrite(self, key: str, data: bytes, *, replace: bool = False) -> bool:
        self._keep(await self.storage.astage(key, data))
        return True

    async def apublish_all(self) -> None:
        """:meth:`publish_all`, for the event loop."""
        self._begin_to_publish()
        while self._staged:
            _, staged = self._staged.popitem()
            await self.storage.apublish(staged, replace=self._replace)

    async def adiscard_all(self) -> None:
        """:meth:`discard_all`, for the event loop."""
        self._is_ending = True
        self._is_discarded = True
        while self._staged:
            _, staged = self._staged.popitem()
            await self.storage.adiscard(staged)

    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        own = self._staged.keys() & set(keys)
        return own | await self.storage.aexists_many([key for key in keys if key not in own])

    async def aread(self, key: str) -> bytes:
        staged = self._staged.get(key)
        return await self.storage.aread(key) if staged is None else self.storage.read_staged(staged)

    async def astage(self, key: str, data: bytes) -> Staged:
        return await self.storage.astage(key, data)

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        self._keep(staged)
        return True

    async def adiscard(self, staged: Staged) -> None:
        await self.storage.adiscard(staged)

    async def aremove_many(self, keys: Iterable[str]) -> None:
        keys = tuple(keys)
        for key in keys:
            if key in self._staged:
                await self.storage.adiscard(self._staged.pop(key))
        await self.storage.aremove_many(keys)

    async def alist(self, prefix: str = "") -> AsyncIterator[str]:
        own = {key for key in self._staged if key.startswith(prefix)}
        for key in own:
            yield key
        async for key in self.storage.alist(prefix):
            if key not in own:
                yield key

    async def asize(self, key: str) -> int:
        staged = self._staged.get(key)
        return await self.storage.asize(key) if staged is None else staged.size
