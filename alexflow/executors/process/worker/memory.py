"""The memory of this process."""

from __future__ import annotations

import os

from alexflow.executors.process.wire.exit_status import peak_rss_of

_PAGE = os.sysconf("SC_PAGE_SIZE")


def rss() -> int:
    """Return its resident set size in bytes; where the system does not say, its peak."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except FileNotFoundError:
        import resource  # deferred: a task that has it may change limits (`process/worker/noted_calls.py`)

        return peak_rss_of(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
