"""``LoopExecutor``: ``async def run`` on the engine's event loop.

Jobs are taken by *runners*: asyncio tasks that do one job after the other. A job that never has to wait costs no task
of asyncio; when all runners wait inside their jobs, as many again are started, so that thousands of jobs that do wait
are soon all under way. A runner that has been at it for some milliseconds lets the event loop have its turn.

A job that is cancelled or takes too long hears of it as :class:`asyncio.CancelledError`, and has a grace period to end.
If it does not, there is nothing that could make it: it is left behind, and cannot publish any more. A job that is
publishing already is not told, and may finish.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Coroutine, Generator, Sequence
from types import coroutine
from typing import Any

from alexflow.errors import TaskTimeout
from alexflow.executors.attempt import aattempt
from alexflow.executors.captured_error import fault_of, not_done
from alexflow.executors.enclosing_tasks import around, enclosing, running
from alexflow.executors.interface import GRACE, Done, Executor, Foresee, Job, NotDone, Outcome, Report
from alexflow.executors.job_queue import Pending
from alexflow.executors.log_records import name_tasks
from alexflow.forks import end_fork, this_process
from alexflow.hooks import is_ctrl_c, original, repr_of
from alexflow.logs import logger
from alexflow.model.mutation import check_unchanged
from alexflow.storage import Storage, Transaction

#: How long a runner goes on before the loop gets a turn.
SLICE_SECONDS = 0.002

#: Runners that are started at least when all others wait.
FIRST_RUNNERS = 8


class UnderWay:
    """A job that is being run."""

    __slots__ = ("is_cancelled", "is_left_behind", "is_stopped", "job", "runner", "timer", "transaction")

    def __init__(self, job: Job, runner: asyncio.Task[None], storage: Storage):
        self.job = job
        self.runner = runner
        self.transaction = Transaction(storage, replace=job.replace)
        self.timer: asyncio.TimerHandle | None = None  # until its time is over, or its grace
        self.is_stopped = False
        self.is_cancelled = False  # and not because of the time
        self.is_left_behind = False


class LoopExecutor(Executor):
    """Runs jobs as coroutines on the event loop.

    Args:
        max_concurrency: how many at once; further ones wait their turn.
        grace: seconds that a job which is stopped gets to end, before it is left behind.
    """

    def __init__(self, max_concurrency: int, *, grace: float = GRACE):
        self._max_concurrency = max_concurrency
        self._grace = grace
        self._pending = Pending()
        self._runners: set[asyncio.Task[None]] = set()
        self._left_behind: set[asyncio.Task[None]] = set()  # as asyncio itself does not hold on to tasks
        self._running: dict[str, UnderWay] = {}
        self._free = 0  # runners between two jobs
        self._hiring = False
        self._outcomes: list[Outcome] = []

    def open(self, storage: Storage, report: Report, foresee: Foresee) -> None:
        self._storage = storage
        self._report = report
        self._loop = asyncio.get_running_loop()
        # tasks see the context of whoever opened the engine, not of whoever happens to ask
        self._context = contextvars.copy_context()
        self._context.run(around.set, enclosing())
        self._one_has_gone = asyncio.Event()
        name_tasks()

    def submit(self, jobs: Sequence[Job]) -> None:
        self._pending.append_all(jobs)
        self._hire_soon()

    def cancel(self, task_ids: Sequence[str]) -> None:
        for task_id in task_ids:
            if task_id in self._running:
                self._stop(self._running[task_id], cancelled=True)
            elif self._pending.pop(task_id, None) is not None:
                self._tell(NotDone(task_id, "cancelled"))

    @property
    def places(self) -> int:
        return self._max_concurrency

    def recall(self) -> list[Job]:
        return self._pending.take_all()

    async def aclose(self) -> None:
        self._pending.clear()
        for under_way in list(self._running.values()):
            self._stop(under_way, cancelled=True)
        while self._runners:
            self._one_has_gone.clear()
            await self._one_has_gone.wait()

    def kill(self) -> None:
        self._grace = 0.0
        self._loop.call_soon_threadsafe(self._leave_all_behind)

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
                runner.add_done_callback(self._has_gone)
        self._hire_soon()

    async def _work(self) -> None:
        """Do jobs until there are none, or until one is cancelled."""
        runner = asyncio.current_task()
        assert runner is not None  # for type checkers
        deadline = self._loop.time() + SLICE_SECONDS
        try:
            while self._pending and not runner.cancelling():
                job = self._pending.take_first()
                self._free -= 1
                under_way = self._running[job.task_id] = UnderWay(job, runner, self._storage)
                try:
                    waited = await _within(self._context.copy(), self._run(under_way))
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

    def _has_gone(self, runner: asyncio.Task[None]) -> None:
        self._runners.discard(runner)
        self._left_behind.discard(runner)
        self._one_has_gone.set()

    # -- one job

    async def _run(self, under_way: UnderWay) -> None:
        job = under_way.job
        running.set(job.task_id)
        started = time.perf_counter()
        outcome: Outcome
        try:
            if job.timeout is not None:
                under_way.timer = self._loop.call_later(job.timeout, self._stop, under_way, context=self._context)
            await self._attempt(under_way)
            outcome = Done(job.task_id, time.perf_counter() - started, overtaken=under_way.transaction.overtaken)
        except BaseException as error:  # everything is told to the scheduler, exits and cancellations too
            outcome = self._not_done(under_way, error, time.perf_counter() - started)
            if self._is_ctrl_c(error):
                raise
        finally:
            if under_way.timer is not None:
                under_way.timer.cancel()
            if not under_way.is_left_behind:
                del self._running[job.task_id]
        if not under_way.is_left_behind:
            self._tell(outcome)

    def _attempt(self, under_way: UnderWay) -> Awaitable[None]:
        check_unchanged(under_way.job.task, under_way.job.task_id)
        return aattempt(under_way.job.task, under_way.transaction, under_way.job.outputs)

    def _is_ctrl_c(self, error: BaseException) -> bool:
        return is_ctrl_c(error)

    def _not_done(self, under_way: UnderWay, error: BaseException, seconds: float) -> NotDone:
        job = under_way.job
        if under_way.is_stopped:
            return _stopped(under_way, seconds)
        error = original(error)
        return not_done(job.task_id, job.task, fault_of(error, travels=False), cause=error, seconds=seconds)

    # -- stopping

    def _stop(self, under_way: UnderWay, cancelled: bool = False) -> None:
        if not under_way.is_stopped:
            under_way.is_stopped = True
            under_way.is_cancelled = cancelled
            if under_way.timer is not None:
                under_way.timer.cancel()
            under_way.timer = self._loop.call_later(self._grace, self._leave_behind, under_way)
            self._interrupt(under_way)

    def _interrupt(self, under_way: UnderWay) -> None:
        if under_way.transaction.revoke():  # else it is publishing: all of its outputs, or a part of them if cancelled
            under_way.runner.cancel()

    def _leave_behind(self, under_way: UnderWay) -> None:
        """Nobody waits any more for a job that does not end; its place is free."""
        under_way.is_left_behind = True
        in_time = under_way.transaction.revoke()
        if under_way.timer is not None:
            under_way.timer.cancel()
        del self._running[under_way.job.task_id]
        self._runners.discard(under_way.runner)
        self._left_behind.add(under_way.runner)
        under_way.runner.cancel()
        asyncio._unregister_task(under_way.runner)  # at the end of a program, asyncio.run waits for all it knows of
        logger.warning(
            "%s goes on, though it has been %s: it cannot be stopped, and is left behind; %s",
            under_way.job.task_id,
            "cancelled" if under_way.is_cancelled else f"told that its timeout of {under_way.job.timeout:g} s is over",
            "it cannot publish any more"
            if in_time
            else "it was publishing, and what it has stored may still become visible",
        )
        self._tell(_stopped(under_way, seconds=0.0))
        self._one_has_gone.set()
        self._hire_soon()

    def _leave_all_behind(self) -> None:
        for under_way in list(self._running.values()):
            self._stop(under_way, cancelled=True)
            if not under_way.is_left_behind:
                self._leave_behind(under_way)

    def _tell(self, outcome: Outcome) -> None:
        if not self._outcomes:  # many end in one turn of the loop: tell them together
            self._loop.call_soon(self._flush, context=self._context)
        self._outcomes.append(outcome)

    def _flush(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        self._report(outcomes)


def _stopped(under_way: UnderWay, seconds: float) -> NotDone:
    job = under_way.job
    if under_way.is_cancelled:
        return NotDone(job.task_id, "cancelled", seconds=seconds)
    message = f"took longer than its timeout of {job.timeout:g} s"
    return NotDone(job.task_id, "error", TaskTimeout(job.task_id, message, summary=repr_of(job.task)), seconds)


@coroutine
def _within(context: contextvars.Context, job: Coroutine[Any, Any, None]) -> Generator[Any, Any, bool]:
    """Await ``job`` in a context of its own, so that what it sets is not there for the runner's next one.

    Returns:
        Whether it had to wait for anything.
    """
    waited = False
    process = this_process.generation
    step, argument = job.send, None
    try:
        while True:
            waits_for = context.run(step, argument)
            if this_process.generation != process:  # a fork: the loop, and what it waits for, are the parent's
                end_fork()
            waited = True
            try:
                step, argument = job.send, (yield waits_for)
            except BaseException as error:  # thrown in: a cancellation, or what came of that for which it waited
                step, argument = job.throw, error
            if this_process.generation != process:  # another coroutine on this loop has forked, and its child awaits
                end_fork()
    except StopIteration:
        return waited
