"""``Defect``: the reason why what has been imported cannot be had in common by forks."""

from __future__ import annotations

from enum import IntEnum


class Defect(IntEnum):
    """The reason why a process cannot be forked after an import, or must not import."""

    RAISED = 1  #: it raised what the text says
    THREADS = 2  #: threads, so many
    DESCRIPTORS = 3  #: descriptors, so many, which workers would share
    MEMORY = 4  #: memory that forks would write into together
    PROCESSES = 5  #: processes, so many
    DEVICES = 6  #: a context on a device
    LIMITS = 7  #: threads of its libraries could not be set any more
    ENDED = 8  #: its process ended; never sent
    HANGS = 9  #: it took too long; never sent
