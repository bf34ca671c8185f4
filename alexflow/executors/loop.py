"""``LoopExecutor``: ``async def run`` on the engine's event loop, thousands at once."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Sequence

from alexflow.errors import TaskTimeout
from alexflow.executors.attempt import aattempt, check_id
from alexflow.executors.fault import fault_of, not_done
from alexflow.executors.interface import Done, Executor, Foresee, Job, NotDone, Outcome, Report
from alexflow.storage import Storage


class LoopExecutor(Executor):
    """Runs jobs as asyncio tasks.

    Args:
        max_concurrency: how many at once; further ones wait their turn.
    """

    def __init__(self, max_concurrency: int):
        self._max_concurrency = max_concurrency
        self._pending: deque[Job] = deque()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._cancelled: set[str] = set()
        self._outcomes: list[Outcome] = []

    def open(self, storage: Storage, report: Report, foresee: Foresee) -> None:
        self._storage = storage
        self._report = report
        self._loop = asyncio.get_running_loop()
        # tasks see the context of whoever opened the engine, not of whoever happens to ask
        self._context = contextvars.copy_context()

    def submit(self, jobs: Sequence[Job]) -> None:
        self._pending.extend(jobs)
        self._start()

    def cancel(self, task_ids: Sequence[str]) -> None:
        wanted = set(task_ids)
        for task_id in task_ids:
            if task_id in self._running:
                self._cancelled.add(task_id)
                self._running[task_id].cancel()
                wanted.discard(task_id)
        if wanted and self._pending:
            waiting, self._pending = self._pending, deque()
            for job in waiting:
                if job.task_id in wanted:
                    self._tell(NotDone(job.task_id, "cancelled"))
                else:
                    self._pending.append(job)

    async def aclose(self) -> None:
        self._pending.clear()
        running = list(self._running.values())
        self._cancelled.update(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _start(self) -> None:
        while self._pending and len(self._running) < self._max_concurrency:
            job = self._pending.popleft()
            coroutine = self._run(job) if job.timeout is None else self._run_within(job, job.timeout)
            self._running[job.task_id] = self._loop.create_task(coroutine, context=self._context.copy())

    async def _run_within(self, job: Job, seconds: float) -> None:
        await self._run(job, asyncio.timeout(seconds))

    async def _run(self, job: Job, limit: asyncio.Timeout | None = None) -> None:
        started = time.perf_counter()
        outcome: Outcome
        try:
            if limit is None:
                await self._attempt(job)
            else:
                async with limit:
                    await self._attempt(job)
            outcome = Done(job.task_id, time.perf_counter() - started)
        except BaseException as error:  # everything is told to the scheduler, exits and cancellations too
            outcome = self._not_done(job, error, limit, time.perf_counter() - started)
            if isinstance(error, KeyboardInterrupt):
                raise
        finally:
            self._running.pop(job.task_id, None)
            self._cancelled.discard(job.task_id)
        self._tell(outcome)
        if self._pending:
            self._start()

    async def _attempt(self, job: Job) -> None:
        check_id(job.task, job.task_id)
        await aattempt(job.task, self._storage, replace=job.replace)

    def _not_done(self, job: Job, error: BaseException, limit: asyncio.Timeout | None, seconds: float) -> NotDone:
        if job.task_id in self._cancelled:
            return NotDone(job.task_id, "cancelled", seconds=seconds)
        if limit is not None and limit.expired() and isinstance(error, TimeoutError):
            timeout = TaskTimeout(
                job.task_id, f"took longer than its timeout of {job.timeout:g} s", summary=repr(job.task)
            )
            return NotDone(job.task_id, "error", timeout, seconds)
        return not_done(job.task_id, job.task, fault_of(error, travels=False), cause=error, seconds=seconds)

    def _tell(self, outcome: Outcome) -> None:
        if not self._outcomes:  # many end in one turn of the loop: tell them together
            self._loop.call_soon(self._flush)
        self._outcomes.append(outcome)

    def _flush(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        self._report(outcomes)
