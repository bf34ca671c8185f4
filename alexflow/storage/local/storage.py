"""``LocalStorage``: a directory, one file per key.

Publishing is one atomic ``link`` of a complete file to its final name: it fails with EEXIST if another publisher was
first, works on every file system with hard links, and cannot be seen half done. The file that is linked has no name of
its own (``O_TMPFILE``), so that a crash at any instant leaves no stale file. Where the file system has no unnamed
files, and where one output replaces another, it has a name in ``.alexflow/staging``, where stale files are soon found.

A digest of the bytes is recorded before the file gets its name (:mod:`alexflow.storage.local.digest_store`). With
``fsync`` the file is on the disk before it gets its name, and the name before ``publish`` returns.
The ways that were rejected are in docs/design/storage.md.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import field
from functools import cached_property, partial
from typing import TYPE_CHECKING, BinaryIO, ClassVar, cast

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import UnknownStorage
from alexflow.frozen import ComparedByFields, FrozenFields, allow_frozen_subclasses, frozen_dataclass, set_field
from alexflow.storage.digest import record_of_output, record_of_parts
from alexflow.storage.files import read_all, read_parts, storage_error
from alexflow.storage.interface import Check, check_check
from alexflow.storage.key_checks import checks_its_keys
from alexflow.storage.keys import ACCEPTED, QUARANTINE, accept_key, check_key, check_keys, in_batches, only_keys
from alexflow.storage.local import staging_area
from alexflow.storage.local.listing import MAX_INLINE_KEYS, all_keys, existing, one_by_one
from alexflow.storage.local.new_file import open_new
from alexflow.storage.local.publish import SyncedNames, new_file, publish_file, publish_small, remove_files, write_small
from alexflow.storage.local.read import (
    MAX_INLINE_BYTES,
    as_published,
    check_published,
    open_file,
    read_if_small,
    read_opened,
)
from alexflow.storage.local.read_cache import ReadCache
from alexflow.storage.local.staging_area import is_case_sensitive
from alexflow.storage.local.status import LocalStatus
from alexflow.storage.staged import Staged

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from pathlib import Path

    from alexflow.storage.appended_place import AppendedPlace
    from alexflow.storage.async_streams import AsyncReader
    from alexflow.storage.leases import Leases
    from alexflow.storage.reserved import ReservedSpace, Space
    from alexflow.storage.staged import Mode, Staging
    from alexflow.storage.verification import Examined

#: The buffer of streams, which gathers smaller reads.
BUFFER = 128 * 1024  # bytes

#: The usual types of ``keys``.
_SEQUENCES = frozenset({list, tuple})


@frozen_dataclass
class LocalStorage(LocalStatus, FrozenFields, ComparedByFields):
    """A directory on a local disk.

    It is made at first use if its parent exists; a longer missing path is taken for a typing error.

    Attributes:
        base_path: the directory; relative to the working directory at the time of construction.
        fsync: whether an output, and its name, is on the disk before it counts as published. Without it an output
            survives whatever happens to processes, but the last seconds' may be gone, or damaged, after a loss of
            power.
        check: whether whatever is read is held against the digest that was recorded when it was published. What is
            damaged is moved out of the way (:class:`~alexflow.errors.OutputDamaged`), and a run computes it again. With
            ``"strict"`` so is what has no digest, or a record without its key.
    """

    answers_at_once: ClassVar[bool] = True

    _read_cache: ClassVar[ReadCache | None] = None  # in the instance's own __dict__ where it remembers

    base_path: str
    fsync: bool = field(default=False, compare=False)
    check: Check = field(default=False, compare=False)

    def __init__(self, base_path: str | os.PathLike[str], *, fsync: bool = False, check: Check = False) -> None:
        if type(base_path) is not str:
            from alexflow.storage.storage_checks import check_path  # deferred: most are texts

            check_path("LocalStorage.base_path", base_path)
        check_check(check)
        try:
            set_field(self, "base_path", os.path.abspath(os.fspath(base_path)))
        except FileNotFoundError:
            text = f"the working directory has been removed, so {base_path!r} leads nowhere; give an absolute path"
            raise UnknownStorage(text) from None
        set_field(self, "fsync", fsync)
        set_field(self, "check", check)

    @blocks_briefly("once an engine")
    def prepare(self) -> None:
        staging_area.make_directory(self.base_path)
        with suppress(OSError):  # whether it may be written to is asked when something has to run
            staging_area.sweep(self.base_path, at_most=staging_area.SWEEP_BATCH)

    @blocks_briefly("once an engine")
    def check_writable(self) -> None:
        try:
            open_new(self.base_path, self.base_path).close()  # os.access says yes to root, and nothing of room
        except OSError as error:
            raise storage_error("write in", self.base_path, error) from error

    def checking(self) -> LocalStorage:
        return self._changed(check=self.check or True)

    def with_read_cache(self) -> LocalStorage:
        if self.check:  # checked reads come from the disk each time
            return self
        return self._changed(_read_cache=ReadCache())

    def _changed(self, **attributes: object) -> LocalStorage:
        other = object.__new__(type(self))  # not by its initializer: making a path absolute would ask the disk
        vars(other).update(vars(self), **attributes)
        return other

    def invalidate(self) -> None:
        if self._read_cache is not None:
            self._read_cache.clear()

    @property
    def case_sensitive(self) -> bool:
        return self._is_case_sensitive

    @cached_property
    def _is_case_sensitive(self) -> bool:
        return is_case_sensitive(self.base_path)

    def leases(self, ttl: float) -> Leases | None:
        from alexflow.storage.local.leases import leases_on  # deferred: a worker process has no use for leases

        return leases_on(self.base_path, ttl)

    def reserved(self, space: Space) -> ReservedSpace:
        from alexflow.storage.local.spaces import LocalSpace  # deferred: a worker process has no use for it

        return LocalSpace(self.base_path, space)

    def path_of(self, key: str) -> str:
        """The file of a key."""
        return f"{self.base_path}/{key}"

    @cached_property
    def _names(self) -> SyncedNames | None:
        return SyncedNames(self.base_path) if self.fsync else None

    # -- blocking

    @checks_its_keys
    def exists_many(self, keys: Sequence[str]) -> set[str]:
        if type(keys) in _SEQUENCES and len(keys) == 1:  # as most are
            return one_by_one(self.base_path, (check_key(keys[0]),))
        return existing(self.base_path, check_keys(keys))

    @checks_its_keys
    def read(self, key: str) -> bytes:
        if key not in ACCEPTED:
            accept_key(key)
        cache = self._read_cache
        if cache is None:
            return self._read(key)
        data = cache.get(key, f"{self.base_path}/{key}")
        if data is None:
            data = self._read(key)
            cache.put(key, data)
        return data

    def _read(self, key: str) -> bytes:
        base = self.base_path
        if not self.check:
            return read_opened(base, key, read_all)
        strictly = self.check == "strict"
        return read_opened(
            base, key, lambda fd, at_first: as_published(base, key, fd, read_all(fd, at_first), strictly=strictly)
        )

    def examine(self, key: str, *, quarantine: bool = True) -> Examined:
        from alexflow.storage.local.examination import examine_file  # deferred: few programs verify

        base = self.base_path
        return read_opened(base, key, lambda fd, _: examine_file(fd, base, key, quarantine=quarantine))

    def quarantined(self) -> Iterator[str]:
        return (name.partition("/")[2] for name in all_keys(f"{self.base_path}/{QUARANTINE}", ""))

    @checks_its_keys
    def stage(self, key: str, data: bytes) -> Staged:
        if key not in ACCEPTED:
            accept_key(key)
        if len(data) <= MAX_INLINE_BYTES:
            return Staged(key, len(data), data)
        return Staged(key, len(data), None, new_file(self.base_path, key, data, self._names))

    def read_staged(self, staged: Staged) -> bytes:
        if staged.data is not None:
            return staged.data
        return read_all(staged.place.fd, staged.size, at=0)

    @checks_its_keys
    @blocks_briefly("a small file: it costs less than a thread would")
    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        if staged.key not in ACCEPTED:
            accept_key(staged.key)
        data, cache = staged.data, self._read_cache
        published = self._publish(staged, replace=replace)
        if cache is not None and published:
            if data is None:
                cache.drop(staged.key)
            else:
                cache.put(staged.key, data)
        return published

    def _publish(self, staged: Staged, *, replace: bool) -> bool:
        base, key, names = self.base_path, staged.key, self._names
        path = f"{base}/{key}"
        try:
            data = staged.data
            if data is not None and not replace and "/" not in key:
                fd = write_small(base, path, data)
                if fd is not None:
                    staged.record = record_of_output(data, key)
                    return publish_small(fd, path, base, key, staged.record, names)
            file = new_file(base, key, data or b"", names) if staged.place is None else staged.place
            staged.place, staged.record = None, file.record
            return publish_file(file, base, key, names, replace=replace)
        except OSError as error:
            raise storage_error("publish", path, error) from error

    @blocks_briefly("a small file: it costs less than a thread would")
    def discard(self, staged: Staged) -> None:
        if staged.place is not None:
            staged.place.close()
        staged.place = staged.data = None

    @blocks_briefly("a small file: it costs less than a thread would")
    def remove_many(self, keys: Iterable[str]) -> None:
        keys = tuple(keys)
        try:
            remove_files(self.base_path, keys)
        finally:
            if self._read_cache is not None:
                for key in keys:
                    self._read_cache.drop(key)

    def list(self, prefix: str = "") -> Iterator[str]:
        return only_keys(all_keys(self.base_path, prefix))

    def sweep(self, older_than: float = staging_area.STALE_AFTER) -> int:
        try:
            return staging_area.sweep(self.base_path, older_than)
        except OSError as error:
            raise storage_error("sweep", f"{self.base_path}/{staging_area.STAGING}", error) from error

    # -- streams and paths

    def reader(self, key: str) -> BinaryIO:
        fd = open_file(self.base_path, key)
        try:
            if self.check:
                self._check_published(key, fd)
            return open(fd, "rb", BUFFER)
        except BaseException as error:
            os.close(fd)
            if isinstance(error, OSError):
                raise storage_error("read", f"{self.base_path}/{key}", error) from error
            raise

    def local_path(self, key: str) -> str:
        fd = open_file(self.base_path, key)
        try:
            if self.check:
                self._check_published(key, fd)
        finally:
            os.close(fd)
        return f"{self.base_path}/{key}"

    def path(self, key: str, mode: Mode = "r") -> AbstractContextManager[Path]:
        return self.linked_path(key, key.rpartition("/")[2]) if mode == "r" else super().path(key, mode)

    def linked_path(self, key: str, name: str) -> AbstractContextManager[Path]:
        """:meth:`path` for reading, under another name."""
        from alexflow.storage.local.streams import linked  # deferred: here and below, few tasks need it

        return linked(self.base_path, key, name, partial(self._check_published, key) if self.check else None)

    def _check_published(self, key: str, fd: int) -> None:
        """Check that an open file is what was published under a key.

        Raises:
            OutputDamaged: it is not.
        """
        actual = record_of_parts(read_parts(fd))
        check_published(self.base_path, key, fd, actual, strictly=self.check == "strict")
        os.lseek(fd, 0, os.SEEK_SET)

    def open_staging(self, key: str) -> Staging:
        from alexflow.storage.local.streams import LocalStaging  # deferred, as above

        file = new_file(self.base_path, key, b"", self._names)
        return LocalStaging(key, file, f"{self.base_path}/{key}", small=MAX_INLINE_BYTES, buffer=BUFFER)

    def staged_reader(self, staged: Staged) -> BinaryIO:
        if staged.place is None:
            return super().staged_reader(staged)
        from alexflow.storage.local.streams import open_staged

        return open_staged(staged.place)

    def stage_path(self, key: str, path: Path) -> Staged:
        from alexflow.storage.local.streams import taken

        try:
            size = os.path.getsize(path)
            if size <= MAX_INLINE_BYTES:
                return super().stage_path(key, path)
            os.makedirs(os.path.dirname(f"{self.base_path}/{key}"), exist_ok=True)
            return Staged(key, size, None, taken(self.base_path, path))
        except OSError as error:
            raise storage_error("write", f"{self.base_path}/{key}", error) from error

    def appended_place(self, key: str) -> AppendedPlace:
        from alexflow.storage.appended_place import place_in

        return place_in(self.base_path, key)

    def scratch(self) -> AbstractContextManager[Path]:
        from alexflow.storage.local.streams import scratch

        return scratch(self.base_path)

    # -- on the event loop

    @checks_its_keys
    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        if type(keys) not in _SEQUENCES:
            keys = check_keys(keys)
        if len(keys) <= MAX_INLINE_KEYS:
            return self.exists_many(keys)
        from alexflow.storage.background import in_thread  # deferred: it brings asyncio, of no use to a worker process

        return await in_thread(self.exists_many, keys)

    @checks_its_keys
    async def aread(self, key: str) -> bytes:
        if key not in ACCEPTED:
            accept_key(key)
        cache = self._read_cache
        data = None if cache is None else cache.get(key, f"{self.base_path}/{key}")
        if data is None:
            data = read_opened(self.base_path, key, partial(self._read_checked, key) if self.check else read_if_small)
            if data is None:
                from alexflow.storage.background import in_thread  # deferred, as above

                data = await in_thread(self._read, key)
            if cache is not None:
                cache.put(key, data)
        return data

    @checks_its_keys
    @blocks_briefly("makes the file that a thread then fills")
    async def astage(self, key: str, data: bytes) -> Staged:
        if key not in ACCEPTED:
            accept_key(key)
        if len(data) <= MAX_INLINE_BYTES:
            return Staged(key, len(data), data)
        from alexflow.storage.local.streams import filled_file  # deferred, as above

        file = await filled_file(self.base_path, key, data, self._names)
        return Staged(key, len(data), None, file)

    @checks_its_keys  # publish does
    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        if not self.fsync:
            return self.publish(staged, replace=replace)
        from alexflow.storage.background import in_thread  # deferred, as above

        return await in_thread(partial(self.publish, staged, replace=replace))

    async def adiscard(self, staged: Staged) -> None:
        self.discard(staged)

    async def aremove_many(self, keys: Iterable[str]) -> None:
        keys = tuple(keys)
        if len(keys) <= MAX_INLINE_KEYS:
            self.remove_many(keys)
            return
        from alexflow.storage.background import in_thread  # deferred, as above

        await in_thread(self.remove_many, keys)

    async def alist(self, prefix: str = "") -> AsyncIterator[str]:
        from alexflow.storage.background import in_thread  # deferred, as above

        batches = in_batches(self.list(prefix), 1024)
        while batch := cast("Sequence[str]", await in_thread(next, batches, ())):
            for key in batch:
                yield key

    async def aexamine(self, key: str, *, quarantine: bool = True) -> Examined:
        from alexflow.storage.background import in_thread  # deferred, as above

        return await in_thread(partial(self.examine, key, quarantine=quarantine))

    async def asweep(self, older_than: float = staging_area.STALE_AFTER) -> int:
        from alexflow.storage.background import in_thread  # deferred, as above

        return await in_thread(self.sweep, older_than)

    def _read_checked(self, key: str, fd: int, at_first: int) -> bytes | None:
        data = read_if_small(fd, at_first)
        if data is None:
            return None
        return as_published(self.base_path, key, fd, data, strictly=self.check == "strict")

    def areader(self, key: str) -> AbstractAsyncContextManager[AsyncReader]:
        from alexflow.storage.async_streams import opened_in_threads

        return opened_in_threads(partial(self.reader, key))


allow_frozen_subclasses(LocalStorage)
