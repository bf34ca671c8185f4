"""Worker shutdown: crashes, workers whose job is stopped and does not end, and retirement.

A worker that is shut down gives up its place at once, so that another can be started. It gets SIGTERM, which its job
sees as :class:`TaskStopped`; after a grace period it is killed. In any case its process group, with the children of its
jobs, is killed when it has ended. Only then are the outcomes of its jobs reported: the limited resources that they hold
are free when their process is gone, not before. (:mod:`.job_stops` stops a job without its worker.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.wire.status_page import WorkerStatus
from alexflow.executors.process.worker_set import WorkerSet
from alexflow.executors.process.worker_state import WorkerState
from alexflow.logs import logger

#: Seconds that an idle worker gets to end by itself.
RETIRE_GRACE = 1.0

#: Seconds that a worker gets to end that has closed its channel, as the system does for one that is about to be gone.
HUNG_UP_GRACE = 0.5

#: Called with a worker that has ended, its exit status, and where it was among its jobs.
Gone = Callable[[WorkerState, ExitStatus, WorkerStatus], None]


class Shutdown:
    """Ends worker processes.

    Args:
        worker_set: the workers.
        grace: seconds that a stopped job gets to end.
        on_gone: called for each worker that has ended, until the pool is closed.
    """

    def __init__(self, worker_set: WorkerSet, grace: float, on_gone: Gone):
        self._worker_set = worker_set
        self._grace = grace
        self._on_gone = on_gone
        self._reaping: dict[WorkerState, asyncio.Task[None]] = {}
        self._closed = False

    def has(self, worker: WorkerState) -> bool:
        """Whether a worker is being ended, or has been."""
        return worker in self._reaping or (worker.is_leaving and worker not in self._worker_set.leaving)

    def reap(self, worker: WorkerState, *, has_died: bool = False) -> None:
        """Reap a worker that has ended, or has closed its channel; one that lives on is killed.

        Args:
            worker: the worker.
            has_died: whether it was not to end.
        """
        self._shut_down(worker, HUNG_UP_GRACE, has_died=has_died)

    def stop(self, worker: WorkerState) -> None:
        """End a worker with the job that it is running, which gets the grace period."""
        self._shut_down(worker, self._grace, terminate=True)

    def retire(self, worker: WorkerState) -> None:
        """End an idle worker."""
        worker.process.hang_up()
        status = worker.process.status()
        has_run = status.running or status.ended  # one that has done nothing has nothing to end
        self._shut_down(worker, RETIRE_GRACE if has_run else 0.0)

    def end_all(self) -> None:
        """End all workers; jobs that are running get the grace period."""
        for worker in [*self._worker_set.workers, *self._worker_set.leaving]:
            if not self.has(worker):
                (self.stop if worker.sent else self.retire)(worker)

    async def aclose(self) -> None:
        """Wait until all workers have ended, which are being ended."""
        self._closed = True
        self._worker_set.give_up()
        await asyncio.gather(*self._reaping.values())

    def kill(self) -> None:
        """Kill all workers now, and from now on without grace; may be called by a signal handler."""
        self._closed = True
        self._grace = 0.0
        for worker in [*self._worker_set.workers, *self._worker_set.leaving]:
            worker.process.kill()

    def _shut_down(
        self, worker: WorkerState, patience: float, *, terminate: bool = False, has_died: bool = False
    ) -> None:
        self._reaping[worker] = asyncio.create_task(self._reap(worker, patience, terminate, has_died))

    async def _reap(self, worker: WorkerState, patience: float, terminate: bool, has_died: bool) -> None:
        try:
            end, last = await worker.process.wait_and_reap(patience, terminate=terminate)
        finally:
            del self._reaping[worker]
            self._worker_set.left(worker)
        if not self._closed:
            if has_died:
                _warn_if_idle(worker, end, last)
            self._on_gone(worker, end, last)


def _warn_if_idle(worker: WorkerState, end: ExitStatus, last: WorkerStatus) -> None:
    """Log the death of a worker that was running nothing: of any other, what was running says it."""
    is_known = worker.has_reported and end.code is not None  # else it has not started, or its machine is gone
    if is_known and worker.believable(last).running not in worker.sent:
        where = f" on {worker.process.host}" if worker.process.host else ""
        message = "worker process %d%s was running no task and %s; another one starts when a task needs it"
        logger.warning(message, worker.process.pid, where, end)
