"""Streams into and out of ``LocalStorage``: straight into the file that will be published,
its digest taken on the way.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from alexflow.forks import this_process
from alexflow.storage.digest import Recorder, record_of_parts
from alexflow.storage.interface import Staged
from alexflow.storage.litter import STAGING, temporary_name
from alexflow.storage.newfile import NewFile, at_open, read_all, read_parts
from alexflow.storage.oserror import failed
from alexflow.storage.reserved import make_reserved
from alexflow.storage.streams import Staging, UnforkedFile


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
        self._small = small
        self._raw = _Recorded(new.fd, path)
        self.file = io.BufferedWriter(self._raw, buffer)

    def finish(self) -> Staged:
        try:
            self.file.close()
            size = os.fstat(self._new.fd).st_size
            if size <= self._small:
                data = read_all(self._new.fd, size + 1, at=0)
                self._new.close()
                return Staged(self._key, size, data)
            self._new.record = self._record(size)
        except BaseException:
            self.abandon()
            raise
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


class _Recorded(UnforkedFile):
    """Takes the digest of what is written, as long as each byte comes after the last.

    Attributes:
        recorder: holds the digest; None once bytes may have come in another way.
        abandoned: nothing is wanted any more; what is still buffered goes nowhere.
    """

    def __init__(self, fd: int, path: str):
        super().__init__(fd, "wb", closefd=False)
        self._path = path
        self.recorder: Recorder | None = Recorder()
        self.abandoned = False

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        if self.abandoned:
            return len(view)
        try:
            written = super().write(view)
        except OSError as error:
            raise failed("write", self._path, error) from error
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
        self.recorder = None  # whoever asks for the descriptor may write past us
        return super().fileno()


@contextmanager
def scratch(base: str) -> Iterator[Path]:
    """A new directory on the storage's own disk, where litter is swept."""
    import shutil  # deferred: a stream has no need of it

    os.makedirs(base, exist_ok=True)
    directory = make_reserved(base, f"staging/{temporary_name()}")
    process = this_process.generation
    try:
        yield Path(directory)
    finally:
        if this_process.generation == process:
            shutil.rmtree(directory, ignore_errors=True)


def taken(base: str, path: Path) -> NewFile:
    """A complete file, moved out of the directory in which it was made, with what is to be recorded of it.

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
    """What is staged, read apart from whoever else has the file open."""
    return open(at_open(new), "rb")
