"""The file whose ranges are locked: opened, and made, with care for who else uses the directory."""

from __future__ import annotations

import errno
import os
import stat

from alexflow.blocks_briefly import blocks_briefly
from alexflow.storage.leases import NoLeases
from alexflow.storage.local.new_file import open_above

#: What helps where the file cannot be opened though the directory can be written.
_REMEDIES = {
    errno.EACCES: ": it belongs to another user; let those who share the directory write its files (chmod g+rw FILE, "
    "and chmod g+rws DIRECTORY so that new ones are theirs, too)",
    errno.ELOOP: ": it is a symbolic link, and has to be a plain file: remove it",
}

#: Who may write to the directory may use the file.
_WRITERS = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@blocks_briefly("a small file: it costs less than a thread would")
def open_lockfile(path: str) -> int:
    """Open the file, and make it if it is missing, open to all to whom the directory is open.

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
        return open_above(path, flags | os.O_CREAT)


@blocks_briefly("a small file: it costs less than a thread would")
def _open_to_all_writers(fd: int, path: str) -> None:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a plain file, which it has to be: remove it", path)
    writers = os.stat(os.path.dirname(path)).st_mode & _WRITERS
    mode = stat.S_IMODE(status.st_mode) | writers | writers << 1  # who may write has to read, too
    if mode != stat.S_IMODE(status.st_mode) and status.st_uid == os.geteuid():
        os.fchmod(fd, mode)


@blocks_briefly("a small file: it costs less than a thread would")
def is_at(path: str, fd: int) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False
