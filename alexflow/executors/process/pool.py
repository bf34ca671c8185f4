"""``ProcessExecutor``: plain ``def run`` in worker processes.

The pool has processes, descriptors and messages. What is decided about jobs and workers is decided in :mod:`.machine`:
here what happens becomes its events, and its instructions are performed.

Our own pool, because the existing ones lose all jobs when one worker dies, leave workers behind when the engine is
killed, use the tasks' standard output for themselves, or fork a process that has threads (docs/design/workers.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any, cast

from alexflow.errors import EngineClosed, ShippingError, WorkerDied
from alexflow.executors.attempt_host import host
from alexflow.executors.capacity import Capacity
from alexflow.executors.current_attempt import CurrentAttempt
from alexflow.executors.interface import GRACE, Done, Executor, Job, JobSource, NotDone, Report, WorkerCounts
from alexflow.executors.lacks import Lack
from alexflow.executors.process.deadlines import Deadlines
from alexflow.executors.process.definitions import Definitions
from alexflow.executors.process.instructions import (
    FailAll,
    LookAgain,
    LookUpUsage,
    PoolInstruction,
    ReportOutcomes,
    RetirePlace,
    ReturnJobs,
    RevokeJobs,
    SendJobs,
    StartPlaces,
    StopJob,
)
from alexflow.executors.process.job_stops import JobStops
from alexflow.executors.process.log_forwarding import pass_on
from alexflow.executors.process.machine import BLOCKED_AFTER, PoolMachine
from alexflow.executors.process.memory_shortage import MemoryShortage
from alexflow.executors.process.outcomes import cannot_start, failed, failed_to_start, outcome_of_running, unshippable
from alexflow.executors.process.output_capture import Echo
from alexflow.executors.process.past_usage import PastUsage
from alexflow.executors.process.payload import Packer
from alexflow.executors.process.places import Assignment, Place
from alexflow.executors.process.ready_workers import ReadyWorkers
from alexflow.executors.process.shutdown import Shutdown
from alexflow.executors.process.slow_imports import SlowImports
from alexflow.executors.process.source_tasks import SourceTasks
from alexflow.executors.process.started_server import StartedServer
from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.wire.messages import (
    DefinitionsImported,
    FactsReply,
    FactsRequest,
    JobFailed,
    JobMessage,
    JobsDone,
    Logged,
    MemoryExceeded,
    Prune,
    Reported,
    Revoke,
    Revoked,
    SpentReport,
    TaskRequest,
    ToEngine,
    Work,
)
from alexflow.executors.process.wire.status_page import WorkerStatus
from alexflow.executors.process.worker_set import WorkerSet
from alexflow.executors.process.worker_state import WorkerState
from alexflow.executors.recycle import Recycle
from alexflow.executors.workers import Workers
from alexflow.hooks import hook_error
from alexflow.model import AbstractTask
from alexflow.storage import Storage


class ProcessExecutor(Executor):
    """Runs jobs in worker processes, which it starts when there is work for them.

    Args:
        workers: how many processes at most, besides those that are shutting down, and what each may use; settled.
        grace: seconds that a job which is stopped gets to end, before it is killed.
        echo: shows at once what tasks print, if that was asked for.
        started: a fork server that has been started ahead.
        capacity: what jobs may claim; None if none does.
        devices: kinds of devices that a worker does not see unless its job has claimed some.
        reserved: workers that jobs of a priority below 0 never have.
    """

    def __init__(
        self,
        workers: Workers,
        *,
        grace: float = GRACE,
        echo: Echo | None = None,
        started: StartedServer | None = None,
        capacity: Capacity | None = None,
        devices: Iterable[str] = (),
        reserved: int = 0,
    ):
        self._reserved, self._capacity = reserved, capacity
        self._devices, self._started_server = devices, started
        self._workers, self._size = workers, workers.count or 1
        self._grace, self._echo = grace, echo
        self._definitions = Definitions()
        self._packer = Packer(self._definitions)
        self._cache_epoch, self._closed = 0, False
        self._fed: list[WorkerState] = []  # the first job of each is to be reported as begun
        self._fail: Callable[[Job], NotDone]  # makes the outcome of a job for which no worker can be started
        self._next_tick: asyncio.TimerHandle | None = None
        self._is_woken = False  # because something has come free in another executor
        self._perform: dict[type[PoolInstruction], Callable[[Any], None]] = {
            SendJobs: self._send,
            ReportOutcomes: lambda instruction: self._report(instruction.outcomes),
            StartPlaces: self._start_workers,
            RevokeJobs: lambda instruction: instruction.place.process.send_control(Revoke()),
            StopJob: lambda instruction: self._stop(instruction.place, instruction.number),
            RetirePlace: lambda instruction: self._shutdown.retire(instruction.place),
            ReturnJobs: lambda instruction: self._source.put_back(instruction.jobs),
            FailAll: self._fail_all,
            LookAgain: self._begin_moment,
            LookUpUsage: lambda instruction: self._past_usage.look_up(instruction.name, instruction.task),
        }

    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        self._report, self._source, self._host = report, source, host.get()
        self._loop = asyncio.get_running_loop()
        parts = self._size, source, self._workers.recycle, time.monotonic, self._capacity
        self._machine = PoolMachine(*parts, wake=self._wake, reserve=self._reserved)
        self._worker_set = self._make_worker_set(storage)
        self._ready = ReadyWorkers(self._worker_set, self._size)
        self._source_tasks = SourceTasks(self._packer, self._worker_set)
        self._memory = MemoryShortage(self._machine.claims)
        self._past_usage = PastUsage(storage, partial(self._take_in_event, self._machine.learnt_usage))
        self._shutdown = Shutdown(self._worker_set, self._grace, self._gone)
        self._deadlines = Deadlines(partial(self._take_in_event, self._machine.out_of_time))
        is_late = partial(self._take_in_event, self._machine.stopping)
        self._job_stops = JobStops(self._grace, is_late, self._shutdown.reap)
        self._slow_imports = SlowImports(self._worker_set, self._definitions)

    def _make_worker_set(self, storage: Storage) -> WorkerSet:
        return WorkerSet(
            self._workers,
            self._machine.roster,
            storage,
            self._definitions,
            on_messages=self._take_in,
            on_end=self._has_ended,
            echo=self._echo,
            recycle=self._workers.recycle or Recycle(),
            started=self._started_server,
            on_warm=self._replace_cold,
            devices=self._devices,
        )

    def expect(self, tasks: Sequence[AbstractTask]) -> None:
        classes = {type(task) for task in tasks}
        self._definitions.look_inside()
        if self._definitions.are_reloaded(classes):
            self._worker_set.outdate()
            self._machine.replace(self._worker_set.workers)
        self._worker_set.announce(classes)
        self._machine.start_for(len(tasks) if self._worker_set.has_one_started else 1)
        self._go_on()

    def offer(self, task_ids: Sequence[str]) -> None:
        if not self._closed:
            speculated = self._machine.speculates
            self._machine.offered(task_ids)
            if speculated and self._source.watched:
                self._fed += self._worker_set.workers
            self._go_on()

    def _report_begun(self, worker: WorkerState) -> None:
        """Report the job that a worker has come to."""
        sent = next(iter(worker.sent.values()), None)
        if sent is not None and not sent.is_speculative:
            process = worker.process
            if process.has_started:
                self._source.began(sent.job.task_id, process.pid, host=process.host, devices=dict(worker.binding))
            else:
                process.when_started(partial(self._report_begun, worker))

    def forget(self, task_ids: Sequence[str]) -> None:
        if self._machine.speculates or self._machine.claims.is_active:
            self._machine.forget(task_ids)
            self._go_on()

    def cancel(self, task_ids: Sequence[str]) -> None:
        self._machine.cancel(task_ids)
        self._go_on()

    def prune(self, task_id: str) -> bool:
        sent = self._machine.assigned.get(task_id)
        worker = None if sent is None else cast(WorkerState, sent.place)
        if sent is None or worker is None or worker.is_leaving or worker.status().running != sent.number:
            return False
        sent.pruned = True
        worker.process.send_control(Prune(sent.number))
        self._loop.call_later(self._grace, self._stop_pruned, sent)
        return True

    def _stop_pruned(self, sent: Assignment) -> None:
        if self._machine.assigned.get(sent.job.task_id) is sent:
            self._take_in_event(self._machine.out_of_time, sent)

    def invalidate(self) -> None:
        self._cache_epoch += 1

    def lacks(self, job: Job) -> list[Lack]:
        return self._machine.claims.lacks(job)

    def at_work(self) -> list[CurrentAttempt]:
        return self._worker_set.at_work()

    @property
    def places(self) -> int:
        return self._size

    @property
    def workers(self) -> WorkerCounts:
        return self._worker_set.counts()

    async def start_workers(self, classes: Collection[type]) -> None:
        self._worker_set.announce(set(classes))
        self._machine.start_all()
        await self._ready.wait(self._go_on)

    def ahead(self) -> list[Job]:
        return self._machine.speculative_jobs()

    def collect(self, task_ids: Sequence[str]) -> list[Done]:
        return self._machine.collect(task_ids)

    async def aclose(self) -> None:
        self._closed = True
        self._ready.fail(EngineClosed("the engine was closed before its workers were ready"))
        if self._next_tick is not None:
            self._next_tick.cancel()
        self._slow_imports.close()
        self._job_stops.close()
        self._shutdown.end_all()
        self._machine.close()
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

    # -- what the machine decides

    def _go_on(self) -> None:
        """Perform the machine's instructions, and those that follow."""
        machine = self._machine
        while machine.instructions or machine.outcomes:
            for instruction in machine.drain():
                self._perform[type(instruction)](instruction)
        while self._fed:
            self._report_begun(self._fed.pop())

    def _send(self, instruction: SendJobs) -> None:
        self._definitions.look_again()
        worker = cast(WorkerState, instruction.place)
        needs: set[int] = set()
        messages: list[JobMessage] = []
        shares = self._workers.threads
        for sent in instruction.jobs:
            job = sent.job
            if sent.number not in worker.sent:  # it was to come after one that cannot be sent
                continue
            try:
                packed = self._packer.pack(job.task)
            except BaseException as error:
                self._cannot_be_sent(sent, error)
                continue
            needs.update(packed.needs)
            threads = sent.claim.threads if shares and sent.claim is not None else 0
            context = None if job.context is None else job.context.message(job.task_id)
            message = packed.cls, packed.fields, job.task_id, job.replace, sent.after, threads, context
            messages.append(JobMessage(sent.number, *message))
            if job.timeout is not None:
                self._deadlines.watch(worker, sent, job.timeout)
        if messages:
            new = self._worker_set.new_definitions(worker, needs)
            worker.process.send(Work(new, messages, self._cache_epoch))
            if self._source.watched:
                self._fed.append(worker)
            self._slow_imports.watch()
            if self._next_tick is None and len(worker.sent) > 1:
                self._next_tick = self._loop.call_later(BLOCKED_AFTER, self._tick)

    def _cannot_be_sent(self, sent: Assignment, error: BaseException) -> None:
        self._machine.cannot_be_sent(sent, unshippable(sent.job, hook_error(sent.job.task, "__reduce__()", error)))
        self._loop.call_soon(self._feed)  # no report of the worker will

    def _wake(self) -> None:
        if not self._is_woken:
            self._is_woken = True
            self._loop.call_soon(self._feed)

    def _feed(self) -> None:
        self._is_woken = False
        if not self._closed:
            self._machine.feed()
            self._go_on()

    def _start_workers(self, instruction: StartPlaces) -> None:
        try:
            self._worker_set.start_several(instruction.count, instruction.binding)
        except (OSError, ShippingError) as error:
            self._fail = partial(unshippable if isinstance(error, ShippingError) else cannot_start, error=error)
            self._ready.fail(WorkerDied("start_workers()", f"worker processes cannot be started: {error}"))
            self._machine.cannot_start()
        self._machine.feed()

    def _stop(self, place: Place, number: int) -> None:
        worker = cast(WorkerState, place)
        if not (worker.is_leaving or worker.stopped) and worker.status().running == number:
            self._machine.stops(worker, number)
            self._job_stops.begin(worker, number)

    def _begin_moment(self, instruction: LookAgain) -> None:
        over = self._machine.moment_over
        self._loop.call_later(instruction.seconds, self._take_in_event, over, instruction.number)

    def _take_in_event(self, event: Callable[..., None], *details: Any) -> None:
        """Let the machine take in an event, unless it is too late."""
        if not self._closed:
            event(*details)
            self._go_on()

    def _fail_all(self, instruction: FailAll) -> None:
        self._report([self._fail(job) for job in (*instruction.jobs, *self._source.take(len(self._source)))])

    # -- what happens

    def _take_in(self, worker: WorkerState, messages: list[ToEngine]) -> None:
        if not self._closed:
            self._note_reports(worker, messages)
            self._go_on_after_reports([worker])

    def _note_reports(self, worker: WorkerState, messages: list[ToEngine]) -> None:
        for message in messages:
            self._take_in_one(worker, message)
        if worker.sources_of and worker.sources_of not in worker.sent:
            worker.sources_of, worker.sources = 0, {}
        if worker.stopped and worker.stopped not in worker.sent and self._job_stops.end(worker):
            self._machine.has_stopped(worker)

    def _go_on_after_reports(self, workers: Sequence[WorkerState]) -> None:
        self._machine.reported(workers)
        self._go_on()
        self._machine.feed(everywhere=False)
        if self._source.watched:
            self._fed += workers
        self._go_on()

    def _take_in_one(self, worker: WorkerState, message: ToEngine) -> None:
        if isinstance(message, JobsDone):
            printed = {number: worker.process.printed.take_output(number) for number in message.printed}
            self._machine.done(worker, message.numbers, message.seconds, printed, message.overtaken, message.usage)
        elif isinstance(message, JobFailed):
            said = worker.process.printed.take_output(message.number) if message.printed else None
            sent = worker.sent.get(message.number)
            outcome = failed(worker, sent, message, said) if sent is not None else None
            if sent is not None and outcome is not None:
                outcome = self._memory.of_failed(sent, outcome, message.peak)
            self._machine.failed(worker, message.number, outcome)
        elif isinstance(message, Logged):
            sent = worker.sent.get(message.number)
            pass_on(message, sent.job.task_id if sent is not None else "", worker.process.pid)
        elif isinstance(message, Revoked):
            self._machine.revoked(worker, message.numbers)
        elif isinstance(message, TaskRequest):
            self._source_tasks.send(worker, message)
        elif isinstance(message, FactsRequest):
            sent = worker.sent.get(message.number)
            if sent is not None:
                worker.process.send(FactsReply(self._host.facts_of(sent.job.task_id)))
        elif isinstance(message, Reported):
            sent = worker.sent.get(message.number)
            if sent is not None and not sent.is_speculative:
                self._host.reported(sent.job.task_id, message.report)
        elif isinstance(message, SpentReport):
            sent = worker.sent.get(message.number)
            if sent is not None:
                self._host.spent(sent.job.task_id, message.amounts)
        elif isinstance(message, DefinitionsImported):
            worker.imported = message.count
            self._ready.check()
        elif isinstance(message, MemoryExceeded):
            self._machine.exceeded(worker)

    def _replace_cold(self) -> None:
        """Replace workers that lack libraries with which new ones come."""
        self._take_in_event(self._machine.replace, self._worker_set.cold_workers())

    def _tick(self) -> None:
        self._next_tick = self._loop.call_later(BLOCKED_AFTER, self._tick) if self._machine.tick() else None
        self._go_on()

    def _has_ended(self, worker: WorkerState) -> None:
        """Note that a worker has ended, or has closed its channel; called once or more."""
        if self._shutdown.has(worker):
            return
        has_died = not (self._job_stops.end(worker) or worker.is_leaving)
        self._worker_set.deaths += has_died
        self._machine.ended(worker)
        self._shutdown.reap(worker, has_died=has_died)
        if not self._closed:
            self._go_on()

    def _gone(self, worker: WorkerState, end: ExitStatus, last: WorkerStatus) -> None:
        """Settle the jobs of a worker that has ended; start another if there is work for it."""
        status = worker.believable(last)
        sent = worker.sent.get(status.running)
        lost = outcome_of_running(worker, sent, end) if sent is not None else None
        if sent is not None and lost is not None:
            lost = self._memory.of_killed(sent, lost, end)
        refused = worker.process.refused
        if refused is not None:
            self._fail = partial(cannot_start, error=refused)
        elif not worker.has_reported and not status.running:
            self._worker_set.stop_announcing()  # an import may have killed it
            self._fail = partial(failed_to_start, message=self._worker_set.why_none_starts(worker, end), end=end)
        self._machine.gone(worker, status.running, status.ended, lost, refused=refused is not None)
        self._go_on()
        if self._ready.awaited and not self._closed:
            self._start_again(worker, end)

    def _start_again(self, worker: WorkerState, end: ExitStatus) -> None:
        """Start another worker, as callers wait until all are ready, unless none can be started."""
        refused = worker.process.refused
        if refused is not None or self._machine.roster.is_hopeless:
            why = str(refused or self._worker_set.why_none_starts(worker, end))
            return self._ready.fail(WorkerDied("start_workers()", why))
        self._machine.start_all()
        self._go_on()
        self._ready.watch()
