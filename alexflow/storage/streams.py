"""Outputs that are written and read piece by piece, and by libraries that want the name of a file.

A stream for writing goes to where it is not visible. When its ``with`` block ends it is published, as
:meth:`Storage.publish` does, or, inside ``run``, staged until ``run`` has returned; if the block raises, nothing is
written. So a half-written stream is never visible.

Everything here is made from a few operations of a storage. An adapter gives what its back end is good at, and has the
rest from here:

* ``reader``: by default the whole object, in memory.
* ``stage_path``: a complete local file becomes staged bytes, by default through memory; an object store would upload
  it in parts. What is written through a stream or a path comes this way.
* ``scratch``: where such files are meanwhile, by default in the system's temporary directory.
* ``open_staging``: instead of both, where bytes can go straight to their storage.
* ``local_path``: the file behind a key, where there is one.

The async forms (:mod:`alexflow.storage.async_streams`) do the same in threads: each piece is long enough to be
worth one.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from alexflow.errors import StorageDenied, StorageError
from alexflow.forks import this_process
from alexflow.storage.files import (
    CHUNK_BYTES,
    disk_full,
    fill_standard,
    is_disk_full,
    is_file,
    open_above,
    storage_error,
)
from alexflow.storage.staged import Staging

if TYPE_CHECKING:
    from alexflow.storage.staged import Mode, Staged


class Streamable(Protocol):
    """The operations of a storage from which the streams of this module are made."""

    def reader(self, key: str) -> BinaryIO:
        """The stored object, open for reading."""
        ...

    def stage(self, key: str, data: bytes) -> Staged:
        """Take bytes without making them visible."""
        ...

    def stage_path(self, key: str, path: Path) -> Staged:
        """Take a complete local file without making it visible."""
        ...

    def open_staging(self, key: str) -> Staging:
        """A stream whose bytes are staged."""
        ...

    def publish(self, staged: Staged) -> bool:
        """Make staged bytes visible."""
        ...

    def scratch(self) -> AbstractContextManager[Path]:
        """A new directory on a local disk."""
        ...

    def local_path(self, key: str) -> str | None:
        """The file behind a key, where there is one."""
        ...


class StagedFile(io.FileIO):
    """A file on its way to a storage, whose faults are the storage's.

    It takes nothing from a fork of the process that has opened it: a fork has a copy of what is buffered, and would
    write it a second time.

    Args:
        file: its path, or its descriptor, which it does not close.
        mode: as ``open`` takes it.
        path: how it is called where it is at fault.

    Raises:
        StorageError: from its methods, too.
    """

    def __init__(self, file: str | int, mode: str, path: str):
        self._path = path
        self._process = this_process.generation
        try:
            is_path = isinstance(file, str)
            super().__init__(file, mode, closefd=is_path, opener=open_above if is_path else None)
        except OSError as error:
            raise storage_error("write", path, error) from error

    def write(self, data: Any, /) -> int:
        if this_process.generation != self._process:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            raise storage_error("write", self._path, error) from error

    def truncate(self, size: int | None = None, /) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            raise storage_error("write", self._path, error) from error


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, io.BufferedRandom(StagedFile(str(path), "w+b", str(path))))


class InScratch(Staging):
    """A stream for a storage that takes whole files: one in its scratch directory."""

    def __init__(self, storage: Streamable, key: str):
        self._storage = storage
        self._key = key
        self._used = ExitStack()
        try:
            self._path = self._used.enter_context(storage.scratch()) / _file_name(key)
            self.file = self._used.enter_context(_opened(self._path))
        except BaseException:
            self._used.close()
            raise

    def finish(self) -> Staged:
        with self._used:
            self.file.close()
            return self._storage.stage_path(self._key, self._path)

    def abandon(self) -> None:
        self._used.close()


class InMemory(Staging):
    """A stream for a storage that keeps bytes in memory anyway."""

    def __init__(self, storage: Streamable, key: str):
        self._storage = storage
        self._key = key
        self._bytes = io.BytesIO()
        self.file = self._bytes

    def finish(self) -> Staged:
        with self._bytes:
            return self._storage.stage(self._key, self._bytes.getvalue())

    def abandon(self) -> None:
        self._bytes.close()


# -- what Storage's methods of these names do


@contextmanager
def writer(storage: Streamable, key: str) -> Iterator[BinaryIO]:
    """See :meth:`Storage.writer`."""
    staging = storage.open_staging(key)
    process = this_process.generation
    try:
        yield staging.file
    except BaseException:
        if this_process.generation == process:
            staging.abandon()
        raise
    if this_process.generation == process:
        storage.publish(staging.finish())


@contextmanager
def path(storage: Streamable, key: str, mode: Mode) -> Iterator[Path]:
    """See :meth:`Storage.path`."""
    if mode == "r":
        known = storage.local_path(key)
        with storage.scratch() as directory:
            yield _held(storage, key, known, directory / _file_name(key))
    elif mode == "w":
        fill_standard()
        process = this_process.generation
        with storage.scratch() as directory:
            file = directory / _file_name(key)
            try:
                yield file
            except Exception as error:
                fault = _fault(error, directory, file)
                if fault is not None:
                    raise fault from error
                raise
            if this_process.generation != process:
                return
            try:
                _check_written(key, directory, file)
            except OSError as error:
                raise storage_error("write", str(file), error) from error
            storage.publish(storage.stage_path(key, file))
    else:
        raise ValueError(f"a path is for reading, 'r', or for writing, 'w', not {mode!r}")


def _held(storage: Streamable, key: str, known: str | None, to: Path) -> Path:
    """Make an object readable at ``to``, where it is not removed: as a second name of its file."""
    if known is not None and link_or_not(known, str(to)):
        return to
    try:
        with storage.reader(key) as source, open(to, "wb") as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
    except OSError as error:
        raise storage_error("copy to", str(to), error) from error
    return to


def link_or_not(path: str, to: str) -> bool:
    """Give a file a second name; False if it has none, is no file, or if that cannot be done here."""
    try:
        os.link(path, to, follow_symlinks=False)
        if is_file(to):
            return True
        os.unlink(to)
    except OSError:
        pass
    return False


def _fault(error: Exception, directory: Path, file: Path) -> StorageError | None:
    """The storage's fault, if it is one that was met by a library that was to write ``file``."""
    if isinstance(error, StorageError):
        return None
    if is_disk_full(error) or _is_full(directory):
        return disk_full(str(file))
    if isinstance(error, OSError) and str(error.filename or "").startswith(str(directory)):
        fault = storage_error("write", str(error.filename), error)
        return fault if isinstance(fault, StorageDenied) else None
    return None


def _check_written(key: str, directory: Path, file: Path) -> None:
    if _is_full(directory):
        raise disk_full(str(file))  # HDF5 loses data then, and says nothing
    if file.is_file() and not file.is_symlink():
        return
    others = sorted(other.name for other in file.parent.iterdir())
    instead = f"; what is there is {', '.join(others)}" if others else ""
    raise StorageError(f"{key}: no file was written to the path that was given for it, {file}{instead}")


def _is_full(directory: Path) -> bool:
    try:
        status = os.statvfs(directory)
    except OSError:  # removed by the caller that was to write in it
        return False
    return status.f_blocks > 0 and (status.f_bfree if os.geteuid() == 0 else status.f_bavail) == 0


def _file_name(key: str) -> str:
    return key.rpartition("/")[2]  # with its ending, by which libraries know a format


@contextmanager
def scratch(parent: str | None = None) -> Iterator[Path]:
    """A new directory, by default among the system's temporary ones, removed in the end.

    Raises:
        StorageError: it cannot be made.
    """
    import tempfile  # deferred: a storage with a directory of its own has no need of it

    try:
        directory = tempfile.mkdtemp(prefix="alexflow-", dir=parent)
    except OSError as error:
        raise storage_error("write in", parent or os.environ.get("TMPDIR", "/tmp"), error) from error
    process = this_process.generation
    try:
        yield Path(directory)
    finally:
        if this_process.generation == process:
            shutil.rmtree(directory, ignore_errors=True)


def stage_path(storage: Streamable, key: str, path: Path) -> Staged:
    """See :meth:`Storage.stage_path`."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise storage_error("read", str(path), error) from error
    return storage.stage(key, data)
