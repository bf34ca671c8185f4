"""Which job a worker is at, in memory shared with the engine: still readable when the worker has been killed."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile

_NUMBERS = struct.Struct("<QQ")  # the job that is running (0: none), the last one that has ended


class Marker:
    """Two job numbers in a shared page. Numbers grow from 1 in the order in which jobs are run."""

    def __init__(self, fd: int):
        self._page = mmap.mmap(fd, _NUMBERS.size)

    def begin(self, number: int) -> None:
        """A job begins."""
        _NUMBERS.pack_into(self._page, 0, number, number - 1)

    def end(self, number: int) -> None:
        """A job has ended, its outputs published."""
        _NUMBERS.pack_into(self._page, 0, 0, number)

    def read(self) -> tuple[int, int]:
        """The job that is running, or 0, and the last one that has ended."""
        running, ended = _NUMBERS.unpack_from(self._page, 0)
        return running, ended

    def close(self) -> None:
        """Let go of the page."""
        self._page.close()


def new_marker_file() -> int:
    """A descriptor for a :class:`Marker`, to be inherited."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("alexflow-marker")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, _NUMBERS.size)
    return fd
