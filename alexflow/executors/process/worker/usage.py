"""Usage of the processor and of memory by one job after the other.

The system keeps the peak of a process's memory for as long as that lives, so that a job would be charged for what large
ones before it have used. After a job that has raised it, it is reset. That takes three system calls, and most jobs
raise nothing. A brief job cannot use much: of those memory is looked at when the worker reports, for all together.
"""

from __future__ import annotations

import os
import sys
from resource import RUSAGE_SELF, getrusage
from time import process_time

from alexflow.executors.interface import Usage
from alexflow.executors.process.wire.exit_status import peak_rss_of
from alexflow.storage import Transaction

#: A peak that is higher by less than this is left for the next jobs, too.
_RAISED = 16 * 1024 * 1024 // peak_rss_of(1)  # in the system's unit


#: A job of less has its memory looked at with the next report: in that time the system gives a process a few MiB.
BRIEF = 0.0005  # seconds


class UsageMeter:
    """Measures each job, by one look at the process's clock after each."""

    def __init__(self) -> None:
        self._worker = os.getpid()
        self._cpu = 0.0  # seconds, of all jobs so far and of what was before them
        self._peak = getrusage(RUSAGE_SELF).ru_maxrss  # that counts as nothing of a job's own
        self._rss = peak_rss_of(self._peak)  # bytes, the peak when it was last looked at

    def start(self) -> None:
        """Count from here; called before a job that follows work other than a job's."""
        self._cpu = process_time()

    def read(self, transaction: Transaction, seconds: float, ended: float) -> Usage:
        """Return what has been used since the last call, and what a job has stored that took so long and ended then."""
        if seconds > BRIEF:
            rss = self.look()
        else:
            rss = self._rss
        before, self._cpu = self._cpu, process_time()
        return Usage(self._worker, int((self._cpu - before) * 1e6), rss, transaction.stored, ended)

    def look(self) -> int:
        """Return the peak of the memory, in bytes, and have the system forget it if it is far above what was before."""
        peak = getrusage(RUSAGE_SELF).ru_maxrss
        self._rss = found = peak_rss_of(peak)
        if peak - self._peak > _RAISED:
            self._reset_peak()
        return found

    def has_failed(self) -> None:
        """Note that a job has failed, whose peak is not the next one's."""
        if getrusage(RUSAGE_SELF).ru_maxrss - self._peak > _RAISED:
            self._reset_peak()

    def _reset_peak(self) -> None:
        """Let the peak be what the process has now."""
        try:
            with open("/proc/self/clear_refs", "wb", buffering=0) as file:  # opened anew: it is that of one process
                file.write(b"5")
        except OSError:  # another system, or not allowed: peaks are then those of all jobs so far
            self._peak = sys.maxsize
        else:
            self._peak = getrusage(RUSAGE_SELF).ru_maxrss
            self._rss = peak_rss_of(self._peak)


def peak_at(error: BaseException) -> int:
    """Return the most memory that this process has used, in bytes, if an error says that it is too little; else 0."""
    return peak_rss_of(getrusage(RUSAGE_SELF).ru_maxrss) if issubclass(type(error), MemoryError) else 0
