"""``LoopExecutor``: ``async def run`` on the engine's event loop.

Jobs are taken by *runners*: asyncio tasks that do one job after the other. A job that never has to wait costs no task
of asyncio; when all runners wait inside their jobs, as many again are started, so that thousands of jobs that do wait
are soon all under way. A runner that has been at it for some milliseconds lets the event loop have its turn.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Awaitable, Coroutine, Generator, Sequence
from types import coroutine
from typing import Any

from alexflow.errors import TaskTimeout
from alexflow.executors.attempt import aattempt, check_id
from alexflow.executors.fault import fault_of, not_done
from alexflow.executors.interface import Done, Executor, Foresee, Job, NotDone, Outcome, Report
from alexflow.storage import Storage

#: How long a runner goes on before the loop gets a turn.
SLICE_SECONDS = 0.002

#: Runners that are started at least when all others wait.
FIRST_RUNNERS = 8


class LoopExecutor(Executor):
    """Runs jobs as coroutines on the event loop.

    Args:
        max_concurrency: how many at once; further ones wait their turn.
    """

    def __init__(self, max_concurrency: int):
        self._max_concurrency = max_concurrency
        self._pending: deque[Job] = deque()
        self._runners: set[asyncio.Task[None]] = set()
        self._running: dict[str, asyncio.Task[None]] = {}  # the runner of each job that is under way
        self._free = 0  # runners between two jobs
        self._hiring = False
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
        self._hire_soon()

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
        self._cancelled.update(self._running)
        runners = list(self._runners)
        for runner in runners:
            runner.cancel()
        if runners:
            await asyncio.wait(runners)

    # -- runners

    def _hire_soon(self) -> None:
        """Look at the loop's next turn whether there are enough runners."""
        if not self._hiring and self._pending and len(self._running) < self._max_concurrency:
            self._hiring = True
            self._loop.call_soon(self._hire)

    def _hire(self) -> None:
        self._hiring = False
        if not self._free:
            room = self._max_concurrency - len(self._running)
            for _ in range(min(len(self._pending), room, max(len(self._running), FIRST_RUNNERS))):
                self._free += 1
                runner = self._loop.create_task(self._work(), context=self._context)
                self._runners.add(runner)
                runner.add_done_callback(self._runners.discard)
        self._hire_soon()

    async def _work(self) -> None:
        """Do jobs until there are none, or until one is cancelled."""
        runner = asyncio.current_task()
        assert runner is not None  # for type checkers
        deadline = self._loop.time() + SLICE_SECONDS
        try:
            while self._pending and not runner.cancelling():
                job = self._pending.popleft()
                self._free -= 1
                self._running[job.task_id] = runner
                try:
                    waited = await _within(self._context.copy(), self._run(job))
                finally:
                    self._free += 1
                if self._pending:
                    now = self._loop.time()
                    if not waited and now > deadline:
                        await asyncio.sleep(0)
                        waited = True
                    if waited:
                        deadline = now + SLICE_SECONDS
        finally:
            self._free -= 1
            self._hire_soon()

    # -- one job

    async def _run(self, job: Job) -> None:
        limit = None if job.timeout is None else asyncio.timeout(job.timeout)
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

    def _attempt(self, job: Job) -> Awaitable[None]:
        check_id(job.task, job.task_id)
        return aattempt(job.task, self._storage, replace=job.replace)

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


@coroutine
def _within(context: contextvars.Context, job: Coroutine[Any, Any, None]) -> Generator[Any, Any, bool]:
    """Await ``job`` in a context of its own, so that what it sets is not there for the runner's next one.

    Returns:
        Whether it had to wait for anything.
    """
    waited = False
    step, argument = job.send, None
    try:
        while True:
            waits_for = context.run(step, argument)
            waited = True
            try:
                step, argument = job.send, (yield waits_for)
            except BaseException as error:  # thrown in: a cancellation, or what came of that for which it waited
                step, argument = job.throw, error
    except StopIteration:
        return waited
