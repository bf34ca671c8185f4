"""``ThreadExecutor``: plain ``def run`` in threads of the engine's process."""

from __future__ import annotations

from functools import cached_property

from anyio import CapacityLimiter, to_thread

from alexflow.executors.attempt import attempt, check_id
from alexflow.executors.interface import Job
from alexflow.executors.loop import LoopExecutor


class ThreadExecutor(LoopExecutor):
    """Runs jobs in threads, each waited for by a task on the loop.

    A thread cannot be stopped: a job that is cancelled or takes too long is given up, and its thread goes on to its end
    without anybody waiting for it.

    Args:
        threads: how many at once.
    """

    def __init__(self, threads: int):
        super().__init__(max_concurrency=threads)
        self._threads = threads

    @cached_property
    def _limiter(self) -> CapacityLimiter:
        return CapacityLimiter(self._threads)  # when it is first needed: it imports much

    async def _attempt(self, job: Job) -> None:
        await to_thread.run_sync(self._attempt_in_thread, job, limiter=self._limiter, abandon_on_cancel=True)

    def _attempt_in_thread(self, job: Job) -> None:
        check_id(job.task, job.task_id)
        attempt(job.task, self._storage, replace=job.replace)
