"""``LocalStorage``: a directory, one file per key.

Publishing is one atomic ``link`` of a complete file to its final name: it fails with EEXIST if somebody was first,
works on every file system with hard links, and cannot be seen half done. The file that is linked has no name of its
own (``O_TMPFILE``), so that a crash at any instant leaves no litter. Where the file system has no unnamed files, and
where one output replaces another, a name in ``.alexflow/staging`` takes their place, where litter is soon found.

A digest of the bytes is recorded before the file gets its name (:mod:`alexflow.storage.notes`). With ``fsync`` the file
is on the disk before it gets its name, and the name before anybody is told.

Rejected: ``rename`` (the last publisher would win), ``renameat2(RENAME_NOREPLACE)`` (not on NFS, not in Python), the
system's temporary directory (not atomic across file systems), temporary names beside the outputs (what a crash leaves
there is found only by looking at all outputs), a thread for each call on small files (on one machine a
tiny file costs 20 µs, a thread hop as much again and several threads contend for the directory's lock).
"""

from __future__ import annotations

import itertools
import os
import stat
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, ClassVar, TypeVar

from alexflow.errors import OutputDamaged, OutputNotFound, UnknownStorage
from alexflow.storage import litter, notes
from alexflow.storage.digest import record_of
from alexflow.storage.interface import Staged, Storage
from alexflow.storage.keys import RESERVED, check_key
from alexflow.storage.newfile import (
    NewFile,
    link,
    link_unnamed,
    open_new,
    read_all,
    sync_directory,
    write_all,
    write_unnamed,
)
from alexflow.storage.oserror import failed
from alexflow.storage.reserved import tells_case_apart

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from pathlib import Path

    from alexflow.storage.asyncstreams import AsyncReader
    from alexflow.storage.leases.interface import Leases
    from alexflow.storage.streams import Staging
    from alexflow.storage.verification import Examined

T = TypeVar("T")

#: Up to here bytes wait in memory, and the event loop writes and reads them itself: some 50 µs of its time.
SMALL = 256 * 1024  # bytes

#: What is read at first, without asking how much there is: most outputs end before.
SHORT = 16 * 1024  # bytes

#: Streams gather what is read in smaller pieces up to here.
BUFFER = 128 * 1024  # bytes

#: Up to here keys are checked one by one, about 1 µs each, without a thread.
FEW = 256  # keys

#: What the file system says of a key under which nothing can be: a step on its way is missing, or is a file.
_NOT_THERE = (FileNotFoundError, NotADirectoryError)


@dataclass(frozen=True, init=False)
class LocalStorage(Storage):
    """A directory on a local disk.

    It is made at first use if its parent exists; a longer missing path is taken for a typing error.

    Attributes:
        base_path: the directory; relative to the working directory at the time of construction.
        fsync: whether an output, and its name, is on the disk before it counts as published. Without it an output
            survives whatever happens to processes, but the last seconds' may be gone, or damaged, after a loss of
            power.
        check: whether whatever is read is held against the digest that was recorded when it was published. What is
            damaged is moved out of the way (:class:`~alexflow.errors.OutputDamaged`), and a run computes it again.
    """

    answers_at_once: ClassVar[bool] = True

    base_path: str
    fsync: bool = field(default=False, compare=False)
    check: bool = field(default=False, compare=False)

    def __init__(self, base_path: str | os.PathLike[str], *, fsync: bool = False, check: bool = False) -> None:
        object.__setattr__(self, "base_path", os.path.abspath(os.fspath(base_path)))
        object.__setattr__(self, "fsync", fsync)
        object.__setattr__(self, "check", check)

    def prepare(self) -> None:
        try:
            os.mkdir(self.base_path)
        except FileExistsError:
            if not os.path.isdir(self.base_path):
                raise UnknownStorage(f"the storage path {self.base_path} is a file, not a directory") from None
        except FileNotFoundError:
            parent = os.path.dirname(self.base_path)
            raise UnknownStorage(
                f"cannot make the storage {self.base_path}: there is no directory {parent}; "
                f"create it or correct the path"
            ) from None
        except OSError as error:
            raise UnknownStorage(f"cannot make the storage {self.base_path}: {error.strerror}") from error
        litter.sweep(self.base_path, at_most=litter.AT_ONCE)

    def check_writable(self) -> None:
        try:
            open_new(self.base_path, self.base_path).close()  # os.access says yes to root, and nothing of room
        except OSError as error:
            raise failed("write in", self.base_path, error) from error

    @property
    def case_sensitive(self) -> bool:
        known = self.__dict__.get("_case_sensitive")
        if known is None:
            known = tells_case_apart(self.base_path)
            object.__setattr__(self, "_case_sensitive", known)
        return bool(known)

    def leases(self, ttl: float) -> Leases | None:
        from alexflow.storage.leases.rangelocks import AVAILABLE  # deferred: a worker process has no use for leases

        if not AVAILABLE:
            return None
        from alexflow.storage.leases.local import LocalLeases  # deferred, as above

        return LocalLeases(self.base_path, ttl)

    def path_of(self, key: str) -> str:
        """The file of a key."""
        return f"{self.base_path}/{key}"

    # -- blocking

    def exists_many(self, keys: Sequence[str]) -> set[str]:
        if len(keys) <= FEW:
            return self._exist(keys)
        by_directory: dict[str, list[str]] = defaultdict(list)
        for key in keys:
            by_directory[key.rpartition("/")[0]].append(key)
        found: set[str] = set()
        for directory, inside in by_directory.items():
            found |= self._exist_in(directory, inside)
        return found

    def _exist(self, keys: Iterable[str]) -> set[str]:
        base = self.base_path + "/"
        # access costs half of what a stat that fails does, and most questions are about what is not there yet
        return {key for key in keys if os.access(base + key, os.F_OK) and not os.path.isdir(base + key)}

    def _exist_in(self, directory: str, keys: list[str]) -> set[str]:
        path = self.path_of(directory)
        try:
            # a directory's size grows with its entries; list it only if most of it was asked for
            if len(keys) <= FEW or (status := os.stat(path)).st_size > 512 * len(keys):
                return self._exist(keys)
            without = 2 if directory or not os.path.isdir(f"{path}/{RESERVED}") else 3  # links of it, if all are files
            names = os.listdir(path) if status.st_nlink == without else _files_in(path)
        except _NOT_THERE:
            return set()
        except OSError as error:
            raise failed("list", path, error) from error
        return (
            set(keys).intersection(f"{directory}/{name}" for name in names)
            if directory
            else set(keys).intersection(names)
        )

    def read(self, key: str) -> bytes:
        if not self.check:
            return self._read(key, read_all)
        return self._read(key, lambda fd, at_first: self._checked(key, fd, read_all(fd, at_first)))

    def _checked(self, key: str, fd: int, data: bytes) -> bytes:
        """``data``, if it is what was published."""
        records = notes.recorded(fd, self.base_path, key)
        if records and record_of(data) not in records:
            from alexflow.storage.examination import set_aside  # deferred: seldom needed

            raise OutputDamaged(key, self.base_path, moved_to=set_aside(self.base_path, key, fd))
        return data

    def examine(self, key: str, *, quarantine: bool = True) -> Examined:
        from alexflow.storage.examination import examine_file  # deferred: few programs verify

        return self._read(key, lambda fd, _: examine_file(fd, self.base_path, key, quarantine=quarantine))

    def _read(self, key: str, read: Callable[[int, int], T]) -> T:
        """What ``read(descriptor, SHORT)`` gives."""
        path = self.path_of(key)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except _NOT_THERE:
            raise OutputNotFound(key, self.base_path) from None
        except OSError as error:
            raise failed("read", path, error) from error
        try:
            return read(fd, SHORT)
        except IsADirectoryError:
            raise OutputNotFound(key, self.base_path) from None
        except OSError as error:
            raise failed("read", path, error) from error
        finally:
            os.close(fd)

    def stage(self, key: str, data: bytes) -> Staged:
        if len(data) <= SMALL:
            return Staged(key, len(data), data)
        return Staged(key, len(data), None, self._new_file(key, data))

    def read_staged(self, staged: Staged) -> bytes:
        if staged.data is not None:
            return staged.data
        return read_all(staged.place.fd, staged.size, at=0)

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        path = f"{self.base_path}/{staged.key}"
        try:
            if staged.data is not None and not replace and "/" not in staged.key:
                fd = self._write_unnamed(path, staged.data)
                if fd is not None:
                    return self._publish_unnamed(fd, path, staged.key, staged.data)
            return self._publish_file(staged, path, replace=replace)
        except OSError as error:
            raise failed("publish", path, error) from error

    def _write_unnamed(self, path: str, data: bytes) -> int | None:
        try:
            return write_unnamed(self.base_path, data)
        except FileNotFoundError:  # the directory is to be made first
            return None
        except OSError as error:
            raise failed("write", path, error) from error

    def _publish_unnamed(self, fd: int, path: str, key: str, data: bytes) -> bool:
        try:
            notes.record(fd, record_of(data), self.base_path, key)
            if not self.fsync:
                return link_unnamed(fd, path)
            os.fsync(fd)
            first = link_unnamed(fd, path)
        finally:
            os.close(fd)
        self._sync_name(path)
        return first

    def _publish_file(self, staged: Staged, path: str, *, replace: bool) -> bool:
        file: NewFile | None = staged.place
        if file is None:
            file = self._new_file(staged.key, staged.data or b"")
        staged.place = None
        try:
            notes.record(file.fd, file.record, self.base_path, staged.key)
            if self.fsync:
                os.fsync(file.fd)
            first = link(file, path, replace=replace)
        finally:
            file.close()
        if self.fsync:
            self._sync_name(path)
        return first

    def _sync_name(self, path: str) -> None:
        """Have a name written to the disk, and if its directory was not seen before, the way to it."""
        directory = os.path.dirname(path)
        sync_directory(directory)
        synced: frozenset[str] = self.__dict__.get("_synced", frozenset())
        if directory in synced:
            return
        way = directory
        while way != self.base_path:
            way = os.path.dirname(way)
            sync_directory(way)
        try:
            sync_directory(os.path.dirname(way))
        except PermissionError:  # then it is none that could have been made from here
            pass
        object.__setattr__(self, "_synced", synced | {directory})

    def discard(self, staged: Staged) -> None:
        if staged.place is not None:
            staged.place.close()
        staged.place = staged.data = None

    def remove_many(self, keys: Iterable[str]) -> None:
        keys = tuple(keys)
        for key in keys:
            path = self.path_of(key)
            try:
                os.unlink(path)
            except (*_NOT_THERE, IsADirectoryError):
                continue
            except OSError as error:
                raise failed("remove", path, error) from error
        notes.forget(self.base_path, keys)

    def list(self, prefix: str = "") -> Iterator[str]:
        directory = prefix.rpartition("/")[0]
        if directory:
            check_key(directory)
        pending = [directory]
        while pending:
            directory = pending.pop()
            try:
                with os.scandir(self.path_of(directory)) as entries:
                    for entry in entries:
                        if not directory and entry.name.startswith(RESERVED):
                            continue
                        key = f"{directory}/{entry.name}" if directory else entry.name
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(key)
                        elif key.startswith(prefix):
                            yield key
            except _NOT_THERE:
                continue
            except OSError as error:
                raise failed("list", self.path_of(directory), error) from error

    def size(self, key: str) -> int:
        path = self.path_of(key)
        try:
            status = os.stat(path)
        except _NOT_THERE:
            raise OutputNotFound(key, self.base_path) from None
        except OSError as error:
            raise failed("measure", path, error) from error
        if stat.S_ISDIR(status.st_mode):
            raise OutputNotFound(key, self.base_path)
        return status.st_size

    def sweep(self, older_than: float = litter.STALE_AFTER) -> int:
        return litter.sweep(self.base_path, older_than)

    # -- streams and paths

    def reader(self, key: str) -> BinaryIO:
        path = self._checked_path(key)
        try:
            return open(path, "rb", BUFFER)
        except (*_NOT_THERE, IsADirectoryError):
            raise OutputNotFound(key, self.base_path) from None
        except OSError as error:
            raise failed("read", path, error) from error

    def local_path(self, key: str) -> str:
        path = self._checked_path(key)
        if not os.path.isfile(path):
            raise OutputNotFound(key, self.base_path)
        return path

    def _checked_path(self, key: str) -> str:
        """The file of a key; where all reading is checked, it has been found good, or unrecorded."""
        if self.check and (examined := self.examine(key)).verdict == "damaged":
            raise OutputDamaged(key, self.base_path, moved_to=examined.moved_to)
        return self.path_of(key)

    def open_staging(self, key: str) -> Staging:
        from alexflow.storage.localstreams import LocalStaging  # deferred: here and below, few tasks need it

        return LocalStaging(key, self._new_file(key, b""), self.path_of(key), small=SMALL, buffer=BUFFER)

    def staged_reader(self, staged: Staged) -> BinaryIO:
        if staged.place is None:
            return super().staged_reader(staged)
        from alexflow.storage.localstreams import open_staged

        return open_staged(staged.place)

    def stage_path(self, key: str, path: Path) -> Staged:
        from alexflow.storage.localstreams import taken

        try:
            size = os.path.getsize(path)
            if size <= SMALL:
                return super().stage_path(key, path)
            os.makedirs(os.path.dirname(self.path_of(key)), exist_ok=True)
            return Staged(key, size, None, taken(self.base_path, path))
        except OSError as error:
            raise failed("write", self.path_of(key), error) from error

    def scratch(self) -> AbstractContextManager[Path]:
        from alexflow.storage.localstreams import scratch

        return scratch(self.base_path)

    def version(self, key: str) -> tuple[int, int, int] | None:
        path = self.path_of(key)
        try:
            status = os.stat(path)
        except _NOT_THERE:
            return None
        except OSError as error:
            raise failed("look at", path, error) from error
        return status.st_ino, status.st_mtime_ns, status.st_size

    # -- on the event loop

    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        if len(keys) <= FEW:
            return self.exists_many(keys)
        from alexflow.storage.background import in_thread  # deferred: it brings asyncio, of no use to a worker process

        return await in_thread(self.exists_many, keys)

    async def aread(self, key: str) -> bytes:
        data = self._read(key, partial(self._read_if_small, key))
        if data is not None:
            return data
        from alexflow.storage.background import in_thread, read_file  # deferred, as above

        if self.check:
            return await in_thread(self.read, key)

        path = self.path_of(key)
        try:
            return await read_file(path)
        except FileNotFoundError:
            raise OutputNotFound(key, self.base_path) from None
        except OSError as error:
            raise failed("read", path, error) from error

    async def astage(self, key: str, data: bytes) -> Staged:
        if len(data) <= SMALL:
            return Staged(key, len(data), data)
        from alexflow.storage.background import fill_file, in_thread  # deferred, as above

        file = self._new_file(key, b"")
        try:
            await fill_file(file.fd, data)
            file.record = await in_thread(record_of, data)
        except OSError as error:
            file.close()
            raise failed("write", self.path_of(key), error) from error
        except BaseException:
            file.close()
            raise
        return Staged(key, len(data), None, file)

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        if not self.fsync:
            return self.publish(staged, replace=replace)
        from alexflow.storage.background import in_thread  # deferred, as above

        return await in_thread(partial(self.publish, staged, replace=replace))

    async def adiscard(self, staged: Staged) -> None:
        self.discard(staged)

    async def aremove_many(self, keys: Iterable[str]) -> None:
        keys = tuple(keys)
        if len(keys) <= FEW:
            self.remove_many(keys)
            return
        from alexflow.storage.background import in_thread  # deferred, as above

        await in_thread(self.remove_many, keys)

    async def alist(self, prefix: str = "") -> AsyncIterator[str]:
        from alexflow.storage.background import in_thread  # deferred, as above

        keys = self.list(prefix)
        while batch := await in_thread(lambda: tuple(itertools.islice(keys, 1024))):
            for key in batch:
                yield key

    async def asize(self, key: str) -> int:
        return self.size(key)

    async def aexamine(self, key: str, *, quarantine: bool = True) -> Examined:
        from alexflow.storage.background import in_thread  # deferred, as above

        return await in_thread(partial(self.examine, key, quarantine=quarantine))

    async def asweep(self, older_than: float = litter.STALE_AFTER) -> int:
        from alexflow.storage.background import in_thread  # deferred, as above

        return await in_thread(self.sweep, older_than)

    def _read_if_small(self, key: str, fd: int, at_first: int) -> bytes | None:
        """All there is, unless that would hold the event loop up."""
        data = os.read(fd, at_first)
        if len(data) == at_first:
            if os.fstat(fd).st_size > SMALL:
                return None
            data = read_all(fd, SMALL, at=0)
        return self._checked(key, fd, data) if self.check else data

    def areader(self, key: str) -> AbstractAsyncContextManager[AsyncReader]:
        from alexflow.storage.asyncstreams import opened_in_threads

        return opened_in_threads(partial(self.reader, key))

    async def aversion(self, key: str) -> tuple[int, int, int] | None:
        return self.version(key)

    # -- files without a final name

    def _new_file(self, key: str, data: bytes) -> NewFile:
        inside = key.rpartition("/")[0]
        directory = f"{self.base_path}/{inside}" if inside else self.base_path
        try:
            try:
                file = open_new(self.base_path, directory)
            except FileNotFoundError:
                object.__setattr__(self, "_synced", frozenset())  # this one is new, or some have been removed
                os.makedirs(directory, exist_ok=True)
                file = open_new(self.base_path, directory)
            self._fill(file, data)
        except OSError as error:
            raise failed("write", self.path_of(key), error) from error
        return file

    def _fill(self, file: NewFile, data: bytes) -> None:
        try:
            if data:
                write_all(file.fd, data)
            file.record = record_of(data)
        except OSError:
            file.close()
            raise


def _files_in(directory: str) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries if not entry.is_dir()]
