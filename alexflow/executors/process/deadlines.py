"""Timeouts of jobs in worker processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from alexflow.executors.process.worker_state import WorkerState

#: Seconds between checks whether a job with a timeout has begun.
NOT_YET = 0.05  # seconds


class Deadlines:
    """Stops jobs that take too long. Starting the worker and importing what the job needs do not count.

    Args:
        stop: stops a job, by its number.
    """

    def __init__(self, stop: Callable[[WorkerState, int], None]):
        self._stop = stop
        self._loop = asyncio.get_running_loop()

    def watch(self, worker: WorkerState, number: int, timeout: float) -> None:
        """Watch a job that has just been sent, until it has left its worker."""
        worker.sent[number].timer = self._loop.call_later(timeout, self._look, worker, number, timeout)

    def _look(self, worker: WorkerState, number: int, timeout: float) -> None:
        sent = worker.sent.get(number)
        if sent is None or worker.is_leaving:
            return
        status = worker.status()
        at_work = time.monotonic() - status.since if status.running == number and status.since else 0.0
        if at_work < timeout:
            wait = timeout - at_work if at_work else min(timeout, NOT_YET)
            sent.timer = self._loop.call_later(wait, self._look, worker, number, timeout)
            return
        sent.took_too_long = True
        self._stop(worker, number)
