"""Stopping a job so that its worker lives on, if the job ends in time.

A job that is stopped mostly ends at once, and its worker takes the next one. If it takes longer, another worker is
started in its place, and the job goes on with what is left of its grace. Should it end then, its worker comes back,
and the other one makes room for it if it has not begun anything: the one has imported what the other still lacks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from alexflow.executors.process.worker_process import WorkerProcess
from alexflow.executors.process.worker_state import WorkerState

#: Seconds within which a stopped job is waited for before another worker is started.
PROMPT = 0.01


class JobStops:
    """Jobs that are being stopped.

    Args:
        grace: seconds that each gets to end.
        late: called with a worker and the number of its job, if that has not ended promptly.
        reap: called with a worker whose job has not ended within its grace.
    """

    def __init__(self, grace: float, late: Callable[[WorkerState, int], None], reap: Callable[[WorkerState], None]):
        self._grace = grace
        self._late = late
        self._reap = reap
        self._timers: dict[WorkerState, asyncio.TimerHandle] = {}
        self._loop = asyncio.get_running_loop()

    def begin(self, worker: WorkerState, number: int) -> None:
        """Stop the job that a worker is running; it is of this number."""
        cast(WorkerProcess, worker.process).stop_job(number)
        self.watch(worker, number)

    def watch(self, worker: WorkerState, number: int) -> None:
        """Take in that a job is being stopped, by the agent of its worker or here."""
        self._timers[worker] = self._loop.call_later(min(PROMPT, self._grace), self._is_late, worker, number)

    def end(self, worker: WorkerState) -> bool:
        """Note that the job, or the worker, has ended. Return whether a job was being stopped there."""
        timer = self._timers.pop(worker, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    def close(self) -> None:
        """Do nothing more."""
        for worker in list(self._timers):
            self.end(worker)

    def _is_late(self, worker: WorkerState, number: int) -> None:
        self._timers[worker] = self._loop.call_later(max(0.0, self._grace - PROMPT), self._is_over, worker)
        self._late(worker, number)

    def _is_over(self, worker: WorkerState) -> None:
        self.end(worker)
        self._reap(worker)
