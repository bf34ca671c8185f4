"""``LoopExecutor``: ``async def run`` on the engine's event loop.

Jobs are taken by *runners*: asyncio tasks that do one job after the other. A job that never has to wait costs no task
of asyncio; when all runners wait inside their jobs, others are started, a few more than could begin a job in the turn
before, so that thousands of jobs that do wait are soon all under way. Runners that have been at it for a
millisecond let the event loop have its turn: of those without a job, one goes on in the next, and the others end. Jobs
that go on after they have waited have a millisecond of each turn, too: thousands may be woken at one moment. What has
ended is reported in the loop's next turn, many together; the last few of a turn at once, by the runner that finds no
further job: so a request of one job takes two turns fewer.

A job that is cancelled or takes too long gets :class:`asyncio.CancelledError`, and a grace period to end. If it does
not end, nothing can make it: it is abandoned, and cannot publish any more. A job that is publishing already is not
interrupted, and may finish.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Coroutine, Generator, Sequence
from contextlib import suppress
from types import coroutine
from typing import Any

from alexflow.errors import TaskTimeout
from alexflow.executors.attempt import aattempt
from alexflow.executors.capacity import Capacity, no_capacity
from alexflow.executors.captured_error import capture_error, not_done, pruned
from alexflow.executors.current_attempt import CurrentAttempt
from alexflow.executors.enclosing_tasks import around, enclosing, running
from alexflow.executors.how_to_run import HowToRun
from alexflow.executors.interface import GRACE, Done, Executor, Job, JobSource, NotDone, Outcome, Report, Usage
from alexflow.executors.job_claims import JobClaims
from alexflow.executors.lacks import Lack
from alexflow.executors.log_records import install_record_factory
from alexflow.executors.running_job import RunningJob
from alexflow.executors.turn_slice import TurnSlice
from alexflow.forks import end_fork, this_process
from alexflow.hooks import is_ctrl_c, original, repr_of
from alexflow.logs import logger
from alexflow.model.mutation import check_unchanged
from alexflow.storage import Storage

#: How long all runners together go on before the loop gets a turn; and all jobs that have waited for something.
RUNNER_SLICE = JOB_SLICE = 0.001

#: Jobs whose ends are reported between two turns of the loop: to take them in takes some millisecond.
REPORTED_PER_TURN = 32

#: Of a turn's last jobs, how many are reported in the same turn.
REPORTED_AT_ONCE = 4

#: Jobs that are stopped between two turns of the loop when the engine is closed.
STOPPED_PER_TURN = 64


class InCoroutines:
    """Jobs are coroutines of the event loop."""

    name = "loop"
    takes_cpus = False  # they mostly wait
    is_interruptible = True
    gets_ctrl_c = True

    def attempt(self, running_job: RunningJob) -> Awaitable[None]:
        """Run ``async def run`` here."""
        job = running_job.job
        check_unchanged(job.task, job.task_id)
        return aattempt(job.task, running_job.transaction, job.outputs)

    def close(self) -> None:
        """Nothing is held."""


class LoopExecutor(Executor):
    """Runs jobs by asyncio tasks of the event loop.

    Args:
        max_concurrency: how many at once; further ones wait their turn.
        grace: seconds that a job which is stopped gets to end, before it is abandoned.
        how: how an attempt is run; by default as a coroutine.
        capacity: what jobs may claim; None if none does.
    """

    def __init__(
        self,
        max_concurrency: int,
        *,
        grace: float = GRACE,
        how: HowToRun | None = None,
        capacity: Capacity | None = None,
    ):
        self._how = how or InCoroutines()
        self._capacity = capacity or no_capacity()
        self._is_blocked = False  # none of the jobs that are ready may begin now
        self._max_concurrency, self._grace = max_concurrency, grace
        self._closed = False
        self._runners: set[asyncio.Task[None]] = set()
        self._abandoned: set[asyncio.Task[None]] = set()  # asyncio itself holds no reference to tasks
        self._running: dict[str, RunningJob] = {}
        self._idle = 0  # runners between two jobs
        self._begun = 0  # jobs, since runners were started the last time
        self._is_scheduled = False
        self._outcomes: list[Outcome] = []  # that are not reported yet
        self._is_flush_due = False

    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        self._storage = storage
        self._report, self._source = report, source
        self._claims = JobClaims(
            self._capacity, source, self._how.name, self._how.takes_cpus, self._is_full, self._wake
        )
        self._loop = asyncio.get_running_loop()
        # tasks see the context in which the engine was opened, not that of a request
        self._context = contextvars.copy_context()
        self._context.run(around.set, enclosing())
        self._slice = TurnSlice(self._loop, self._context, RUNNER_SLICE)
        self._woken = TurnSlice(self._loop, self._context, JOB_SLICE)
        self._runner_ended = asyncio.Event()
        install_record_factory()

    def offer(self, task_ids: Sequence[str]) -> None:
        self._is_blocked = False
        has_room = len(self._running) < self._max_concurrency
        if task_ids and has_room and not (self._idle or self._is_scheduled or self._closed):
            self._start_runner(is_first=True)
        self._schedule_runners()

    def forget(self, task_ids: Sequence[str]) -> None:
        self._wake()  # something may have been held for one of them

    def _wake(self) -> None:
        if self._is_blocked:
            self._is_blocked = False
            self._schedule_runners()

    def _is_full(self) -> bool:
        return len(self._running) >= self._max_concurrency

    def cancel(self, task_ids: Sequence[str]) -> None:
        for task_id in task_ids:
            if task_id in self._running:
                self._stop(self._running[task_id], cancelled=True)

    def lacks(self, job: Job) -> list[Lack]:
        return self._claims.lacks(job)

    def at_work(self) -> list[CurrentAttempt]:
        now = time.monotonic()
        running = list(self._running.items())  # at once: metrics are read by another thread
        return [CurrentAttempt(task_id, now - each.began) for task_id, each in running if each.began]

    @property
    def places(self) -> int:
        return self._max_concurrency

    async def aclose(self) -> None:
        self._closed = True
        for number, running_job in enumerate(list(self._running.values())):
            if number % STOPPED_PER_TURN == STOPPED_PER_TURN - 1:
                await asyncio.sleep(0)
            if self._running.get(running_job.job.task_id) is running_job:
                self._stop(running_job, cancelled=True)
        while self._runners:
            self._runner_ended.clear()
            await self._runner_ended.wait()
        self._how.close()

    def kill(self) -> None:
        self._grace = 0.0
        with suppress(RuntimeError):  # the loop has been closed, and with it all jobs
            self._loop.call_soon_threadsafe(self._abandon_all)

    # -- runners

    def _schedule_runners(self) -> None:
        """Check in the loop's next turn whether there are enough runners, unless each ready job has an idle one."""
        if (
            not (self._is_scheduled or self._closed or self._is_blocked)
            and len(self._source) > self._idle
            and len(self._running) < self._max_concurrency
        ):
            self._is_scheduled = True
            self._loop.call_soon(self._start_runners)

    def _start_runners(self) -> None:
        self._is_scheduled = False
        if not self._idle:
            room = self._max_concurrency - len(self._running)
            likely, self._begun = self._begun + self._begun // 4 + 1, 0  # of more, most would find the slice over
            for _ in range(min(len(self._source), room, likely)):
                self._start_runner()
        self._schedule_runners()

    def _start_runner(self, *, is_first: bool = False) -> None:
        self._idle += 1
        runner = self._loop.create_task(self._run_jobs(is_first), context=self._context)
        self._runners.add(runner)
        runner.add_done_callback(self._runner_done)

    async def _run_jobs(self, is_first: bool) -> None:
        """Do jobs until there are none, or until one is cancelled.

        Args:
            is_first: whether no other runner goes on in this turn: then there is time for a job.
        """
        runner = asyncio.current_task()
        assert runner is not None  # for type checkers
        try:
            while not (self._closed or runner.cancelling()):
                if not len(self._source):
                    if self._running or self._is_flush_due or not 0 < len(self._outcomes) <= REPORTED_AT_ONCE:
                        return
                    self._flush()  # jobs may come of it
                    continue
                if not is_first and self._slice.is_over():
                    if self._idle > 1:
                        return  # another one goes on in the loop's next turn
                    self._flush_soon()
                    await asyncio.sleep(0)
                    continue
                jobs = self._take() if self._capacity.is_active else self._source.take(1)  # a call less for most
                if not jobs:
                    return
                is_first, job = False, jobs[0]
                if self._outcomes:
                    self._flush_soon()  # this job may take long
                self._idle -= 1
                self._begun += 1
                running_job = self._running[job.task_id] = RunningJob(job, runner, self._storage)
                try:
                    await _run_in_context(self._context.copy(), self._run(running_job), self._woken)
                finally:
                    self._idle += 1
        finally:
            self._idle -= 1
            self._flush_soon()
            self._schedule_runners()

    def _take(self) -> list[Job]:
        jobs = self._source.take(1, self._claims.round().fits)
        self._is_blocked = not jobs
        return jobs

    def _runner_done(self, runner: asyncio.Task[None]) -> None:
        self._runners.discard(runner)
        self._abandoned.discard(runner)
        self._runner_ended.set()

    # -- one job

    async def _run(self, running_job: RunningJob) -> None:
        job = running_job.job
        running.set(running_job)
        if job.context is not None:
            job.context.enter(job.task_id)
        if job.needs is not None:
            running_job.devices = self._claims.devices_of(job.task_id)
        started = running_job.began = time.monotonic()
        outcome: Outcome
        try:
            if job.timeout is not None:
                running_job.deadline = self._loop.time() + job.timeout
                running_job.timer = self._loop.call_at(
                    running_job.deadline, self._stop, running_job, context=self._context
                )
            await self._how.attempt(running_job)
            ended, transaction = time.monotonic(), running_job.transaction
            usage = Usage(0, None, None, transaction.stored, ended)
            outcome = Done(job.task_id, ended - started, overtaken=transaction.overtaken, usage=usage)
        except BaseException as error:  # everything is reported to the scheduler, exits and cancellations too
            outcome = self._not_done(running_job, error, time.monotonic() - started)
            if self._how.gets_ctrl_c and is_ctrl_c(error):
                raise
        finally:
            if running_job.timer is not None:
                running_job.timer.cancel()
            if running_job.reports is not None:
                running_job.reports.flush()
            if not running_job.is_abandoned:
                del self._running[job.task_id]
                if self._capacity.is_active:  # spares most a call
                    self._free(job.task_id)
        if not running_job.is_abandoned:
            self._outcomes.append(outcome)
            if self._running or running_job.has_told:  # which comes before it, in the loop's next turn
                self._flush_soon()  # else the runner does, at the latest when it ends

    def _not_done(self, running_job: RunningJob, error: BaseException, seconds: float) -> NotDone:
        job = running_job.job
        if running_job.is_stopped or running_job.pruned:
            return _stopped(running_job, seconds)
        error = original(error)
        return not_done(job.task_id, job.task, capture_error(error, travels=False), cause=error, seconds=seconds)

    def _free(self, task_id: str) -> None:
        """Let others have what a job that has ended had."""
        if self._capacity.is_active:
            self._claims.release(task_id)
            self._is_blocked = False

    # -- stopping

    def prune(self, task_id: str) -> bool:
        running_job = self._running.get(task_id)
        if running_job is None or running_job.is_stopped:
            return False
        running_job.pruned = True
        self._loop.call_later(self._grace, self._stop_pruned, running_job, context=self._context)
        return True

    def _stop_pruned(self, running_job: RunningJob) -> None:
        if self._running.get(running_job.job.task_id) is running_job:
            self._stop(running_job)

    def _stop(self, running_job: RunningJob, cancelled: bool = False) -> None:
        if not running_job.is_stopped:
            running_job.is_stopped = True
            running_job.is_cancelled = cancelled
            if running_job.timer is not None:
                running_job.timer.cancel()
            running_job.timer = self._loop.call_later(self._grace, self._abandon, running_job)
            self._interrupt(running_job)

    def _interrupt(self, running_job: RunningJob) -> None:
        if running_job.watches_stop:
            return  # it saves what it needs and ends, or is abandoned when its grace is over
        if running_job.transaction.revoke():  # else it is publishing: all outputs, or a part of them if cancelled
            if self._how.is_interruptible:
                running_job.runner.cancel()
            else:
                self._abandon(running_job)

    def _abandon(self, running_job: RunningJob) -> None:
        """Give up a job that does not end, and free its place."""
        running_job.is_abandoned = True
        in_time = running_job.transaction.revoke()
        if running_job.timer is not None:
            running_job.timer.cancel()
        del self._running[running_job.job.task_id]
        self._free(running_job.job.task_id)
        self._runners.discard(running_job.runner)
        self._abandoned.add(running_job.runner)
        running_job.runner.cancel()
        asyncio._unregister_task(running_job.runner)  # asyncio.run waits for all registered tasks at the end
        logger.warning(
            "%s keeps running although it was %s: it cannot be stopped and is abandoned; %s",
            running_job.job.task_id,
            _why_stopped(running_job),
            "it cannot publish any more" if in_time else "it was publishing, so its outputs may still become visible",
        )
        self._outcomes.append(_stopped(running_job, seconds=0.0))
        self._flush_soon()
        self._runner_ended.set()
        self._schedule_runners()

    def _abandon_all(self) -> None:
        for running_job in list(self._running.values()):
            self._stop(running_job, cancelled=True)
            if not running_job.is_abandoned:
                self._abandon(running_job)

    def _flush_soon(self) -> None:
        """Report what has ended in the loop's next turn: many end in one turn, and are reported together."""
        if self._outcomes and not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush_in_turn, context=self._context)

    def _flush_in_turn(self) -> None:
        self._is_flush_due = False
        if self._outcomes:
            self._flush()

    def _flush(self) -> None:
        outcomes, self._outcomes = self._outcomes[:REPORTED_PER_TURN], self._outcomes[REPORTED_PER_TURN:]
        self._flush_soon()
        self._report(outcomes)


def _why_stopped(running_job: RunningJob) -> str:
    if running_job.is_cancelled:
        return "cancelled"
    return "pruned" if running_job.pruned else f"stopped at its timeout of {running_job.job.timeout:g} s"


def _stopped(running_job: RunningJob, seconds: float) -> NotDone:
    job = running_job.job
    if running_job.is_cancelled:
        return NotDone(job.task_id, "cancelled", seconds=seconds)
    if running_job.pruned:
        return pruned(job, seconds=seconds)
    message = f"took longer than its timeout of {job.timeout:g} s"
    return NotDone(job.task_id, "error", TaskTimeout(job.task_id, message, summary=repr_of(job.task)), seconds)


@coroutine
def _run_in_context(
    context: contextvars.Context, job: Coroutine[Any, Any, None], turns: TurnSlice
) -> Generator[Any, Any, None]:
    """Await ``job`` in a context of its own, so that what it sets is not there for the runner's next one.

    Where it goes on after it has waited, it waits for its turn as well.
    """
    process = this_process.generation
    step, argument = job.send, None
    try:
        while True:
            waits_for = context.run(step, argument)
            if this_process.generation != process:  # a fork: the loop, and what it waits for, are the parent's
                end_fork()
            try:
                step, argument = job.send, (yield waits_for)
            except BaseException as error:  # thrown in: a cancellation, or what came of that for which it waited
                step, argument = job.throw, error
            # as must_wait, without the call: thousands may be woken in one turn
            if (turns.waiting or turns.is_over()) and type(argument) is not GeneratorExit:
                try:
                    yield from turns.wait()  # pyright: ignore[reportGeneralTypeIssues]  # it is a generator
                except BaseException as error:
                    step, argument = job.throw, error
            if this_process.generation != process:  # another coroutine on this loop has forked, and its child awaits
                end_fork()
    except StopIteration:
        return
