"""Timeouts of jobs in worker processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from alexflow.executors.process.places import Assignment
from alexflow.executors.process.worker_state import WorkerState

#: Seconds between checks whether a job with a timeout has begun.
NOT_YET = 0.05  # seconds


class Deadlines:
    """Notices jobs that take too long. Starting the worker and importing what the job needs do not count.

    Args:
        out_of_time: called with a job that does.
    """

    def __init__(self, out_of_time: Callable[[Assignment], None]):
        self._out_of_time = out_of_time
        self._loop = asyncio.get_running_loop()

    def watch(self, worker: WorkerState, sent: Assignment, timeout: float) -> None:
        """Watch a job that has just been sent, until it has left its worker."""
        sent.timer = self._loop.call_later(timeout, self._look, worker, sent, timeout)

    def _look(self, worker: WorkerState, sent: Assignment, timeout: float) -> None:
        if worker.is_leaving:
            return
        status = worker.status()
        at_work = time.monotonic() - status.since if status.running == sent.number and status.since else 0.0
        if at_work < timeout:
            wait = timeout - at_work if at_work else min(timeout, NOT_YET)
            sent.timer = self._loop.call_later(wait, self._look, worker, sent, timeout)
        else:
            self._out_of_time(sent)
