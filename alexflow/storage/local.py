"""``LocalStorage``: a directory, one file per key.

Publishing is one atomic ``link`` of a complete file to its final name: it fails with EEXIST if somebody was first,
works on every file system with hard links, and cannot be seen half done. The file that is linked has no name of its
own (``O_TMPFILE``), so that a crash at any instant leaves no litter. Where the file system has no unnamed files, a
temporary name in the *same directory* takes their place.

Rejected: ``rename`` (the last publisher would win), ``renameat2(RENAME_NOREPLACE)`` (not on NFS, not in Python), the
system's temporary directory (not atomic across file systems), a thread for each call on small files (on one machine a
tiny file costs 20 µs, a thread hop as much again and several threads contend for the directory's lock).
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from alexflow.errors import OutputNotFound, StorageError, UnknownStorage
from alexflow.storage.interface import Staged, Storage
from alexflow.storage.keys import check_key
from alexflow.storage.newfile import (
    TEMPORARY,
    NewFile,
    link,
    link_unnamed,
    open_new,
    read_all,
    write_all,
    write_unnamed,
)

T = TypeVar("T")

#: Up to here bytes wait in memory, and the event loop writes and reads them itself: some 50 µs of its time.
SMALL = 256 * 1024  # bytes

#: What is read at first, without asking how much there is: most outputs end before.
SHORT = 16 * 1024  # bytes

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
    """

    answers_at_once: ClassVar[bool] = True

    base_path: str

    def __init__(self, base_path: str | os.PathLike[str]) -> None:
        object.__setattr__(self, "base_path", os.path.abspath(os.fspath(base_path)))

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

    @property
    def case_sensitive(self) -> bool:
        known = self.__dict__.get("_case_sensitive")
        if known is None:
            known = _tells_case_apart(self.base_path)
            object.__setattr__(self, "_case_sensitive", known)
        return bool(known)

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
            names = os.listdir(path) if status.st_nlink == 2 else _files_in(path)  # 2: it has no subdirectories
        except _NOT_THERE:
            return set()
        except OSError as error:
            raise _failed("list", path, error) from error
        return (
            set(keys).intersection(f"{directory}/{name}" for name in names)
            if directory
            else set(keys).intersection(names)
        )

    def read(self, key: str) -> bytes:
        return self._read(key, read_all)

    def _read(self, key: str, read: Callable[[int, int], T]) -> T:
        """What ``read(descriptor, SHORT)`` gives."""
        path = self.path_of(key)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except _NOT_THERE:
            raise OutputNotFound(key, self.base_path) from None
        except OSError as error:
            raise _failed("read", path, error) from error
        try:
            return read(fd, SHORT)
        except IsADirectoryError:
            raise OutputNotFound(key, self.base_path) from None
        except OSError as error:
            raise _failed("read", path, error) from error
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
                    return link_unnamed(fd, path)
            return self._publish_file(staged, path, replace=replace)
        except OSError as error:
            raise _failed("publish", path, error) from error

    def _write_unnamed(self, path: str, data: bytes) -> int | None:
        try:
            return write_unnamed(self.base_path, data)
        except FileNotFoundError:  # the directory is to be made first
            return None
        except OSError as error:
            raise _failed("write", path, error) from error

    def _publish_file(self, staged: Staged, path: str, *, replace: bool) -> bool:
        file: NewFile | None = staged.place
        if file is None:
            file = self._new_file(staged.key, staged.data or b"")
        staged.place = None
        try:
            return link(file, path, replace=replace)
        finally:
            file.close()

    def discard(self, staged: Staged) -> None:
        if staged.place is not None:
            staged.place.close()
        staged.place = staged.data = None

    def remove_many(self, keys: Iterable[str]) -> None:
        for key in keys:
            path = self.path_of(key)
            try:
                os.unlink(path)
            except (*_NOT_THERE, IsADirectoryError):
                continue
            except OSError as error:
                raise _failed("remove", path, error) from error

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
                        key = f"{directory}/{entry.name}" if directory else entry.name
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(key)
                        elif key.startswith(prefix) and not entry.name.startswith(TEMPORARY):
                            yield key
            except _NOT_THERE:
                continue
            except OSError as error:
                raise _failed("list", self.path_of(directory), error) from error

    def size(self, key: str) -> int:
        path = self.path_of(key)
        try:
            status = os.stat(path)
        except _NOT_THERE:
            raise OutputNotFound(key, self.base_path) from None
        except OSError as error:
            raise _failed("measure", path, error) from error
        if stat.S_ISDIR(status.st_mode):
            raise OutputNotFound(key, self.base_path)
        return status.st_size

    # -- on the event loop

    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        if len(keys) <= FEW:
            return self.exists_many(keys)
        from alexflow.storage.background import in_thread  # deferred: it brings asyncio, of no use to a worker process

        return await in_thread(self.exists_many, keys)

    async def aread(self, key: str) -> bytes:
        data = self._read(key, _read_if_small)
        if data is not None:
            return data
        from alexflow.storage.background import read_file  # deferred, as above

        path = self.path_of(key)
        try:
            return await read_file(path)
        except FileNotFoundError:
            raise OutputNotFound(key, self.base_path) from None
        except OSError as error:
            raise _failed("read", path, error) from error

    async def astage(self, key: str, data: bytes) -> Staged:
        if len(data) <= SMALL:
            return Staged(key, len(data), data)
        from alexflow.storage.background import fill_file  # deferred, as above

        file = self._new_file(key, b"")
        try:
            await fill_file(file.fd, data)
        except OSError as error:
            file.close()
            raise _failed("write", self.path_of(key), error) from error
        except BaseException:
            file.close()
            raise
        return Staged(key, len(data), None, file)

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        return self.publish(staged, replace=replace)

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

    # -- files without a final name

    def _new_file(self, key: str, data: bytes) -> NewFile:
        inside = key.rpartition("/")[0]
        directory = f"{self.base_path}/{inside}" if inside else self.base_path
        try:
            try:
                file = open_new(directory)
            except FileNotFoundError:
                os.makedirs(directory, exist_ok=True)
                file = open_new(directory)
            if data:
                self._fill(file, data)
        except OSError as error:
            raise _failed("write", self.path_of(key), error) from error
        return file

    def _fill(self, file: NewFile, data: bytes) -> None:
        try:
            write_all(file.fd, data)
        except OSError:
            file.close()
            raise


def _files_in(directory: str) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries if not entry.is_dir()]


def _read_if_small(fd: int, at_first: int) -> bytes | None:
    """All there is, unless that would hold the event loop up."""
    data = os.read(fd, at_first)
    if len(data) < at_first:
        return data
    if os.fstat(fd).st_size > SMALL:
        return None
    return read_all(fd, SMALL, at=0)


def _failed(what: str, path: str, error: OSError) -> StorageError:
    return StorageError(
        f"cannot {what} {path}: {error.strerror} ({errno.errorcode.get(error.errno or 0, error.errno)})"
    )


def _tells_case_apart(directory: str) -> bool:
    name = f"{TEMPORARY}case-{os.urandom(4).hex()}"
    try:
        os.close(os.open(f"{directory}/{name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return True  # nothing can be written here, so nothing can clash
    try:
        return not os.path.exists(f"{directory}/{name.upper()}")
    finally:
        os.unlink(f"{directory}/{name}")
