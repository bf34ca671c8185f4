"""``Transaction``: the storage that a task's outputs are bound to during ``run``.

Writes are staged; the task itself reads them back, and no other task sees them. ``publish_all`` comes after
``run`` has returned, for all outputs together; a task that raised is discarded and has published nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from alexflow.errors import TaskStopped
from alexflow.storage.digest import digest_in
from alexflow.storage.interface import Storage

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from pathlib import Path

    from alexflow.storage.appended_place import AppendedPlace
    from alexflow.storage.async_streams import AsyncReader
    from alexflow.storage.local.appended_file import AppendedFile
    from alexflow.storage.part_codec import PartCodec
    from alexflow.storage.staged import Mode, Staged, Staging

_ANY: Any = object()


class Transaction(Storage, checks_keys=False):  # its storage checks them, once for each task instead of twice
    """A storage seen through one attempt at one task.

    Args:
        storage: where it goes in the end.
        replace: whether an output that exists is replaced (a forced task) instead of kept; outputs that others
            publish after :meth:`remember` are kept.
    """

    process_local: ClassVar[bool] = True

    __slots__ = (
        "_appended",
        "_is_discarded",
        "_is_ending",
        "_is_revoked",
        "_staged",
        "_versions",
        "overtaken",
        "replaces",
        "storage",
        "stored",
    )

    def __init__(self, storage: Storage, *, replace: bool = False):
        self.storage = storage
        #: Whether an output that exists is replaced.
        self.replaces = replace
        self._staged: dict[str, Staged] = {}
        self._appended: dict[str, AppendedFile] = {}
        self._is_revoked = False
        self._is_ending = False
        self._is_discarded = False
        self._versions: dict[str, Any] = {}
        #: Keys for which another publisher was first; what was stored for these is dropped.
        self.overtaken: tuple[str, ...] = ()
        #: The size of each object that was published, and the digest of its bytes if it is known, by key.
        self.stored: dict[str, tuple[int, bytes]] = {}

    def __repr__(self) -> str:
        return f"Transaction({self.storage!r})"

    @property
    def case_sensitive(self) -> bool:
        return self.storage.case_sensitive

    @property
    def staged(self) -> Mapping[str, Staged]:
        """The staged objects of this attempt, by key."""
        return self._staged

    @property
    def has_appended(self) -> bool:
        """Whether parts have been appended that are not staged yet."""
        return bool(self._appended)

    def appended(self, key: str, make_codec: Callable[[], PartCodec]) -> AppendedFile:
        """The file to which parts of an output are appended.

        Raises:
            TaskStopped: the attempt has been given up.
        """
        from alexflow.storage.local.appended_file import AppendedFile, making  # deferred: few tasks append

        with making:  # threads may begin at the same time
            if self._is_discarded:  # by a thread that has outlived its task
                raise TaskStopped("this attempt has been given up; it cannot append any more")
            file = self._appended.get(key)
            if file is None:
                file = self._appended[key] = AppendedFile(self.storage.appended_place(key), make_codec())
        return file

    def appended_place(self, key: str) -> AppendedPlace:
        return self.storage.appended_place(key)

    def stage_appended(self) -> None:
        """Stage what was appended."""
        while self._appended:
            key, file = self._appended.popitem()
            path = file.complete()
            try:
                self._keep(self.storage.stage_path(key, path))
            finally:
                path.unlink(missing_ok=True)  # what is large has been moved

    def unstaged(self, keys: Sequence[str]) -> list[str]:
        """The keys under which this attempt has stored nothing."""
        staged = self._staged
        if all(map(staged.__contains__, keys)):  # as mostly
            return []
        return [key for key in keys if key not in staged]

    def hold(self, held: Mapping[str, str]) -> None:
        """Store the outputs of some keys under other keys, where they are not visible.

        Args:
            held: the keys, each with that under which it is kept.
        """
        if held:
            from alexflow.storage.layered.held import HeldStorage  # deferred: few tasks store for another

            self.storage = HeldStorage(self.storage, held)

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

    def remember(self, keys: Sequence[str]) -> None:
        """Remember the versions that exist now: only these are replaced later."""
        self._versions = {key: self.storage.version(key) for key in keys}

    def publish_all(self) -> None:
        """Publish everything that was staged.

        Raises:
            TaskStopped: the attempt has been given up.
        """
        self._begin_to_publish()
        while self._staged:
            key, staged = self._staged.popitem()
            size = staged.size
            if self._publish_over(staged) if self.replaces else self.storage.publish(staged):
                self.stored[key] = size, digest_in(staged.record)
            else:
                self.overtaken += (key,)

    def _publish_over(self, staged: Staged) -> bool:
        version = self._versions.get(staged.key, _ANY)
        if version is None or version is _ANY or self.storage.version(staged.key) == version:
            return self.storage.publish(staged, replace=version is not None)
        self.storage.discard(staged)
        return False

    def discard_all(self) -> None:
        """Discard everything that was staged, and whatever is staged later."""
        self._is_discarded = True
        self._is_ending = True
        self._discard_appended()
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
        yield from {key for key in self._staged if key.startswith(prefix)}.union(self.storage.list(prefix=prefix))

    def size(self, key: str) -> int:
        staged = self._staged.get(key)
        return self.storage.size(key) if staged is None else staged.size

    def version(self, key: str) -> Any:
        return self.storage.version(key)

    def modified(self, key: str) -> float | None:
        return self.storage.modified(key)

    def _discard_appended(self) -> None:
        while self._appended:
            self._appended.popitem()[1].discard()

    def _keep(self, staged: Staged) -> None:
        if self._appended and staged.key in self._appended:
            self._appended.pop(staged.key).discard()
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

    def path(self, key: str, mode: Mode = "r") -> AbstractContextManager[Path]:
        if mode == "r" and key not in self._staged:
            return self.storage.path(key)
        return super().path(key, mode)

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
        from alexflow.storage.async_streams import opened_in_threads  # deferred: few tasks need it

        return opened_in_threads(lambda: self.storage.staged_reader(staged))

    # -- on the event loop

    async def awrite(self, key: str, data: bytes, *, replace: bool = False) -> bool:
        staged = await self.storage.astage(key, data)
        if key in self._staged:
            return await self.apublish(staged)
        self._keep(staged)
        return True

    async def aremember(self, keys: Sequence[str]) -> None:
        """:meth:`remember`, for the event loop."""
        self._versions = {key: await self.storage.aversion(key) for key in keys}

    async def apublish_all(self) -> None:
        """:meth:`publish_all`, for the event loop."""
        self._begin_to_publish()
        while self._staged:
            key, staged = self._staged.popitem()
            size = staged.size
            if await (self._apublish_over(staged) if self.replaces else self.storage.apublish(staged)):
                self.stored[key] = size, digest_in(staged.record)
            else:
                self.overtaken += (key,)

    async def _apublish_over(self, staged: Staged) -> bool:
        version = self._versions.get(staged.key, _ANY)
        if version is None or version is _ANY or await self.storage.aversion(staged.key) == version:
            return await self.storage.apublish(staged, replace=version is not None)
        await self.storage.adiscard(staged)
        return False

    async def adiscard_all(self) -> None:
        """:meth:`discard_all`, for the event loop."""
        self._is_ending = True
        self._is_discarded = True
        self._discard_appended()
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
        earlier = self._staged.pop(staged.key, None)
        self._keep(staged)
        if earlier is not None:  # last, and waited for: the blocking form only begins it on the event loop
            await self.storage.adiscard(earlier)
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

    async def aversion(self, key: str) -> Any:
        return await self.storage.aversion(key)

    async def amodified(self, key: str) -> float | None:
        return await self.storage.amodified(key)
