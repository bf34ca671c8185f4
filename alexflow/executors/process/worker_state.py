"""A worker process as a place of the pool."""

from __future__ import annotations

import time

from alexflow.executors.capacity import Binding
from alexflow.executors.process.places import Place
from alexflow.executors.process.wire.status_page import WorkerStatus
from alexflow.executors.process.worker_process import WorkerProcess
from alexflow.model import AbstractTask


class WorkerState(Place):
    """A place that is a worker process. Only the pool's machine changes what it has from :class:`Place`."""

    def __init__(self, ordinal: int, binding: Binding = ()) -> None:
        super().__init__(ordinal, time.monotonic(), binding)
        self.process: WorkerProcess
        self.known: set[int] = set()  # definitions that it has
        self.sources_of = 0  # the job for which it has asked for tasks behind outputs
        self.sources: dict[str, AbstractTask] = {}  # those tasks
        self.warned_of: set[str] = set()  # classes whose slow import has been logged

    def status(self) -> WorkerStatus:
        """Return the job that it is at."""
        return self.believable(self.process.status())

    def believable(self, status: WorkerStatus) -> WorkerStatus:
        """Return the status as the worker wrote it; if a task has overwritten the page, as it must be."""
        now = time.monotonic()
        in_order = not status.running or status.running == status.ended + 1
        if in_order and status.running <= self.number and status.ended <= self.number and 0.0 <= status.since <= now:
            return status
        first = next(iter(self.sent), 0)
        return WorkerStatus(first, (first or self.number + 1) - 1, self.last_report or now, 0)
