"""The status page: the job that a worker is at, in memory shared with the engine; readable after its death."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable
from functools import partial

from msgspec import Struct

#: The job that is running (0: none), the last one that has ended, and since when the running one is at its own work.
_JOB = struct.Struct("<QQd")

#: Behind that, the definition that is being imported (0: none).
_IMPORT = struct.Struct("<Q")
_PAGE = struct.Struct("<QQdQ")  # both

#: Behind that, what the engine writes: whether it has read, or is about to read, what no boundary follows yet.
_UNSETTLED = _PAGE.size

#: Behind that, what the worker writes: the job that asks whether it is to stop (0: none has).
_WATCHING = _PAGE.size + 1
_WATCHING_JOB = struct.Struct("<Q")

#: Behind that, what the engine writes before it sends SIGTERM: the job that is to end (0: the worker is).
_TO_END = _WATCHING + _WATCHING_JOB.size
_JOB_TO_END = struct.Struct("<Q")
_SIZE = _TO_END + _JOB_TO_END.size


class WorkerStatus(Struct, frozen=True):
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

    def makes_sense(self, last: int, now: float) -> bool:
        """Whether the worker has written this, and not a task over it.

        Args:
            last: the number of the last job that it has got.
            now: by the system's monotonic clock.
        """
        in_order = not self.running or self.running == self.ended + 1
        return in_order and self.running <= last and self.ended <= last and 0.0 <= self.since <= now


class StatusPage:
    """A shared page. Numbers of jobs grow from 1 in the order in which they are run."""

    def __init__(self, fd: int):
        self._page = mmap.mmap(fd, _SIZE)
        #: Sets the job that is running, the last that has ended, and since when, as in :class:`WorkerStatus`. It is
        #: called twice for each job, so there is no function of Python's around it.
        self.set_job: Callable[[int, int, float], None] = partial(_JOB.pack_into, self._page, 0)
        #: Gives whether the engine has read, or may be reading, output that no boundary follows yet.
        self.unsettled: Callable[[], int] = partial(self._page.__getitem__, _UNSETTLED)

    def importing(self, definition: int) -> None:
        """Note that a definition is about to be imported; with 0, that it has been."""
        _IMPORT.pack_into(self._page, _JOB.size, definition)

    def read(self) -> WorkerStatus:
        """Return the job that the worker is at, or was at when it died."""
        return WorkerStatus(*_PAGE.unpack_from(self._page, 0))

    def watch_stop(self, number: int) -> None:
        """Note that a job asks whether it is to stop."""
        _WATCHING_JOB.pack_into(self._page, _WATCHING, number)

    @property
    def watches_stop(self) -> bool:
        """Whether the job that is running asks whether it is to stop."""
        (watching,) = _WATCHING_JOB.unpack_from(self._page, _WATCHING)
        return bool(watching) and watching == self.read().running

    def end_job(self, number: int) -> None:
        """Note that the next SIGTERM is meant for this job, and not for the worker; with 0, for the worker."""
        _JOB_TO_END.pack_into(self._page, _TO_END, number)

    def take_job_to_end(self) -> int:
        """Return the job for which a SIGTERM is meant that has come; 0 if for the worker. It is returned once."""
        (number,) = _JOB_TO_END.unpack_from(self._page, _TO_END)
        _JOB_TO_END.pack_into(self._page, _TO_END, 0)
        return int(number)

    def settle(self, settled: bool) -> None:
        """Note whether all output that has been read belongs to a known job."""
        self._page[_UNSETTLED] = not settled

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
