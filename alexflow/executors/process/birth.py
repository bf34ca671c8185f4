"""A worker that has been asked for."""

from __future__ import annotations

import asyncio
import os


class Birth:
    """A worker that has been asked for, and what came of it.

    Attributes:
        settled: set when that is known.
        descriptors: what the worker gets; they are closed here when it has them.
        pid: the process id; 0 if there is none, as far as is known.
        refused: why there can be none, if the system said so.
    """

    def __init__(self, descriptors: tuple[int, ...]):
        self.settled = asyncio.Event()
        self.pid = 0
        self.refused: OSError | None = None
        self.descriptors = descriptors

    def settle(self, pid: int = 0, refused: OSError | None = None) -> None:
        """Now it is known: the worker has its descriptors, or nobody will."""
        self.pid = pid
        self.refused = refused
        for fd in self.descriptors:
            os.close(fd)
        self.descriptors = ()
        self.settled.set()
