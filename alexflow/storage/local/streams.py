"""Streams into and out of ``LocalStorage``: straight into the file that will be published,
its digest taken on the way.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from alexflow.errors import StorageError
from alexflow.forks import this_process
from alexflow.storage.digest import Recorder, record_of, record_of_parts
from alexflow.storage.files import read_all, read_parts, storage_error
from alexflow.storage.local.new_file import NewFile, at_open
from alexflow.storage.local.publish import SyncedNames, new_file
from alexflow.storage.local.read import open_file
from alexflow.storage.local.staging_area import STAGING, make_reserved, temporary_name
from alexflow.storage.staged import Staged, Staging
from alexflow.storage.streams import StagedFile, link_or_not
from alexflow.storage.streams import scratch as system_scratch


class LocalStaging(Staging):
    """A stream into a file that has no final name yet.

    Args:
        key: where it will be published.
        new: the file, empty.
        path: its final name, for error messages.
        small: up to here what was written waits in memory, bytes: a file that waits costs a descriptor.
        buffer: up to here smaller pieces are gathered, bytes.
    """

    def __init__(self, key: str, new: NewFile, path: str, *, small: int, buffer: int):
        self._key = key
        self._new = new
        self._path = path
        self._small = small
        self._raw = _Recorded(new.fd, path)
        self.file = io.BufferedWriter(self._raw, buffer)

    def finish(self) -> Staged:
        try:
            return self._finish()
        except OSError as error:
            self.abandon()
            raise storage_error("write", self._path, error) from error
        except BaseException:
            self.abandon()
            raise

    def _finish(self) -> Staged:
        self.file.close()
        size = os.fstat(self._new.fd).st_size
        if size <= self._small:
            data = read_all(self._new.fd, size + 1, at=0)
            self._new.close()
            return Staged(self._key, size, data)
        self._new.record = self._record(size)
        return Staged(self._key, size, None, self._new)

    def _record(self, size: int) -> bytes:
        recorder = self._raw.recorder
        if recorder is not None and recorder.size == size:
            return recorder.record()
        os.lseek(self._new.fd, 0, os.SEEK_SET)
        return record_of_parts(read_parts(self._new.fd))

    def abandon(self) -> None:
        self._raw.abandoned = True
        self.file.close()
        self._new.close()


class _Recorded(StagedFile):
    """Computes the digest of written bytes, as long as each comes after the last.

    Attributes:
        recorder: holds the digest; None once bytes may have come in another way.
        abandoned: nothing is wanted any more; what is still buffered goes nowhere.
    """

    def __init__(self, fd: int, path: str):
        super().__init__(fd, "wb", path)
        self.recorder: Recorder | None = Recorder()
        self.abandoned = False

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        if self.abandoned:
            return len(view)
        written = super().write(view)
        if self.recorder is not None:
            self.recorder.add(view[:written])
        return written

    def seek(self, offset: int, whence: int = 0, /) -> int:
        position = super().seek(offset, whence)
        if self.recorder is not None and position != self.recorder.size:
            self.recorder = None
        return position

    def truncate(self, size: int | None = None, /) -> int:
        self.recorder = None
        return super().truncate(size)

    def fileno(self) -> int:
        self.recorder = None  # a caller may write through the descriptor
        return super().fileno()


async def filled_file(base: str, key: str, data: bytes, names: SyncedNames | None) -> NewFile:
    """A new file for ``key`` that threads have filled with ``data``, with its digest record.

    Raises:
        StorageError: the file cannot be written.
    """
    from alexflow.storage.background import fill_file, in_thread  # deferred: here and below, asyncio
    from alexflow.storage.permits import claimed_by

    async def opened() -> NewFile:
        return new_file(base, key, b"", names)

    file = await claimed_by(opened)
    try:
        await fill_file(file.fd, data)
        file.record = await in_thread(record_of, data)
    except OSError as error:
        file.close()
        raise storage_error("write", f"{base}/{key}", error) from error
    except BaseException:
        file.close()
        raise
    return file


@contextmanager
def scratch(base: str) -> Iterator[Path]:
    """A new directory on the storage's own disk, where stale files are swept."""
    import shutil  # deferred: a stream has no need of it

    try:
        os.makedirs(base, exist_ok=True)
        directory = make_reserved(base, f"staging/{temporary_name()}")
    except OSError as error:
        raise storage_error("write in", f"{base}/{STAGING}", error) from error
    process = this_process.generation
    try:
        yield Path(directory)
    finally:
        if this_process.generation == process:
            shutil.rmtree(directory, ignore_errors=True)


def taken(base: str, path: Path) -> NewFile:
    """A complete file, moved out of the directory in which it was made, with its digest record.

    Raises:
        OSError: as from the system; also where the file is on another disk than the storage.
    """
    name = f"{base}/{STAGING}/{temporary_name()}"
    os.rename(path, name)
    new = NewFile(os.open(name, os.O_RDONLY | os.O_CLOEXEC), base, name)
    try:
        new.record = record_of_parts(read_parts(new.fd))
    except BaseException:
        new.close()
        raise
    return new


def open_staged(new: NewFile) -> BinaryIO:
    """A staged file, opened for reading apart from its other users."""
    path = at_open(new)
    try:
        return open(path, "rb")
    except OSError as error:
        raise storage_error("read", path, error) from error


@contextmanager
def linked(base: str, key: str, name: str, see: Callable[[int], object] | None) -> Iterator[Path]:
    """An output under a second name, where it stays, even if its key is removed or replaced meanwhile.

    It is a second name of the file, in a scratch directory of the storage; where that cannot be had, a copy in the
    system's.

    Args:
        base: the storage's directory.
        key: the output.
        name: how the file is to be called.
        see: sees that an open file is what was published.
    """
    fd = open_file(base, key)
    try:
        with ExitStack() as used:
            path = _linked(base, key, fd, name, used) or _copied(fd, name, used)
            if see is not None:
                see(fd)
            yield path
    finally:
        os.close(fd)


def _linked(base: str, key: str, fd: int, name: str, used: ExitStack) -> Path | None:
    try:
        path = used.enter_context(scratch(base)) / name
    except StorageError:  # read-only, or full
        return None
    if link_or_not(f"{base}/{key}", str(path)):
        if os.path.samestat(os.fstat(fd), os.lstat(path)):
            return path
        os.unlink(path)  # replaced meanwhile; the one that was opened is as good
    return None


def _copied(fd: int, name: str, used: ExitStack) -> Path:
    path = used.enter_context(system_scratch()) / name
    try:
        with open(path, "wb") as target:
            for part in read_parts(fd):
                target.write(part)
        os.lseek(fd, 0, os.SEEK_SET)
    except OSError as error:
        raise storage_error("copy to", str(path), error) from error
    return path
