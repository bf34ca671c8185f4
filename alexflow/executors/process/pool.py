"""``ProcessExecutor``: plain ``def run`` in worker processes.

Jobs wait here and go to a worker shortly before it needs them: as many as it can run in a few milliseconds, one at a
time where they are long or their class is new. If the estimate was wrong, and jobs wait in a worker behind a long one,
they are revoked. The death of a worker costs an attempt of the job that it was running, and nothing else.

Our own pool, because the existing ones lose all jobs when one worker dies, leave workers behind when the engine is
killed, use the tasks' standard output for themselves, or fork a process that has threads (docs/design/workers.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from alexflow.errors import ShippingError
from alexflow.executors.interface import GRACE, Done, Executor, Job, NotDone, Outcome, Report, Successors
from alexflow.executors.job_queue import JobQueue
from alexflow.executors.process.deadlines import Deadlines
from alexflow.executors.process.definitions import Definitions
from alexflow.executors.process.head_of_line import HeadOfLine
from alexflow.executors.process.log_forwarding import pass_on
from alexflow.executors.process.outcomes import cannot_start, failed, unshippable, worker_died
from alexflow.executors.process.output_capture import Echo
from alexflow.executors.process.payload import Packer, Payload
from alexflow.executors.process.runtime_estimates import PREFETCH_SECONDS, RuntimeEstimates
from alexflow.executors.process.shutdown import Shutdown
from alexflow.executors.process.slow_imports import SlowImports
from alexflow.executors.process.speculation import Speculation, settle
from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.wire.messages import (
    JobFailed,
    JobMessage,
    JobsDone,
    Logged,
    Revoked,
    TaskReply,
    TaskRequest,
    ToEngine,
    Work,
)
from alexflow.executors.process.worker_set import WorkerSet
from alexflow.executors.process.worker_state import Assignment, Speculative, WorkerState
from alexflow.executors.recycle import Recycle
from alexflow.executors.workers import Workers
from alexflow.hooks import hook_error, text_of
from alexflow.model import AbstractTask
from alexflow.storage import Storage

#: Consecutive start-up failures before the pool gives up. Workers that die together count once.
MAX_START_FAILURES = 3

MAX_JOBS_PER_MESSAGE = 512  # jobs in one message


class ProcessExecutor(Executor):
    """Runs jobs in worker processes, which it starts when there is work for them.

    Args:
        workers: how many processes at most, besides those that are shutting down, and what each may use; settled.
        grace: seconds that a job which is stopped gets to end, before it is killed.
        echo: shows at once what tasks print, if that was asked for.
    """

    def __init__(self, workers: Workers, *, grace: float = GRACE, echo: Echo | None = None):
        self._workers = workers
        self._size = workers.count or 1
        self._grace = grace
        self._echo = echo
        self._recycles = workers.recycle is not None
        self._recycle = workers.recycle or Recycle()
        self._pending = JobQueue()
        self._definitions = Definitions()
        self._packer = Packer(self._definitions)
        self._estimates = RuntimeEstimates()
        self._start_failures = 0
        self._started_by_then = 0  # how many workers had been started when the last failure was counted
        self._cache_epoch = 0
        self._closed = False

    def open(self, storage: Storage, report: Report, successors_of: Successors) -> None:
        self._storage = storage
        self._report = report
        self._speculation = Speculation(successors_of, self._estimates)
        self._loop = asyncio.get_running_loop()
        self._worker_set = WorkerSet(
            self._workers,
            storage,
            self._definitions,
            on_messages=self._take_in,
            on_end=lambda worker: self._shutdown.has_died(worker),
            echo=self._echo,
            recycle=self._recycle,
        )
        self._shutdown = Shutdown(self._worker_set, self._speculation, storage, self._grace, self._on_left)
        self._deadlines = Deadlines(self._stop)
        self._head_of_line = HeadOfLine(self._worker_set, self._shutdown)
        self._slow_imports = SlowImports(self._worker_set, self._definitions)

    def expect(self, tasks: Sequence[AbstractTask]) -> None:
        classes = {type(task) for task in tasks}
        self._definitions.look_inside()
        if self._definitions.are_reloaded(classes):
            self._replace_all()
        self._start_workers_for(len(tasks))
        self._worker_set.announce(classes)

    def submit(self, jobs: Sequence[Job]) -> None:
        self._pending.append_all(self._not_speculated(jobs) if self._speculation else jobs)
        if self._pending:
            self._start_workers_for(len(self._pending))
            self._feed()

    def forget(self, task_ids: Sequence[str]) -> None:
        if self._speculation:
            for task_id in task_ids:
                speculative = self._speculation.take(task_id)
                if speculative is not None:
                    self._withdraw(speculative)

    def cancel(self, task_ids: Sequence[str]) -> None:
        withdrawn = [task_id for task_id in task_ids if self._pending.pop(task_id, None) is not None]
        sent = set(task_ids).difference(withdrawn)
        if sent:
            self._stop_sent(sent)
        if withdrawn:
            self._report([NotDone(task_id, "cancelled") for task_id in withdrawn])

    def _stop_sent(self, task_ids: set[str]) -> None:
        """Stop jobs that are with workers."""
        for worker in [*self._worker_set.workers, *self._worker_set.leaving]:
            for number, sent in worker.sent.items():
                if sent.job.task_id in task_ids:
                    sent.cancelled = True
                    self._shutdown.stop(worker, number)
        if self._pending:  # workers that have been stopped are replaced
            self._start_workers_for(len(self._pending))
            self._feed()

    def invalidate(self) -> None:
        self._cache_epoch += 1

    @property
    def places(self) -> int:
        return self._size

    def recall(self) -> list[Job]:
        return self._pending.take_all()

    def ahead(self) -> list[Job]:
        return self._speculation.jobs()

    async def aclose(self) -> None:
        self._closed = True
        self._pending.clear()
        self._head_of_line.close()
        self._slow_imports.close()
        try:
            await self._shutdown.aclose()
            await self._worker_set.aclose()
        except asyncio.CancelledError:
            self.kill()
            self._worker_set.kill()
            raise

    def kill(self) -> None:
        self._closed = True
        self._shutdown.kill()

    # -- giving out work

    def _start_workers_for(self, jobs: int) -> None:
        try:
            self._worker_set.start_for(jobs)
        except (OSError, ShippingError) as error:
            if not self._worker_set.workers:
                self._give_up(error)

    def _give_up(self, error: OSError | ShippingError) -> None:
        """Fail all pending jobs: there are no workers, and none can be started."""
        fail = unshippable if isinstance(error, ShippingError) else cannot_start
        outcomes = [fail(job, error) for job in self._pending.take_all()]
        self._loop.call_soon(self._report, outcomes)

    def _feed(self) -> None:
        """Send jobs to workers that will soon be idle: the least loaded ones get the most."""
        self._definitions.look_again()
        enough = PREFETCH_SECONDS / 2
        workers = self._worker_set.workers
        short = [worker for worker in workers if worker.expected <= enough and self._takes_jobs(worker)]
        if short:
            short.sort(key=lambda worker: worker.expected)
            fair_share = self._estimates.fair_share(self._pending.values(), [worker.expected for worker in short])
            for worker in short:
                if self._pending or worker.sent:
                    self._fill(worker, fair_share)
        self._head_of_line.watch()

    def _takes_jobs(self, worker: WorkerState) -> bool:
        return not worker.is_revoking and not worker.is_due and not (worker.is_blocked and worker.sent)

    def _fill(self, worker: WorkerState, fair_share: float) -> None:
        """Send a worker jobs until it has so many seconds of work, or as much as it may have."""
        if not worker.sent:
            worker.last_report = time.monotonic()
        definitions: set[int] = set()
        shipments: list[JobMessage] = []
        for _ in range(min(len(self._pending), MAX_JOBS_PER_MESSAGE, worker.last_number - worker.number)):
            job = self._pending.first()
            expected = self._estimates.expect(job)
            if worker.sent and (worker.expected >= fair_share or worker.expected + expected > PREFETCH_SECONDS):
                break
            self._pending.take_first()
            packed = self._pack(job)
            if packed is not None:
                definitions.update(packed.needs)
                shipments.append(self._ship(worker, job, packed, expected))
        if not self._pending:
            self._speculate(worker, shipments, definitions)
        if shipments:
            new = self._worker_set.new_definitions(worker, definitions)
            worker.process.send(Work(new, shipments, self._cache_epoch))
            self._slow_imports.watch()

    def _ship(self, worker: WorkerState, job: Job, packed: Payload, expected: float, after: int = 0) -> JobMessage:
        worker.number += 1
        number = worker.number
        sent = worker.sent[number] = Assignment(job, expected)
        worker.expected += expected
        if after:
            sent.after = after
            sent.speculative = self._speculation.add(job, worker, number)
        if job.timeout is not None:
            self._deadlines.watch(worker, number, job.timeout)
        return JobMessage(number, packed.cls, packed.fields, job.task_id, job.replace, after)

    def _pack(self, job: Job) -> Payload | None:
        try:
            return self._packer.pack(job.task)
        except BaseException as error:
            fault = hook_error(job.task, "__reduce__()", error)
            self._loop.call_soon(self._give_back, unshippable(job, fault))
            return None

    def _give_back(self, outcome: NotDone) -> None:
        """Report a job that cannot be sent to a worker; no worker's report will feed the others, so do it here."""
        self._report([outcome])
        if not self._closed:
            self._feed()

    # -- looking ahead

    def _speculate(self, worker: WorkerState, shipments: list[JobMessage], definitions: set[int]) -> None:
        for number, successor in self._speculation.successors(worker):
            if worker.number >= worker.last_number:
                return
            packed = self._pack_quietly(successor)
            if packed is not None:
                definitions.update(packed.needs)
                expected = self._estimates.expect(successor)
                shipments.append(self._ship(worker, successor, packed, expected, after=number))

    def _pack_quietly(self, job: Job) -> Payload | None:
        try:
            return self._packer.pack(job.task)
        except BaseException as error:  # reported when the job is submitted
            hook_error(job.task, "__reduce__()", error)  # but for Ctrl-C
            return None

    def _not_speculated(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs that no worker has speculatively; report the outcomes of those that have ended there."""
        others: list[Job] = []
        outcomes: list[Outcome] = []
        for job in jobs:
            speculative = self._speculation.take(job.task_id)
            if speculative is not None and speculative.job.replace != job.replace:
                self._withdraw(speculative)
                speculative = None
            if speculative is None:
                others.append(job)
            elif speculative.outcome is not None:
                outcomes.append(speculative.outcome)
            else:
                speculative.worker.sent[speculative.number].speculative = None
        if outcomes:
            self._report(outcomes)
        return others

    def _withdraw(self, speculative: Speculative) -> None:
        if speculative.outcome is None:
            speculative.worker.sent[speculative.number].cancelled = True
            self._shutdown.stop(speculative.worker, speculative.number)

    # -- hearing from workers

    def _take_in(self, worker: WorkerState, messages: list[ToEngine]) -> None:
        if self._closed:
            return
        worker.has_reported = True
        self._start_failures = 0
        outcomes: list[Outcome] = []
        now = time.monotonic()
        for message in messages:
            if isinstance(message, JobsDone):
                worker.last_report = now
                worker.is_blocked = False
                printed = {number: worker.process.printed.take_output(number) for number in message.printed}
                overtaken = message.overtaken
                learn = self._estimates.learn
                for number, seconds in zip(message.numbers, message.seconds, strict=True):
                    sent = worker.forget(number)
                    if sent is not None:
                        job = sent.job
                        learn(type(job.task), seconds)
                        said = printed.get(number) if printed else None
                        dropped = overtaken.get(number, ()) if overtaken else ()
                        settle(sent, Done(job.task_id, seconds, said, dropped), outcomes)
            elif isinstance(message, JobFailed):
                worker.last_report = now
                worker.is_blocked = False
                said = worker.process.printed.take_output(message.number) if message.printed else None
                sent = worker.forget(message.number)
                if sent is not None:
                    settle(sent, failed(worker, sent.job, message, said), outcomes)
                self._pending.append_all(self._speculation.drop_after(worker, message.number))
            elif isinstance(message, Logged):
                sent = worker.sent.get(message.number)
                pass_on(message, sent.job.task_id if sent is not None else "", worker.process.pid)
            elif isinstance(message, Revoked):
                self._take_back(worker, message.numbers, outcomes)
            elif isinstance(message, TaskRequest):
                self._tell_source(worker, message)
            else:
                worker.is_due = True
        if self._recycles:
            self._recycle_if_due(worker)
        if len(self._pending) > len(worker.sent):  # else they are sent with those that this report makes ready
            self._feed()
        if outcomes:
            self._report(outcomes)
        self._feed()

    def _recycle_if_due(self, worker: WorkerState) -> None:
        """Send no more to a worker that has reached a limit, and retire it after the job that it is running."""
        oldest = self._recycle.seconds
        is_old = oldest is not None and time.monotonic() - worker.started_at > oldest
        if worker.number >= worker.last_number or (is_old and worker.status().ended):  # after one task at least
            worker.is_due = True
        if worker.is_due and not worker.is_leaving:
            if not worker.sent:
                self._shutdown.retire(worker)
                if self._pending:
                    self._start_workers_for(len(self._pending))
            elif len(worker.sent) > 1 and worker.number < worker.last_number:
                self._shutdown.revoke(worker)

    def _replace_all(self) -> None:
        """Replace all workers: what they have imported is out of date."""
        self._recycles = True
        for worker in list(self._worker_set.workers):
            worker.is_due = True
            self._recycle_if_due(worker)

    def _take_back(self, worker: WorkerState, numbers: list[int], outcomes: list[Outcome]) -> None:
        worker.is_revoking = False
        worker.is_blocked = True
        worker.last_number += len(numbers)  # as it has not run them
        for number in numbers:  # the last first: they keep their order
            sent = worker.forget(number)
            if sent is None:
                continue
            if sent.speculative is not None:
                self._speculation.discard(sent)
            elif sent.cancelled:
                outcomes.append(NotDone(sent.job.task_id, "cancelled"))
            else:
                self._pending.put_first(sent.job)
        for number, sent in list(worker.sent.items()):
            if sent.cancelled:
                self._shutdown.stop(worker, number)

    def _tell_source(self, worker: WorkerState, wanted: TaskRequest) -> None:
        sent = worker.sent.get(wanted.number)
        if sent is None:
            return
        try:
            if sent.sources is None:
                sent.sources = self._packer.sources(sent.job.task)
            task = sent.sources.get(wanted.task_id)
            if task is None:
                raise ShippingError(f"{wanted.task_id} is not behind an output of {sent.job.task_id}")
            packed = self._packer.pack(task)
            sent.sources.update(self._packer.sources(task))
        except BaseException as error:
            fault = hook_error(sent.job.task, "__reduce__()", error)
            worker.process.send(TaskReply([], 0, [], text_of(fault)))
            return
        new = self._worker_set.new_definitions(worker, packed.needs)
        worker.process.send(TaskReply(new, packed.cls, packed.fields))

    # -- ends

    def _stop(self, worker: WorkerState, number: int) -> None:
        self._shutdown.stop(worker, number)
        if worker.is_leaving and self._pending:  # another one takes its place
            self._start_workers_for(len(self._pending))
            self._feed()

    def _on_left(self, worker: WorkerState, end: ExitStatus, outcomes: list[Outcome], elsewhere: list[Job]) -> None:
        """Start another worker if there is work for it; give up if workers keep failing to start."""
        for job in reversed(elsewhere):
            self._pending.put_first(job)
        if worker.process.refused is not None:  # another attempt would end the same
            if not self._worker_set.workers:
                self._give_up(worker.process.refused)
        else:
            if worker.failed_to_start:
                self._worker_set.stop_announcing()  # an import may have killed it
                if worker.ordinal > self._started_by_then:
                    self._start_failures += 1
                    self._started_by_then = self._worker_set.started
            if self._start_failures > MAX_START_FAILURES:
                self._start_failures = 0
                message = f"worker processes fail to start: the last one {end}"
                if not worker.process.pid and not end.signal:
                    message += f"; is {self._worker_set.python()} a Python interpreter? Workers(python=...) names one"
                lost = self._pending.take_all()
                outcomes += [NotDone(job.task_id, "fatal", worker_died(job, message, end)) for job in lost]
            self._start_workers_for(len(self._pending))
        self._feed()
        if outcomes:
            self._report(outcomes)
