"""Simulated executors: worker processes in virtual time, with everything that can go wrong with them.

A job waits for a worker, takes its virtual time, runs the task's own ``run`` in one piece, and is reported later. The
worker may die before or after that, the reply may be late, a cancellation may have no effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from alexflow.errors import OutputNotFound, TaskTimeout, WorkerDied
from alexflow.executors.attempt import attempt, check_id
from alexflow.executors.captured_error import capture_error, not_done
from alexflow.executors.event_loop import InCoroutines
from alexflow.executors.interface import Done, Executor, Job, JobSource, NotDone, Outcome, Report
from alexflow.executors.running_job import RunningJob
from alexflow.model.executor_kinds import EXECUTOR_KINDS
from alexflow.storage import Storage, Transaction
from alexflow.testing.attempts import Attempts, Misuse
from alexflow.testing.faults import DeafTask, DelayedReply, LostWorker, SlowTask

#: Duration of an attempt without a :class:`SlowTask`.
USUAL_SECONDS = 1.0


class _Underway:
    """A job that a simulated worker has."""

    def __init__(self, job: Job, nth: int, begun: float):
        self.job = job
        self.nth = nth
        self.begun = begun
        self.cancelled = False
        self.timer: asyncio.TimerHandle | None = None  # until the work is done
        self.reply: asyncio.TimerHandle | None = None


class SimulatedExecutor(Executor):
    """Runs jobs as worker processes would, in virtual time, on the event loop.

    Args:
        workers: how many jobs at once.
        attempts: counts attempts, and has the faults.
        looks_ahead: whether it asks for the successors of a job, as worker processes do.
    """

    def __init__(self, workers: int, attempts: Attempts, *, looks_ahead: bool = True):
        self._workers = workers
        self._attempts = attempts
        self._faults = attempts.faults
        self._name = attempts.history.names
        self._looks_ahead = looks_ahead
        self.kind = EXECUTOR_KINDS["process" if looks_ahead else "thread"]
        self._under_way: dict[str, _Underway] = {}
        self._filling = False
        self._closed = False
        #: Successors that were announced, and have neither been taken nor forgotten.
        self.speculative: dict[str, None] = {}

    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        self._storage = storage
        self._report = report
        self._source = source
        self._loop = asyncio.get_running_loop()

    def offer(self, task_ids: Sequence[str]) -> None:
        for task_id in task_ids:
            if task_id in self._under_way:
                raise Misuse(f"{self._name(task_id)} was offered and is under way")
        self._fill_soon()

    def cancel(self, task_ids: Sequence[str]) -> None:
        for task_id in task_ids:
            under_way = self._under_way.get(task_id)
            if under_way is None:
                raise Misuse(f"{self._name(task_id)} was to be cancelled, and was not under way")
            if under_way.reply is None and not self._is_deaf(under_way):
                under_way.cancelled = True
                self._stop(under_way)
                self._end(under_way, NotDone(task_id, "cancelled"), "cancelled")

    def _is_deaf(self, under_way: _Underway) -> bool:
        return self._faults.find(DeafTask, self._name(under_way.job.task_id), under_way.nth) is not None

    def forget(self, task_ids: Sequence[str]) -> None:
        for task_id in task_ids:
            self.speculative.pop(task_id, None)
            if task_id in self._under_way:
                raise Misuse(f"{self._name(task_id)} was forgotten while it was under way")

    async def aclose(self) -> None:
        self._closed = True
        for under_way in list(self._under_way.values()):
            self._stop(under_way)
            if under_way.reply is not None:
                under_way.reply.cancel()
            else:
                self._attempts.end(under_way.job.task_id, "closed")
        self._under_way.clear()

    # -- workers

    def _fill_soon(self) -> None:
        if not self._filling:
            self._filling = True
            self._loop.call_soon(self._fill)

    def _fill(self) -> None:
        self._filling = False
        if not self._closed:
            for job in self._source.take(self._workers - len(self._under_way)):
                self.speculative.pop(job.task_id, None)
                self._begin(job)

    def _begin(self, job: Job) -> None:
        under_way = _Underway(job, self._attempts.begin(job.task_id), self._loop.time())
        self._under_way[job.task_id] = under_way
        slow = self._faults.find(SlowTask, self._name(job.task_id), under_way.nth)
        seconds = USUAL_SECONDS if slow is None else slow.seconds
        if job.timeout is not None and seconds > job.timeout:
            under_way.timer = self._loop.call_later(job.timeout, self._out_of_time, under_way)
        else:
            under_way.timer = self._loop.call_later(seconds, self._work, under_way)
        if self._looks_ahead:
            successors = list(self._source.successors_of(job.task_id))
            self._source.prefetch(successors)
            self.speculative.update(dict.fromkeys(successor.task_id for successor in successors))

    def _out_of_time(self, under_way: _Underway) -> None:
        job = under_way.job
        error = TaskTimeout(job.task_id, f"took longer than its timeout of {job.timeout:g} s", summary=repr(job.task))
        self._end(under_way, NotDone(job.task_id, "error", error), "error")

    def _work(self, under_way: _Underway) -> None:
        job, nth = under_way.job, under_way.nth
        lost = self._faults.find(LostWorker, self._name(job.task_id), nth)
        if lost is not None and not lost.late:
            self._end(under_way, _died(job), "lost")
            return
        outcome: Outcome
        try:
            check_id(job.task, job.task_id)
            self._attempts.raise_if_told(job.task_id, nth)
            attempt(job.task, Transaction(self._storage, replace=job.replace))
            outcome = Done(job.task_id, self._loop.time() - under_way.begun)
        except Exception as error:  # every error is reported to the scheduler
            outcome = not_done(job.task_id, job.task, capture_error(error, travels=False), cause=error)
        if lost is not None and isinstance(outcome, Done):
            self._end(under_way, _died(job), "lost")
        else:
            self._end(under_way, outcome, "done" if isinstance(outcome, Done) else outcome.reason)

    def _end(self, under_way: _Underway, outcome: Outcome, how: str) -> None:
        self._attempts.end(under_way.job.task_id, how)
        late = self._faults.find(DelayedReply, self._name(under_way.job.task_id), under_way.nth)
        seconds = 0.0 if late is None else late.seconds
        under_way.reply = self._loop.call_later(seconds, self._reply, under_way, outcome)

    def _reply(self, under_way: _Underway, outcome: Outcome) -> None:
        del self._under_way[under_way.job.task_id]
        self._fill_soon()
        self._report([outcome])

    def _stop(self, under_way: _Underway) -> None:
        if under_way.timer is not None:
            under_way.timer.cancel()


def _died(job: Job) -> NotDone:
    message = "simulated: the worker process died while it ran this"
    return NotDone(job.task_id, "lost", WorkerDied(job.task_id, message, exitcode=-9, summary=repr(job.task)))


class InVirtualTime(InCoroutines):
    """Jobs are coroutines, as in the real executor, that take virtual time.

    Args:
        attempts: counts attempts, and has the faults.
    """

    def __init__(self, attempts: Attempts):
        self._attempts = attempts

    async def attempt(self, running_job: RunningJob) -> None:
        job = running_job.job
        nth = self._attempts.begin(job.task_id)
        how = "error"
        try:
            slow = self._attempts.faults.find(SlowTask, self._attempts.history.names(job.task_id), nth)
            await asyncio.sleep(USUAL_SECONDS if slow is None else slow.seconds)
            self._attempts.raise_if_told(job.task_id, nth)
            await super().attempt(running_job)
            how = "done"
        except asyncio.CancelledError:
            how = "cancelled"
            raise
        except OutputNotFound:
            how = "input"
            raise
        finally:
            self._attempts.end(job.task_id, how)
