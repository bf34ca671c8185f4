"""Logs workers whose imports for a job take long: no timeout ends these, as imports do not count.

A worker says in the page that it shares with the engine (`process/wire/status_page.py`) which class it imports: that
costs once per class, and jobs that find it imported nothing. Opening the storage and unpickling what a task carries
import, too; there the page says which job has begun and is not at its own work. Both are looked at from time to time
while there are jobs with workers. A worker that is twice seen at the same import has been at it all the while.
"""

from __future__ import annotations

import asyncio

from alexflow.executors.process.definitions import Definitions
from alexflow.executors.process.importable import name_of
from alexflow.executors.process.wire.status_page import WorkerStatus
from alexflow.executors.process.worker_set import WorkerSet
from alexflow.executors.process.worker_state import WorkerState
from alexflow.logs import logger

#: Imports that take longer are logged, after twice that at the latest.
SLOW_AFTER = 15.0  # seconds


class SlowImports:
    """Looks what workers import.

    Args:
        worker_set: the workers.
        definitions: what they import, by number.
    """

    def __init__(self, worker_set: WorkerSet, definitions: Definitions):
        self._worker_set = worker_set
        self._definitions = definitions
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._seen: dict[WorkerState, WorkerStatus] = {}

    def watch(self) -> None:
        """Watch, as a worker has been given jobs."""
        if self._timer is None:
            self._timer = self._loop.call_later(SLOW_AFTER, self._look)

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        before, self._seen = self._seen, {}
        for worker in self._worker_set.workers:
            if worker.sent:
                self.watch()
            status = worker.status()
            if status.importing or (status.running and not status.since):
                self._seen[worker] = status
                if status == before.get(worker):
                    self._tell(worker, status)

    def _tell(self, worker: WorkerState, status: WorkerStatus) -> None:
        sent = worker.sent.get(status.running)
        if status.importing in self._definitions:
            name = self._definitions[status.importing].name
        elif sent is not None:
            name = name_of(type(sent.job.task))
        else:
            return
        if name not in worker.warned_of:
            worker.warned_of.add(name)
            module, _, qualname = name.partition(":")
            logger.warning(
                "worker process %d has been importing module %s, or its dependencies, for more than %g s; "
                "tasks of %s wait for the import, which no timeout ends",
                *(worker.process.pid, module, SLOW_AFTER, qualname),
            )
