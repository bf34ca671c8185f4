"""``ProcessExecutor``: plain ``def run`` in worker processes.

Jobs wait here and go to a worker shortly before it needs them: as many as it can run in a few milliseconds, one at a
time where they are long or nothing is known of their class. When a guess was wrong, and a worker sits on jobs behind
a long one, those are called back. A worker's death costs the job that it was running an attempt, and nobody else
anything.

Our own pool, because the existing ones lose all jobs when one worker dies, leave workers behind when the engine is
killed, use the tasks' standard output for themselves, or fork a process that has threads (docs/design/workers.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from alexflow.errors import ShippingError
from alexflow.executors.captured_error import fault_of, not_done
from alexflow.executors.interface import GRACE, Done, Executor, Foresee, Job, NotDone, Outcome, Printed, Report
from alexflow.executors.job_queue import Pending
from alexflow.executors.process.deadlines import Deadlines
from alexflow.executors.process.definitions import Definitions
from alexflow.executors.process.head_of_line import Overdue
from alexflow.executors.process.log_forwarding import pass_on
from alexflow.executors.process.output_capture import Echo
from alexflow.executors.process.payload import Packed, Packer
from alexflow.executors.process.runtime_estimates import AHEAD, Pace
from alexflow.executors.process.shutdown import Departures, worker_died
from alexflow.executors.process.slow_imports import SlowImports
from alexflow.executors.process.speculation import Ahead, Foreseen, settle
from alexflow.executors.process.wire.exit_status import Exit
from alexflow.executors.process.wire.messages import (
    Broke,
    Finished,
    Logged,
    Returned,
    Shipment,
    Source,
    ToEngine,
    WantsSource,
    Work,
)
from alexflow.executors.process.worker_set import Staff
from alexflow.executors.process.worker_state import Assignment, Member
from alexflow.executors.recycle import Recycle
from alexflow.executors.workers import Workers
from alexflow.hooks import hook_error, text_of
from alexflow.model import AbstractTask
from alexflow.storage import Storage

#: Workers that die before their first job are replaced this often in a row; those that are lost at once count as one.
MAX_STILLBORN = 3

MOST_AT_ONCE = 512  # jobs in one message


class ProcessExecutor(Executor):
    """Runs jobs in worker processes, which are started when there is work for them.

    Args:
        workers: how many processes at most, besides those that are being ended, and what each may use; settled.
        grace: seconds that a job which is stopped gets to end, before it is killed.
        echo: who is shown at once what tasks print, if anybody.
    """

    def __init__(self, workers: Workers, *, grace: float = GRACE, echo: Echo | None = None):
        self._workers = workers
        self._size = workers.count or 1
        self._grace = grace
        self._echo = echo
        self._recycles = workers.recycle is not None
        self._recycle = workers.recycle or Recycle()
        self._pending = Pending()
        self._definitions = Definitions()
        self._packer = Packer(self._definitions)
        self._pace = Pace()
        self._stillborn = 0
        self._hired_by_then = 0  # how many workers there had been when the last stillborn one was counted
        self._cache_epoch = 0
        self._closed = False

    def open(self, storage: Storage, report: Report, foresee: Foresee) -> None:
        self._storage = storage
        self._report = report
        self._ahead = Ahead(foresee, self._pace)
        self._loop = asyncio.get_running_loop()
        self._staff = Staff(
            self._workers,
            storage,
            self._definitions,
            on_messages=self._take_in,
            on_end=lambda worker: self._departures.has_died(worker),
            echo=self._echo,
            recycle=self._recycle,
        )
        self._departures = Departures(self._staff, self._ahead, storage, self._grace, self._has_left)
        self._deadlines = Deadlines(self._stop)
        self._overdue = Overdue(self._staff, self._departures)
        self._slow_imports = SlowImports(self._staff, self._definitions)

    def expect(self, tasks: Sequence[AbstractTask]) -> None:
        classes = {type(task) for task in tasks}
        self._definitions.look_inside()
        if self._definitions.are_reloaded(classes):
            self._replace_all()
        self._hire_for(len(tasks))
        self._staff.announce(classes)

    def submit(self, jobs: Sequence[Job]) -> None:
        self._pending.append_all(self._not_foreseen(jobs) if self._ahead else jobs)
        if self._pending:
            self._hire_for(len(self._pending))
            self._feed()

    def forget(self, task_ids: Sequence[str]) -> None:
        if self._ahead:
            for task_id in task_ids:
                foreseen = self._ahead.take(task_id)
                if foreseen is not None:
                    self._withdraw(foreseen)

    def cancel(self, task_ids: Sequence[str]) -> None:
        withdrawn = [task_id for task_id in task_ids if self._pending.pop(task_id, None) is not None]
        sent = set(task_ids).difference(withdrawn)
        if sent:
            self._stop_sent(sent)
        if withdrawn:
            self._report([NotDone(task_id, "cancelled") for task_id in withdrawn])

    def _stop_sent(self, task_ids: set[str]) -> None:
        """Stop jobs that are with workers."""
        for worker in [*self._staff.workers, *self._staff.leaving]:
            for number, sent in worker.sent.items():
                if sent.job.task_id in task_ids:
                    sent.cancelled = True
                    self._departures.stop(worker, number)
        if self._pending:  # workers that have been stopped are replaced
            self._hire_for(len(self._pending))
            self._feed()

    def invalidate(self) -> None:
        self._cache_epoch += 1

    @property
    def places(self) -> int:
        return self._size

    def recall(self) -> list[Job]:
        return self._pending.take_all()

    def ahead(self) -> list[Job]:
        return self._ahead.jobs()

    async def aclose(self) -> None:
        self._closed = True
        self._pending.clear()
        self._overdue.close()
        self._slow_imports.close()
        try:
            await self._departures.aclose()
            await self._staff.aclose()
        except asyncio.CancelledError:
            self.kill()
            self._staff.kill()
            raise

    def kill(self) -> None:
        self._closed = True
        self._departures.kill()

    # -- giving out work

    def _hire_for(self, jobs: int) -> None:
        try:
            self._staff.hire_for(jobs)
        except (OSError, ShippingError) as error:
            if not self._staff.workers:
                self._give_up(error)

    def _give_up(self, error: OSError | ShippingError) -> None:
        """There are no workers, and there can be none."""
        fail = _unshippable if isinstance(error, ShippingError) else _homeless
        outcomes = [fail(job, error) for job in self._pending.take_all()]
        self._loop.call_soon(self._report, outcomes)

    def _feed(self) -> None:
        """Give workers that will soon be idle something to do: the less one has, the more it gets."""
        self._definitions.look_again()
        short = [worker for worker in self._staff.workers if worker.expected <= AHEAD / 2 and self._takes_jobs(worker)]
        if short:
            short.sort(key=lambda worker: worker.expected)
            level = self._pace.level(self._pending.values(), [worker.expected for worker in short])
            for worker in short:
                if self._pending or worker.sent:
                    self._fill(worker, level)
        self._overdue.watch()

    def _takes_jobs(self, worker: Member) -> bool:
        return not worker.recalled and not worker.is_worn and not (worker.slow and worker.sent)

    def _fill(self, worker: Member, level: float) -> None:
        """Send a worker jobs until it has so many seconds of work, or as much as it may have."""
        if not worker.sent:
            worker.heard = time.monotonic()
        definitions: set[int] = set()
        shipments: list[Shipment] = []
        for _ in range(min(len(self._pending), MOST_AT_ONCE, worker.last - worker.number)):
            job = self._pending.first()
            expected = self._pace.expect(job)
            if worker.sent and (worker.expected >= level or worker.expected + expected > AHEAD):
                break
            self._pending.take_first()
            packed = self._pack(job)
            if packed is not None:
                definitions.update(packed.needs)
                shipments.append(self._ship(worker, job, packed, expected))
        if not self._pending:
            self._look_ahead(worker, shipments, definitions)
        if shipments:
            worker.process.send(Work(self._staff.new_definitions(worker, definitions), shipments, self._cache_epoch))
            self._slow_imports.watch()

    def _ship(self, worker: Member, job: Job, packed: Packed, expected: float, behind: int = 0) -> Shipment:
        worker.number += 1
        number = worker.number
        sent = worker.sent[number] = Assignment(job, expected)
        worker.expected += expected
        if behind:
            sent.behind = behind
            sent.foreseen = self._ahead.add(job, worker, number)
        if job.timeout is not None:
            self._deadlines.watch(worker, number, job.timeout)
        return Shipment(number, packed.cls, packed.fields, job.task_id, job.replace, behind)

    def _pack(self, job: Job) -> Packed | None:
        try:
            return self._packer.pack(job.task)
        except BaseException as error:
            fault = hook_error(job.task, "__reduce__()", error)
            self._loop.call_soon(self._give_back, _unshippable(job, fault))
            return None

    def _give_back(self, outcome: NotDone) -> None:
        """A job that no worker will have; none will report, so nobody else would see that there is room."""
        self._report([outcome])
        if not self._closed:
            self._feed()

    # -- looking ahead

    def _look_ahead(self, worker: Member, shipments: list[Shipment], definitions: set[int]) -> None:
        for number, follower in self._ahead.followers(worker):
            if worker.number >= worker.last:
                return
            packed = self._pack_quietly(follower)
            if packed is not None:
                definitions.update(packed.needs)
                expected = self._pace.expect(follower)
                shipments.append(self._ship(worker, follower, packed, expected, behind=number))

    def _pack_quietly(self, job: Job) -> Packed | None:
        try:
            return self._packer.pack(job.task)
        except BaseException as error:  # told when it is asked for
            hook_error(job.task, "__reduce__()", error)  # but for Ctrl-C
            return None

    def _not_foreseen(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of these jobs that are not with a worker already; what came of those that are is told now."""
        others: list[Job] = []
        outcomes: list[Outcome] = []
        for job in jobs:
            foreseen = self._ahead.take(job.task_id)
            if foreseen is not None and foreseen.job.replace != job.replace:
                self._withdraw(foreseen)
                foreseen = None
            if foreseen is None:
                others.append(job)
            elif foreseen.outcome is not None:
                outcomes.append(foreseen.outcome)
            else:
                foreseen.worker.sent[foreseen.number].foreseen = None
        if outcomes:
            self._report(outcomes)
        return others

    def _withdraw(self, foreseen: Foreseen) -> None:
        if foreseen.outcome is None:
            foreseen.worker.sent[foreseen.number].cancelled = True
            self._departures.stop(foreseen.worker, foreseen.number)

    # -- hearing from workers

    def _take_in(self, worker: Member, messages: list[ToEngine]) -> None:
        if self._closed:
            return
        worker.proven = True
        self._stillborn = 0
        outcomes: list[Outcome] = []
        now = time.monotonic()
        for message in messages:
            if isinstance(message, Finished):
                worker.heard = now
                worker.slow = False
                printed = {number: worker.process.listening.of_job(number) for number in message.printed}
                overtaken = message.overtaken
                learn = self._pace.learn
                for number, seconds in zip(message.numbers, message.seconds, strict=True):
                    sent = worker.forget(number)
                    if sent is not None:
                        job = sent.job
                        learn(type(job.task), seconds)
                        said = printed.get(number) if printed else None
                        dropped = overtaken.get(number, ()) if overtaken else ()
                        settle(sent, Done(job.task_id, seconds, said, dropped), outcomes)
            elif isinstance(message, Broke):
                worker.heard = now
                worker.slow = False
                said = worker.process.listening.of_job(message.number) if message.printed else None
                sent = worker.forget(message.number)
                if sent is not None:
                    settle(sent, _failed(worker, sent.job, message, said), outcomes)
                self._pending.append_all(self._ahead.drop_behind(worker, message.number))
            elif isinstance(message, Logged):
                sent = worker.sent.get(message.number)
                pass_on(message, sent.job.task_id if sent is not None else "", worker.process.pid)
            elif isinstance(message, Returned):
                self._take_back(worker, message.numbers, outcomes)
            elif isinstance(message, WantsSource):
                self._tell_source(worker, message)
            else:
                worker.is_worn = True
        if self._recycles:
            self._replace_if_worn(worker)
        if len(self._pending) > len(worker.sent):  # fewer go with those that this report makes ready
            self._feed()
        if outcomes:
            self._report(outcomes)
        self._feed()

    def _replace_if_worn(self, worker: Member) -> None:
        """A worker that has served long enough gets nothing more, and leaves when it has done what it is running."""
        oldest = self._recycle.seconds
        is_old = oldest is not None and time.monotonic() - worker.born > oldest
        if worker.number >= worker.last or (is_old and worker.mark().ended):  # after one task at least
            worker.is_worn = True
        if worker.is_worn and not worker.has_left:
            if not worker.sent:
                self._departures.dismiss(worker)
                if self._pending:
                    self._hire_for(len(self._pending))
            elif len(worker.sent) > 1 and worker.number < worker.last:
                self._departures.recall(worker)

    def _replace_all(self) -> None:
        """What the workers have imported is out of date."""
        self._recycles = True
        for worker in list(self._staff.workers):
            worker.is_worn = True
            self._replace_if_worn(worker)

    def _take_back(self, worker: Member, numbers: list[int], outcomes: list[Outcome]) -> None:
        worker.recalled = False
        worker.slow = True
        worker.last += len(numbers)  # as it has not run them
        for number in numbers:  # the last first, so that they wait in their old order
            sent = worker.forget(number)
            if sent is None:
                continue
            if sent.foreseen is not None:
                self._ahead.discard(sent)
            elif sent.cancelled:
                outcomes.append(NotDone(sent.job.task_id, "cancelled"))
            else:
                self._pending.put_first(sent.job)
        for number, sent in list(worker.sent.items()):
            if sent.cancelled:
                self._departures.stop(worker, number)

    def _tell_source(self, worker: Member, wanted: WantsSource) -> None:
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
            worker.process.send(Source([], 0, [], text_of(fault)))
            return
        worker.process.send(Source(self._staff.new_definitions(worker, packed.needs), packed.cls, packed.fields))

    # -- ends

    def _stop(self, worker: Member, number: int) -> None:
        self._departures.stop(worker, number)
        if worker.has_left and self._pending:  # another one has its place
            self._hire_for(len(self._pending))
            self._feed()

    def _has_left(self, worker: Member, end: Exit, outcomes: list[Outcome], elsewhere: list[Job]) -> None:
        """Start another worker if there is work for it; give up if none lives long enough to begin."""
        for job in reversed(elsewhere):
            self._pending.put_first(job)
        if worker.process.refused is not None:  # asking again would be the same
            if not self._staff.workers:
                self._give_up(worker.process.refused)
        else:
            if worker.was_stillborn:
                self._staff.stop_announcing()  # it may have died of an import
                if worker.hired > self._hired_by_then:
                    self._stillborn += 1
                    self._hired_by_then = self._staff.hired
            if self._stillborn > MAX_STILLBORN:
                self._stillborn = 0
                message = f"worker processes end before they begin: the last one {end}"
                if not worker.process.pid and not end.signal:
                    message += f"; is {self._staff.python()} a Python interpreter? Workers(python=...) names one"
                lost = self._pending.take_all()
                outcomes += [NotDone(job.task_id, "fatal", worker_died(job, message, end)) for job in lost]
            self._hire_for(len(self._pending))
        self._feed()
        if outcomes:
            self._report(outcomes)


def _homeless(job: Job, error: Exception) -> NotDone:
    return NotDone(job.task_id, "fatal", worker_died(job, f"worker processes cannot be started: {error}", Exit()))


def _unshippable(job: Job, error: Exception) -> NotDone:
    return not_done(job.task_id, job.task, fault_of(error, travels=False), cause=error)


def _failed(worker: Member, job: Job, message: Broke, printed: Printed | None) -> NotDone:
    return not_done(
        job.task_id,
        job.task,
        message.fault,
        seconds=message.seconds,
        printed=printed,
        worker=worker.process.pid,
    )
