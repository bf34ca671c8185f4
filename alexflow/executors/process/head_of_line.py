"""Calls back jobs that wait behind one that takes unexpectedly long: they would run elsewhere, and it is not over.

Which jobs travel together is a guess, made from those of their class that have run. A worker that has ended no job for
a while, with others behind the first, gives those back, and gets no more until the first has ended. What it logs or
asks for meanwhile is no sign that they get on.
"""

from __future__ import annotations

import asyncio
import time

from alexflow.executors.process.shutdown import Departures
from alexflow.executors.process.worker_set import Staff

#: After so long without a job that ended, those behind the first are called back; after twice that at the latest.
OVERDUE = 0.02  # seconds


class Overdue:
    """Looks after workers that have several jobs.

    Args:
        staff: the workers.
        departures: calls jobs back.
    """

    def __init__(self, staff: Staff, departures: Departures):
        self._staff = staff
        self._departures = departures
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Workers may have been given jobs."""
        if self._timer is None and any(len(worker.sent) > 1 for worker in self._staff.workers):
            self._timer = self._loop.call_later(OVERDUE, self._look)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        latest = time.monotonic() - OVERDUE
        for worker in self._staff.workers:
            if len(worker.sent) > 1 and worker.heard < latest and not worker.recalled:
                self._departures.recall(worker)
        self.watch()
