"""Usage of the processor and of memory by one job after the other."""

from __future__ import annotations

import os
from resource import RUSAGE_SELF, getrusage

from alexflow.executors.interface import Usage
from alexflow.executors.process.wire.exit_status import peak_rss_of
from alexflow.storage import Transaction


class UsageMeter:
    """Measures each job, by one look at the process after each."""

    def __init__(self) -> None:
        self._worker = os.getpid()
        self._cpu = 0.0  # seconds, of all jobs so far and of what was before them

    def start(self) -> None:
        """Count from here; called before a job that follows work other than a job's."""
        used = getrusage(RUSAGE_SELF)
        self._cpu = used.ru_utime + used.ru_stime

    def read(self, transaction: Transaction) -> Usage:
        """Return what has been used since the last call, and what a job has stored."""
        used = getrusage(RUSAGE_SELF)
        before, self._cpu = self._cpu, used.ru_utime + used.ru_stime
        return Usage(self._worker, int((self._cpu - before) * 1e6), peak_rss_of(used.ru_maxrss), transaction.stored)


def peak_at(error: BaseException) -> int:
    """Return the most memory that this process has used, in bytes, if an error says that it is too little; else 0."""
    return peak_rss_of(getrusage(RUSAGE_SELF).ru_maxrss) if issubclass(type(error), MemoryError) else 0
