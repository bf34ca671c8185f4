"""Waiting until all workers of a pool are there and have imported what was announced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from alexflow.executors.process.worker_set import WorkerSet
from alexflow.executors.process.worker_state import WorkerState


class ReadyWorkers:
    """Callers that wait.

    Args:
        worker_set: the workers.
        size: how many there are to be.
    """

    def __init__(self, worker_set: WorkerSet, size: int):
        self._worker_set = worker_set
        self._size = size
        self._waiting: list[asyncio.Future[None]] = []
        self._behind: list[WorkerState] = []  # those that were not ready at the last look at all

    @property
    def awaited(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    async def wait(self, start: Callable[[], None]) -> None:
        """Wait until all are ready; ``start()`` starts those that are missing.

        Raises:
            WorkerDied: they cannot be started.
        """
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(ready)
        try:
            start()
            self.watch()
            self.check()
            await ready
        finally:
            if ready in self._waiting:  # its caller has left
                self._waiting.remove(ready)

    def watch(self) -> None:
        """Look again when a worker has started that has not yet."""
        for worker in self._worker_set.workers:
            if not worker.process.has_started:
                worker.process.when_started(self.check)

    def check(self) -> None:
        """Note that a worker has got further."""
        if self._waiting and self._are_ready():
            self._end(None)

    def fail(self, error: Exception) -> None:
        """Note that workers cannot be started, or not any more."""
        self._end(error)

    def _are_ready(self) -> bool:
        """Whether all are ready; with a thousand of them, to look at all whenever one gets further takes seconds."""
        while self._behind and (self._behind[-1].is_leaving or _is_ready(self._behind[-1])):
            self._behind.pop()
        if self._behind:
            return False
        workers = self._worker_set.workers
        self._behind = [worker for worker in workers if not _is_ready(worker)]
        return len(workers) >= self._size and not self._behind

    def _end(self, error: Exception | None) -> None:
        waiting, self._waiting = self._waiting, []
        for ready in waiting:
            if not ready.done():
                if error is None:
                    ready.set_result(None)
                else:
                    ready.set_exception(error)


def _is_ready(worker: WorkerState) -> bool:
    return bool(worker.process.pid) and worker.imported >= len(worker.known)
