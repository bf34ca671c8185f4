"""The file whose ranges are locked, open to all users of the directory, and locks on its ranges."""

from __future__ import annotations

import errno
import os
import stat
import struct
import sys
from collections.abc import Iterator

from alexflow.blocks_briefly import blocks_briefly
from alexflow.storage.files import open_above
from alexflow.storage.leases import NoLeases
from alexflow.storage.local.staging_area import make_again

LEASES_FILE = ".alexflow-leases"

#: Remedies where the file cannot be opened though the directory can be written.
_REMEDIES = {
    errno.EACCES: ": it belongs to another user; let those who share the directory write its files (chmod g+rw FILE, "
    "and chmod g+rws DIRECTORY so that new ones are theirs, too)",
    errno.ELOOP: ": it is a symbolic link, and has to be a plain file: remove it",
}

TO_THE_END = 0  #: A length: of a range without an end.

#: Users that may write to the directory may use the file.
_WRITERS = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@blocks_briefly("a small file: it costs less than a thread would")
def open_lockfile(path: str) -> int:
    """Open the file, and create it if it is missing, with the directory's permissions.

    Raises:
        NoLeases: the directory can be written, and the file cannot.
        OSError: the directory cannot be written.
    """
    try:
        fd = _open_or_make(path)
        try:
            _open_to_all_writers(fd, path)
        except BaseException:
            os.close(fd)
            raise
    except OSError as error:
        if not os.access(os.path.dirname(path), os.W_OK):
            raise
        raise NoLeases(error.errno, f"{error.strerror}{_REMEDIES.get(error.errno or 0, '')}", path) from None
    return fd


@blocks_briefly("a small file: it costs less than a thread would")
def _open_or_make(path: str) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return open_above(path, flags)
    except FileNotFoundError:
        make_again(os.path.dirname(path))
        return open_above(path, flags | os.O_CREAT)


@blocks_briefly("a small file: it costs less than a thread would")
def _open_to_all_writers(fd: int, path: str) -> None:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a plain file, which it has to be: remove it", path)
    writers = os.stat(os.path.dirname(path)).st_mode & _WRITERS
    mode = stat.S_IMODE(status.st_mode) | writers | writers << 1  # writers have to read, too
    if mode != stat.S_IMODE(status.st_mode) and status.st_uid == os.geteuid():
        os.fchmod(fd, mode)


@blocks_briefly("a small file: it costs less than a thread would")
def is_at(path: str, fd: int) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False


@blocks_briefly("a small file, which is seldom there")
def remove_left_over(directory: str) -> None:
    """Remove the file if it is there and no engine has a seat, as after the last one was killed."""
    path = f"{directory}/{LEASES_FILE}"
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # it is not there, as nearly always; or it is another user's, whose engines remove it
        return
    try:
        if AVAILABLE and take_range(fd, 0, TO_THE_END) and is_at(path, fd):
            os.unlink(path)
    except OSError:  # of the directory; nothing depends on it
        return
    finally:
        os.close(fd)


def is_removed(fd: int) -> bool:
    """Whether an open file has lost its name. A tenth of the time of :func:`is_at`, which also sees another name."""
    return os.fstat(fd).st_nlink == 0


if sys.platform == "linux":
    import fcntl

    #: ``struct flock``: type, whence, start, length, pid.
    _FLOCK = struct.Struct("hhqqi4x")

    def take_range(fd: int, start: int, length: int = 1) -> bool:
        """Lock a range exclusively; False if another descriptor holds any of it."""
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, length, 0))
        except (BlockingIOError, PermissionError):  # POSIX leaves open which
            return False
        return True

    def release_range(fd: int, start: int, length: int = 1) -> None:
        """Release the locked part of a range."""
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, start, length, 0))

    def _held_by_others(fd: int, start: int, length: int) -> tuple[int, int] | None:
        """A locked part of a range: its start and its end. Any, not the first."""
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
        kind, _, begin, size, _ = _FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_OFD_GETLK, asked))
        return None if kind == fcntl.F_UNLCK else (begin, begin + size)

else:  # there are other locks, which belong to processes and vanish when any descriptor of the file is closed

    def take_range(fd: int, start: int, length: int = 1) -> bool:
        """There are no such locks here."""
        raise NotImplementedError

    def release_range(fd: int, start: int, length: int = 1) -> None:
        """There are no such locks here."""
        raise NotImplementedError

    def _held_by_others(fd: int, start: int, length: int) -> tuple[int, int] | None:
        raise NotImplementedError


AVAILABLE = sys.platform == "linux" and struct.calcsize("P") == 8


def is_held_by_others(fd: int, start: int) -> bool:
    """Whether another process holds this byte."""
    return _held_by_others(fd, start, 1) is not None


def any_held_by_others(fd: int, start: int, length: int) -> bool:
    """Whether another process holds any of these bytes."""
    return _held_by_others(fd, start, length) is not None


def parts_held_by_others(fd: int, size: int, count: int) -> Iterator[int]:
    """Numbers of the parts, out of ``count`` of ``size`` bytes, in which another process holds a byte; in no order."""
    pending = [(0, count)]
    while pending:
        begin, end = pending.pop()
        held = _held_by_others(fd, begin * size, (end - begin) * size)
        if held is None:
            continue
        first, last = max(held[0] // size, begin), min(-(-held[1] // size), end)
        yield from range(first, last)
        pending += [part for part in ((begin, first), (last, end)) if part[0] < part[1]]
