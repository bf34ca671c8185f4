"""Reading of a key's file: opened once and, if asked for, compared with its digest record."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import OutputDamaged, OutputNotFound
from alexflow.storage.digest import Judgement, is_refused, judge, record_of
from alexflow.storage.files import NOT_THERE, read_all, storage_error
from alexflow.storage.local import digest_store
from alexflow.type_vars import T

#: Up to here bytes wait in memory, and the event loop writes and reads them itself: some 50 µs of its time.
MAX_INLINE_BYTES = 256 * 1024  # bytes

#: The size of the first read, made without asking for the file's size: most outputs are smaller.
FIRST_READ_BYTES = 16 * 1024  # bytes


@blocks_briefly("a small file: it costs less than a thread would")
def read_opened(base: str, key: str, read: Callable[[int, int], T]) -> T:
    """The result of ``read(descriptor, FIRST_READ_BYTES)``.

    Raises:
        OutputNotFound: there is no such file.
    """
    fd = open_file(base, key)
    try:
        return read(fd, FIRST_READ_BYTES)
    except OSError as error:
        raise storage_error("read", f"{base}/{key}", error) from error
    finally:
        os.close(fd)


def open_file(base: str, key: str) -> int:
    """The descriptor of an output, for reading. What is no file is no output: nothing is read from a device or a pipe,
    no pipe's writer is waited for, and no symbolic link is followed.

    Raises:
        OutputNotFound: there is no such file.
    """
    path = f"{base}/{key}"
    try:
        fd = os.open(path, _TO_READ)
    except OSError as error:
        if isinstance(error, NOT_THERE) or error.errno in _NO_FILE:
            raise OutputNotFound(key, base) from None
        raise storage_error("read", path, error) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OutputNotFound(key, base)
    return fd


_TO_READ = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NO_FILE = frozenset({errno.ELOOP, errno.ENXIO, errno.ENODEV})  # a symbolic link, a socket, a device without a driver


def read_if_small(fd: int, at_first: int) -> bytes | None:
    """All there is, unless that is more than :data:`MAX_INLINE_BYTES`."""
    data = os.read(fd, at_first)
    if len(data) < at_first:
        return data
    return None if os.fstat(fd).st_size > MAX_INLINE_BYTES else read_all(fd, MAX_INLINE_BYTES, at=0)


def as_published(base: str, key: str, fd: int, data: bytes, *, strictly: bool) -> bytes:
    """``data``, if that is what was published under ``key``.

    Raises:
        OutputDamaged: it is not, or, where it is looked at ``strictly``, there is no telling; it has been moved out of
            the way.
    """
    check_published(base, key, fd, record_of(data), strictly=strictly)
    return data


def check_published(base: str, key: str, fd: int, actual: bytes, *, strictly: bool) -> None:
    """As :func:`as_published`, of a file whose bytes have this record."""
    judgement = judge(digest_store.read(fd, base, key), actual, key)
    if is_refused(judgement, strictly=strictly):
        from alexflow.storage.local.examination import set_aside  # deferred: seldom needed

        raise damaged(key, base, judgement, set_aside(base, key, fd))


def damaged(key: str, where: str, judgement: Judgement, moved_to: str) -> OutputDamaged:
    """The error to raise for an object that is refused."""
    return OutputDamaged(key, where, moved_to=moved_to, because=_BECAUSE[judgement])


_BECAUSE = {
    "damaged": "is not what was published there",
    "misplaced": "was published under another key",
    "unrecorded": "has no record of what was published there",
    "keyless": "has a record without its key",
}
