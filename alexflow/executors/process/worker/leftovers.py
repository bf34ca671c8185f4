"""The leftovers of a job that was stopped: what goes on in its worker, so that the worker has to end, too.

A job that ends by an exception in the middle of anything has unwound its stack, as one does that fails: ``finally``
blocks and context managers have run. What goes on beside the stack does not end so: a thread, a process. And a module
that was being imported may be unable to be imported again.

Rejected: to end the worker with each job that is stopped. The next one then waits for a process and for the imports of
its own modules, a second or more; an application in which a few requests a second meet their deadlines loses half of
what it could do.
"""

from __future__ import annotations

import os
import threading
from _thread import _count
from types import FrameType

from alexflow.executors.process.wire.sessions import members

_IMPORTING = "<frozen importlib._bootstrap>"

#: Beginnings of the names of threads that storages and reports start when they are first used, and that stay.
_OWN = ("alexflow-", "fsspecIO")


class ThreadsBefore:
    """The threads that there were before a job."""

    def __init__(self) -> None:
        self._count = 0
        self._threads: set[threading.Thread] = set()

    def remember(self) -> None:
        """Note those that exist now; in nearly all cases this is one comparison."""
        count = _count()
        if count != self._count:
            self._count, self._threads = count, set(threading.enumerate())

    def has_more(self) -> bool:
        """Return whether there are others now."""
        return any(not thread.name.startswith(_OWN) for thread in {*threading.enumerate()} - self._threads)


def leftovers(before: ThreadsBefore) -> str:
    """Name what the job that has just ended has left running in this process or beside it; "" for nothing."""
    if before.has_more():
        return "a thread"
    return "a process" if members({os.getsid(0)}) - {os.getpid()} else ""


def is_importing(frame: FrameType | None) -> bool:
    """Return whether a module is being imported where this frame is."""
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTING:
            return True
        frame = frame.f_back
    return False
