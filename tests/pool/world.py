"""A world for the pool's machine: jobs, and worker processes that are objects.

A worker here does what a worker process does with its messages: it runs jobs in order, reports successes together and
failures at once, gives back on request what it has not begun, and leaves two numbers in its page when it dies. When
each of these things happens is up to the caller. Whatever the machine gives is counted and checked at once.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, cast

from alexflow.executors.capacity import Capacity
from alexflow.executors.interface import Job, NotDone, Unsure, Usage
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
from alexflow.executors.process.machine import PoolMachine
from alexflow.executors.process.past_usage import ClassUsage
from alexflow.executors.process.places import Assignment, Place
from alexflow.executors.recycle import Recycle
from tests.pool.invariants import Broken, validate
from tests.pool.source import Ready, Source

#: Rounds of instructions that may follow from one event.
MOST_TURNS = 1000

Message = tuple[Any, ...]


class Worker:
    """A simulated worker process."""

    def __init__(self, place: Place):
        self.place = place
        self.jobs: deque[Assignment] = deque()  # arrived and not begun
        self.failed: set[int] = set()
        self.running: Assignment | None = None
        self.ended = 0  # in the page
        self.done: list[Assignment] = []  # ended well, and not reported
        self.reports: deque[Message] = deque()  # sent, and not arrived
        self.revoking = False  # it was asked to give back, and has not read that
        self.terminated = False  # it was sent SIGTERM, for a job
        self.retired = False

    def begin(self) -> Assignment | None:
        """Begin the next job; those that come after a failed one are passed over."""
        while self.running is None and self.jobs:
            sent = self.jobs.popleft()
            if sent.after in self.failed:
                self.failed.add(sent.number)
                continue
            self.running = sent
            self.ended = sent.number - 1
        return self.running

    def end(self, well: bool) -> None:
        """End the running job."""
        sent = self.running
        assert sent is not None
        if well:
            self.done.append(sent)
        else:
            self.failed.add(sent.number)
            self.report()
            self.reports.append(("failed", sent))
        self.running = None
        self.ended = sent.number

    def report(self) -> None:
        """Report what is done."""
        if self.done:
            self.reports.append(("done", self.done))
            self.done = []

    def give_back(self) -> None:
        """Give back what has not begun."""
        self.revoking = False
        self.report()
        self.reports.append(("revoked", [sent.number for sent in reversed(self.jobs)]))
        self.jobs.clear()


class World:
    """A machine, its workers, and the jobs.

    Args:
        size: how many workers at most.
        recycle: limits after which one is replaced.
        make: makes the machine.
        capacity: what jobs may claim.
        reserve: places that jobs of a priority below 0 never have.
    """

    def __init__(
        self,
        size: int = 2,
        recycle: Recycle | None = None,
        make: type[PoolMachine] = PoolMachine,
        capacity: Capacity | None = None,
        reserve: int = 0,
    ):
        self.now = 0.0
        self.size = size
        self.recycle = recycle
        self.workers: list[Worker] = []
        self.ready: dict[str, Ready] = {}
        self.successors: dict[str, Job] = {}
        self.source = Source(self.successors, self.ready)
        self.machine = make(size, self.source, recycle, lambda: self.now, capacity, reserve=reserve)
        self.cannot_travel: set[str] = set()
        self.refuses_to_start = False
        self.started = Counter[str]()  # jobs begun before they were ready, too
        self.published: set[str] = set()  # jobs whose outputs exist
        self.history: list[PoolInstruction] = []
        self.moments: deque[int] = deque()  # that are awaited
        self.looked_up: list[str] = []  # classes whose memory was asked for
        self.peaks: dict[str, int] = {}  # of classes, as the record has them
        self.usual_seconds: dict[str, float] = {}  # the same for how long they took
        self.answers = True  # whether it is read at once
        self.rss = 0  # what each job uses
        self._orders = 0
        self._perform = {
            SendJobs: self._send,
            ReturnJobs: self._put_back,
            ReportOutcomes: self._report,
            StartPlaces: self._start,
            RevokeJobs: self._revoke,
            StopJob: self._stop,
            RetirePlace: self._retire,
            FailAll: self._fail_all,
            LookUpUsage: self._look_up,
            LookAgain: self._look_again,
        }

    # -- jobs

    def job(
        self, name: str, key: str = "quick", timeout: float | None = None, replace: bool = False, priority: int = 0
    ) -> Job:
        known = key if timeout is None else ""
        return Job(name, cast(Any, None), timeout, replace, None, known, priority=priority)

    def submit(self, jobs: Iterable[Job]) -> None:
        """Make jobs ready."""
        jobs = list(jobs)
        for job in jobs:
            self._orders += 1
            was_sent = job.task_id in self.machine.assigned  # speculatively
            self.ready[job.task_id] = Ready(job, self._orders, was_sent=was_sent)
            self.source.queue[job.task_id] = job
        self.source.sort()
        self.machine.offered([job.task_id for job in jobs])
        self.go_on()

    def cancel(self, names: Iterable[str]) -> None:
        """Cancel jobs, as the scheduler does: what waits simply goes."""
        taken = []
        for name in names:
            if self.source.queue.pop(name, None) is not None:
                self.source.left += 1
                self.ready[name].outcomes.append(NotDone(name, "cancelled"))
            else:
                taken.append(name)
        self.machine.cancel(taken)
        self.go_on()

    def _put_back(self, instruction: ReturnJobs) -> None:
        self.source.put_back(instruction.jobs)
        self.machine.offered([job.task_id for job in instruction.jobs])

    def forget(self, names: Iterable[str]) -> None:
        """Say that jobs will never be ready."""
        for name in names:
            for before in [before for before, job in self.successors.items() if job.task_id == name]:
                del self.successors[before]
        self.machine.forget(list(names))
        self.go_on()

    @property
    def open(self) -> list[str]:
        """Jobs that are ready and have no outcome."""
        return [name for name, ready in self.ready.items() if not ready.outcomes]

    # -- what the machine decides

    def go_on(self) -> None:
        for _ in range(MOST_TURNS):
            instructions = self.machine.drain()
            if not instructions:
                break
            for instruction in instructions:
                self.history.append(instruction)
                self._perform[type(instruction)](instruction)
        else:
            raise Broken("the machine does not come to rest")
        validate(self.machine, self.source.queue)
        if not self.moments and any(worker.place.hesitates for worker in self.workers):
            raise Broken("a place hesitates for ever")
        self._check_that_none_is_lost()

    def _check_that_none_is_lost(self) -> None:
        for name in self.open:
            sent = self.machine.assigned.get(name)
            waits = name in self.source.queue
            if waits == (sent is not None and not sent.is_speculative):
                raise Broken(f"{name} is {'twice' if waits else 'nowhere'}")

    def _send(self, instruction: SendJobs) -> None:
        worker = self._worker_at(instruction.place)
        if worker.place.is_leaving:
            raise Broken("jobs are sent to a place that ends")
        self._check_order(instruction.jobs)
        for sent in instruction.jobs:
            if sent.number not in sent.place.sent:
                continue
            name = sent.job.task_id
            if sent.is_speculative and not any(name in names for names in self.source.prefetched):
                raise Broken(f"{name} is sent before it is ready, and was not noted")
            if name in self.cannot_travel:
                self.machine.cannot_be_sent(sent, NotDone(name, "fatal"))
                self.machine.feed()
                continue
            worker.jobs.append(sent)

    def _check_order(self, jobs: list[Assignment]) -> None:
        """Check that no job that has waited all the time is passed by one that became ready later."""
        asks_for_nothing = [name for name, job in self.source.queue.items() if self._asks_for_nothing(job)]
        waiting = [self._rank(self.ready[name]) for name in asks_for_nothing if not self.ready[name].was_sent]
        for sent in jobs:
            ready = self.ready.get(sent.job.task_id)
            if ready is None or sent.is_speculative or sent.job.needs is not None:
                continue
            if not ready.was_sent and any(rank < self._rank(ready) for rank in waiting):
                raise Broken(f"{sent.job.task_id} passes one that was ready before it")
            ready.was_sent = True

    def _asks_for_nothing(self, job: Job) -> bool:
        """Whether a job claims nothing, and nothing is being looked up for it."""
        name = job.task_id.rpartition(".")[0]
        known = name not in self.looked_up or self.machine.claims.peaks.get(name) == 0
        return known and job.needs is None

    def _rank(self, ready: Ready) -> tuple[int, int]:
        return -ready.job.priority, ready.order

    def _report(self, instruction: ReportOutcomes) -> None:
        for outcome in instruction.outcomes:
            ready = self.ready[outcome.task_id]
            if ready.outcomes:
                raise Broken(f"{outcome.task_id} has two outcomes: {ready.outcomes[0]}, {outcome}")
            ready.outcomes.append(outcome)

    def _start(self, instruction: StartPlaces) -> None:
        for _ in range(instruction.count):
            if self.refuses_to_start:
                self.machine.cannot_start()
                break
            place = Place(self.machine.roster.next_ordinal(), self.now, instruction.binding)
            if self.recycle is not None and self.recycle.tasks is not None:
                place.last_number = self.recycle.tasks
            self.workers.append(Worker(place))
            self.machine.roster.came(place)
        self.machine.feed()

    def _revoke(self, instruction: RevokeJobs) -> None:
        self._worker_at(instruction.place).revoking = True

    def _stop(self, instruction: StopJob) -> None:
        worker = self._worker_at(instruction.place)
        running = worker.running
        place, is_stopped = worker.place, worker.place.is_leaving or worker.place.stopped
        if not is_stopped and running is not None and running.number == instruction.number:
            self.machine.stops(place, instruction.number)
            worker.terminated = True

    def _retire(self, instruction: RetirePlace) -> None:
        self._worker_at(instruction.place).retired = True

    def _look_up(self, instruction: LookUpUsage) -> None:
        self.looked_up.append(instruction.name)
        if self.answers:
            self.answer(instruction.name)

    def _look_again(self, instruction: LookAgain) -> None:
        self.moments.append(instruction.number)

    def pass_moment(self) -> None:
        """Let the first of the moments be over."""
        if self.moments:
            self.machine.moment_over(self.moments.popleft())
            self.go_on()

    def answer(self, name: str) -> None:
        """Say how much memory a class has needed, and how long its tasks took."""
        self.machine.learnt_usage(name, ClassUsage(self.peaks.get(name, 0), self.usual_seconds.get(name, 0.0)))

    def _fail_all(self, instruction: FailAll) -> None:
        for job in [*instruction.jobs, *self.source.take(len(self.source))]:
            self.ready[job.task_id].outcomes.append(NotDone(job.task_id, "fatal"))

    def _worker_at(self, place: Place) -> Worker:
        return next(worker for worker in self.workers if worker.place is place)

    # -- what workers do

    def begin(self, worker: Worker) -> None:
        sent = worker.begin()
        if sent is not None:
            name = sent.job.task_id
            self.started[name] += 1
            ready = self.ready.get(name)
            if ready is not None and not sent.is_speculative and not sent.cancelled:
                ready.begun += 1
                if ready.begun > 1 + ready.excused:
                    raise Broken(f"{name} runs twice, and nothing was charged")
            if sent.is_speculative and sent.after not in range(1, sent.number):
                raise Broken(f"{name} runs before what it comes after")

    def end(self, worker: Worker, *, well: bool = True) -> None:
        if worker.running is not None and well:
            self.published.add(worker.running.job.task_id)
        worker.end(well)
        if not worker.jobs:
            worker.report()

    def arrive(self, worker: Worker) -> None:
        """Let the first of a worker's reports arrive."""
        kind, about = worker.reports.popleft()
        place = worker.place
        if kind == "done":
            many = len(about)
            numbers = [sent.number for sent in about]
            self.machine.done(place, numbers, [0.0001] * many, {}, {}, [Usage(0, 0, self.rss, {}, 0.0)] * many)
        elif kind == "failed":
            self.machine.failed(place, about.number, NotDone(about.job.task_id, "error"))
        else:
            self.machine.revoked(place, about)
        if place.stopped and place.stopped not in place.sent and not worker.retired:
            self.machine.has_stopped(place)
        self.machine.reported([place])
        self.go_on()
        self.machine.feed()
        self.go_on()

    def is_late(self, worker: Worker) -> None:
        """Let a job that was stopped not end at once."""
        self.machine.stopping(worker.place, worker.place.stopped)
        self.go_on()

    def die(self, worker: Worker) -> None:
        """Let a worker end, whatever it is at; what it has sent still arrives."""
        place = worker.place
        self.machine.ended(place)
        worker.retired = True
        while worker.reports:
            self.arrive(worker)
        self.workers.remove(worker)
        self.machine.roster.left(place)
        before = {name: len(self.ready[name].outcomes) for name in self.open}
        self._gone(worker)
        self._check_what_that_cost(worker, before)

    def _gone(self, worker: Worker) -> None:
        place, running = worker.place, worker.running
        lost = None
        number = running.number if running is not None else 0
        if running is not None:
            reason = "cancelled" if running.cancelled else "error" if running.took_too_long else "lost"
            lost = NotDone(running.job.task_id, cast(Any, reason))
            ready = self.ready.get(running.job.task_id)
            if ready is not None and (place.stopped not in (0, number) or running.is_speculative):
                ready.excused += 1
        self.machine.gone(place, number, worker.ended, lost)
        self.go_on()

    def _check_what_that_cost(self, worker: Worker, before: Iterable[str]) -> None:
        """Check that the death cost an attempt of the job that was running, at most."""
        own = worker.running.job.task_id if worker.running is not None else ""
        ended = {sent.job.task_id for sent in worker.done}
        for name in before:
            for outcome in self.ready[name].outcomes:
                if isinstance(outcome, Unsure) and outcome.lost is None:
                    if name not in ended:
                        raise Broken(f"{name} is unsure, and had not ended")
                elif name != own and getattr(outcome, "reason", "") not in ("cancelled", "fatal"):
                    raise Broken(f"{name} pays for the death of a worker that was at {own or 'nothing'}")
