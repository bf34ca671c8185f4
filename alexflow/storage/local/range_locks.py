"""Locks on ranges of a file, as the kernel has them for open file descriptions (``F_OFD_SETLK``).

They exclude each other between processes and within one, need no bytes in the file, and are gone when the last
descriptor of the description is closed, so also when its process dies, however it dies.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator

if sys.platform == "linux":
    import fcntl

    #: ``struct flock``: type, whence, start, length, pid.
    _FLOCK = struct.Struct("hhqqi4x")

    def take_range(fd: int, start: int, length: int = 1) -> bool:
        """Lock a range against all others; False if somebody else holds any of it."""
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, length, 0))
        except (BlockingIOError, PermissionError):  # POSIX leaves open which
            return False
        return True

    def release_range(fd: int, start: int, length: int = 1) -> None:
        """Let go of what is held of a range."""
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, start, length, 0))

    def _held_by_others(fd: int, start: int, length: int) -> tuple[int, int] | None:
        """A part of a range that somebody else holds: its start and its end. Any, not the first."""
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
    """Whether somebody else holds this byte."""
    return _held_by_others(fd, start, 1) is not None


def any_held_by_others(fd: int, start: int, length: int) -> bool:
    """Whether somebody else holds any of these bytes."""
    return _held_by_others(fd, start, length) is not None


def parts_held_by_others(fd: int, size: int, count: int) -> Iterator[int]:
    """Numbers of the parts in which somebody else holds anything, of ``count`` parts of ``size`` bytes; in no order."""
    pending = [(0, count)]
    while pending:
        begin, end = pending.pop()
        held = _held_by_others(fd, begin * size, (end - begin) * size)
        if held is None:
            continue
        first, last = max(held[0] // size, begin), min(-(-held[1] // size), end)
        yield from range(first, last)
        pending += [part for part in ((begin, first), (last, end)) if part[0] < part[1]]
