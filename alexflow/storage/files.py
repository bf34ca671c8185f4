"""Files of the operating system: opened, read and written; and what its errors mean."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import StorageDenied, StorageError, StorageFull

CHUNK_BYTES = 1024 * 1024  # bytes, when streaming

_CLASSES: dict[int, type[StorageError]] = {
    errno.ENOSPC: StorageFull,  # inodes, too
    errno.EDQUOT: StorageFull,
    errno.EFBIG: StorageFull,
    errno.EROFS: StorageDenied,
    errno.EACCES: StorageDenied,
    errno.EPERM: StorageDenied,
}

_REMEDIES = {
    errno.EMFILE: "; raise `ulimit -n`, or keep fewer streams open",
    errno.EISDIR: "; a directory is in the place of this output: move it away, or give the output another key",
}

#: The system's errors for a key that cannot exist: a step of its path is missing, or is a file.
NOT_THERE = (FileNotFoundError, NotADirectoryError)

_NO_ROOM = os.strerror(errno.ENOSPC)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, also a library's own, reports a full disk in the system's words."""
    return _CLASSES.get(getattr(error, "errno", None) or 0) is StorageFull or _NO_ROOM in str(error)


def disk_full(path: str) -> StorageError:
    """The error to raise for a full disk."""
    return storage_error("write", path, OSError(errno.ENOSPC, _NO_ROOM))


def storage_error(what: str, path: str, error: OSError) -> StorageError:
    """The error to raise when a storage could not ``what`` the file ``path``."""
    code = error.errno or 0
    name = errno.errorcode.get(code, str(error.errno))
    remedy = _REMEDIES.get(code, "")
    return _CLASSES.get(code, StorageError)(
        f"cannot {what} {path}: {error.strerror} ({name}){remedy}", path=path, errno=error.errno
    )


def open_above(path: str, flags: int, mode: int = 0o644) -> int:
    """Open a file as ``os.open`` does, but never as standard input, output or error.

    Where one of those is closed the system would give its number to the next file, and what is printed would be in it.
    """
    fd = os.open(path, flags, mode)
    return fd if fd > 2 else above_standard(fd)


def above_standard(fd: int) -> int:
    """The same file under a number above those of standard input, output and error."""
    if fd > 2:
        return fd
    import fcntl  # deferred: programs hardly ever close those

    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)


def fill_standard() -> None:
    """Ensure that standard input, output and error are open: a library's next file must not become one of them."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def is_file(path: str) -> bool:
    """Whether ``path`` is a regular file, and no link to one.

    Raises:
        OSError: it cannot be looked at.
    """
    return stat.S_ISREG(os.lstat(path).st_mode)


@blocks_briefly("a small file: it costs less than a thread would")
def write_all(fd: int, data: bytes) -> None:
    """Write all of ``data``, however many calls it takes."""
    written = os.write(fd, data)
    if written < len(data):
        view = memoryview(data)
        while written < len(data):
            written += os.write(fd, view[written:])


@blocks_briefly("a small file: it costs less than a thread would")
def read_all(fd: int, at_first: int, at: int | None = None) -> bytes:
    """Read to the end, from ``at`` if given; ``at_first`` is how much is read before asking how much there is."""
    if at is not None:
        os.lseek(fd, at, os.SEEK_SET)
    data = os.read(fd, at_first)
    if len(data) < at_first:  # of a file on a disk, that is all
        return data
    parts = [data]
    rest = os.fstat(fd).st_size - len(data)
    while more := os.read(fd, max(rest, 0) + 1):
        parts.append(more)
        rest -= len(more)
    return b"".join(parts)


def read_parts(fd: int) -> Iterator[bytes]:
    """All there is, in chunks."""
    while part := os.read(fd, CHUNK_BYTES):
        yield part
