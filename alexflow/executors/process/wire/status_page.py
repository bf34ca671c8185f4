"""The status page: the job that a worker is at, in memory shared with the engine; readable after its death."""

from __future__ import annotations

import mmap
import os
import struct
from typing import NamedTuple

#: The job that is running (0: none), the last one that has ended, and since when the running one is at its own work.
_JOB = struct.Struct("<QQd")

#: Behind that, the definition that is being imported (0: none).
_IMPORT = struct.Struct("<Q")
_PAGE = struct.Struct("<QQdQ")  # both

#: Behind that, what the engine writes: whether it has read, or is about to read, what no boundary follows yet.
_UNSETTLED = _PAGE.size
_SIZE = _PAGE.size + 1


class WorkerStatus(NamedTuple):
    """The job that a worker is at.

    Attributes:
        running: the number of the job that is running, or 0.
        ended: the number of the last one that has ended.
        since: since when, by the system's monotonic clock, the running one has been at its own work; 0 while its class
            is still being imported.
        importing: the number of the definition that is being imported, for that job or for later ones, or 0.
    """

    running: int
    ended: int
    since: float
    importing: int


class StatusPage:
    """A shared page. Numbers of jobs grow from 1 in the order in which they are run."""

    def __init__(self, fd: int):
        self._page = mmap.mmap(fd, _SIZE)

    def begin(self, number: int, now: float = 0.0) -> None:
        """Note that a job begins; with the time, if nothing has to be imported for it: then it is at its own work."""
        _JOB.pack_into(self._page, 0, number, number - 1, now)

    def end(self, number: int) -> None:
        """Note that a job has ended, its outputs published."""
        _JOB.pack_into(self._page, 0, 0, number, 0.0)

    def importing(self, definition: int) -> None:
        """Note that a definition is about to be imported; with 0, that it has been."""
        _IMPORT.pack_into(self._page, _JOB.size, definition)

    def read(self) -> WorkerStatus:
        """Return the job that the worker is at, or was at when it died."""
        return WorkerStatus(*_PAGE.unpack_from(self._page, 0))

    def settle(self, settled: bool) -> None:
        """Note whether all output that has been read belongs to a known job."""
        self._page[_UNSETTLED] = not settled

    def unsettled(self) -> int:
        """Return whether the engine has read, or may be reading, output that no boundary follows yet."""
        return self._page[_UNSETTLED]

    def close(self) -> None:
        """Close the page."""
        self._page.close()


def create_status_file() -> int:
    """A descriptor for a :class:`StatusPage`, to be inherited."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("alexflow-marker")
    else:
        import tempfile  # deferred: it brings much, and Linux does without

        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, _SIZE)
    return fd
