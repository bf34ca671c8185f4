"""Appended files: the parts of an output, one after the other, while its task still makes it.

Readers of this machine follow the file, and those of other machines where the storage is a directory that they share.
It has two names in a staging area. One states its maker, as that of every staged file does, and is moved away when the
file is published. The other is made from the key: readers look for it. It is given by a rename, so that readers see
either the file of the last attempt or that of the new one: another file, another epoch. The maker holds a lock on the
file, so that what a dead process has left behind is known.

Where the storage is no directory, the file is among the system's temporary ones.
"""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from alexflow.blocks_briefly import blocks_briefly
from alexflow.forks import this_process
from alexflow.storage.appended_place import AppendedPlace
from alexflow.storage.files import open_above, storage_error, write_all
from alexflow.storage.local.staging_area import make_reserved, sweep, temporary_name

if TYPE_CHECKING:
    from pathlib import Path

    from alexflow.storage.part_codec import PartCodec

#: Files that are looked at, as stale ones, before the first is made among the temporary ones.
SWEPT_AT_MOST = 256


#: Held while an appended file is made.
making = threading.RLock()


@blocks_briefly("once a stream")
def prepare(place: AppendedPlace) -> None:
    """Make the directory of a place.

    Raises:
        OSError: it cannot be made.
    """
    make_reserved(place.base, "staging")


class AppendedFile:
    """The file of one attempt.

    Args:
        place: where it is found.
        codec: makes bytes of the parts.

    Raises:
        StorageError: it cannot be made.
    """

    @blocks_briefly("once an output")
    def __init__(self, place: AppendedPlace, codec: PartCodec):
        self._place = place
        self._codec = codec
        self._lock = threading.Lock()
        self._process = this_process.generation
        self._own = f"{place.directory}/{temporary_name()}"
        self._fd = -1  # once it is closed
        try:
            prepare(place)
            self._fd = open_above(self._own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC)
            with suppress(OSError):  # a file system without locks
                fcntl.flock(self._fd, fcntl.LOCK_EX)
            second = f"{place.directory}/{temporary_name()}"
            os.link(self._own, second)
            os.rename(second, place.path)
        except OSError as error:
            self.discard()
            raise storage_error("write", place.path, error) from error

    def encode(self, part: Any) -> bytes:
        """Make bytes of a part. What comes of an exception is up to the caller."""
        return self._codec.encode(part)

    @blocks_briefly("a write to the page cache; large parts are written by threads")
    def write(self, data: bytes) -> None:
        """Add bytes, which readers see at once. Once the file is discarded they go nowhere.

        Raises:
            StorageError: they cannot be written.
        """
        with self._lock:
            try:
                if self._fd >= 0:
                    write_all(self._fd, data)
            except OSError as error:
                raise storage_error("write", self._own, error) from error

    def complete(self) -> Path:
        """End the file. It is the caller's from now on."""
        from pathlib import Path  # deferred: the first part would wait for it

        try:
            self.write(self._codec.end())
        except BaseException:
            self.discard()
            raise
        self._close()
        return Path(self._own)

    @blocks_briefly("once an output")
    def discard(self) -> None:
        """Remove the file."""
        self._close()
        if self._process == this_process.generation:
            with suppress(FileNotFoundError):
                os.unlink(self._own)

    @blocks_briefly("once an output")
    def _close(self) -> None:
        with self._lock:  # a thread may be writing
            fd, self._fd = self._fd, -1
            if fd < 0:
                return
            if self._process == this_process.generation:
                with suppress(OSError):
                    if os.path.samestat(os.stat(self._place.path), os.fstat(fd)):  # not that of a later attempt
                        os.unlink(self._place.path)
            os.close(fd)


def is_at_work(fd: int) -> bool:
    """Whether the maker of an appended file, which is open, is still at work on it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


@blocks_briefly("once an engine that follows files among the temporary ones")
def sweep_place(place: AppendedPlace) -> None:
    """Remove some of what dead processes have left behind."""
    with suppress(OSError):
        sweep(place.base, at_most=SWEPT_AT_MOST)
