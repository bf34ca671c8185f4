"""``ThreadExecutor``: plain ``def run`` in threads of the engine's process."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Sequence

from anyio import CapacityLimiter, to_thread

from alexflow.errors import TaskTimeout
from alexflow.executors.attempt import attempt, check_id
from alexflow.executors.fault import fault_of, not_done
from alexflow.executors.interface import Done, Executor, Job, NotDone, Outcome, Report
from alexflow.storage import Storage


class ThreadExecutor(Executor):
    """Runs jobs in threads.

    A thread cannot be stopped: a job that is cancelled or takes too long is given up, and its thread goes on to its end
    without anybody waiting for it.

    Args:
        threads: how many at once.
    """

    def __init__(self, threads: int):
        self._threads = threads
        self._pending: deque[Job] = deque()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._cancelled: set[str] = set()

    def open(self, storage: Storage, report: Report) -> None:
        self._storage = storage
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._limiter = CapacityLimiter(self._threads)
        self._context = contextvars.copy_context()

    def submit(self, jobs: Sequence[Job]) -> None:
        self._pending.extend(jobs)
        self._start()

    def cancel(self, task_ids: Sequence[str]) -> None:
        for task_id in task_ids:
            if task_id in self._running:
                self._cancelled.add(task_id)
                self._running[task_id].cancel()
                continue
            for job in self._pending:
                if job.task_id == task_id:
                    self._pending.remove(job)
                    self._report([NotDone(task_id, "cancelled")])
                    break

    async def aclose(self) -> None:
        self._pending.clear()
        running = list(self._running.values())
        self._cancelled.update(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _start(self) -> None:
        while self._pending and len(self._running) < self._threads:
            job = self._pending.popleft()
            self._running[job.task_id] = self._loop.create_task(self._run(job), context=self._context.copy())

    async def _run(self, job: Job) -> None:
        started = time.perf_counter()
        outcome: Outcome
        try:
            async with asyncio.timeout(job.timeout):
                await to_thread.run_sync(self._attempt, job, limiter=self._limiter, abandon_on_cancel=True)
            outcome = Done(job.task_id, time.perf_counter() - started)
        except BaseException as error:  # everything is told to the scheduler, exits and cancellations too
            outcome = self._not_done(job, error, time.perf_counter() - started)
        finally:
            self._running.pop(job.task_id, None)
            self._cancelled.discard(job.task_id)
        self._report([outcome])
        self._start()

    def _attempt(self, job: Job) -> None:
        check_id(job.task, job.task_id)
        try:
            attempt(job.task, self._storage, replace=job.replace)
        except TimeoutError as error:
            raise _OwnTimeout from error  # not to be taken for the job's

    def _not_done(self, job: Job, error: BaseException, seconds: float) -> NotDone:
        if job.task_id in self._cancelled:
            return NotDone(job.task_id, "cancelled", seconds=seconds)
        if isinstance(error, TimeoutError):
            timeout = TaskTimeout(
                job.task_id, f"took longer than its timeout of {job.timeout:g} s", summary=repr(job.task)
            )
            return NotDone(job.task_id, "error", timeout, seconds)
        if isinstance(error, _OwnTimeout) and error.__cause__ is not None:
            error = error.__cause__
        return not_done(job.task_id, job.task, fault_of(error, travels=False), cause=error, seconds=seconds)


class _OwnTimeout(Exception):
    """A TimeoutError that the task itself raised."""
