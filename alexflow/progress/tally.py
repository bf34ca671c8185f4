"""Progress of a run, folded from its events. No clock, no terminal: the caller passes the time of each event.

Everything is counted by task class, so memory does not grow with the number of tasks. Events come in the order in which
the engine learns things, which is not always the logical one: a task can start before it was reported as planned. So
the number of waiting tasks is the remainder when all others are subtracted, and never negative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from alexflow.events import (
    EngineEvent,
    InputsVanished,
    RunFinished,
    RunStarted,
    TaskCancelled,
    TaskGivenUp,
    TaskReported,
    TaskRetrying,
    TasksFound,
    TasksMadeElsewhere,
    TasksPlanned,
    TasksPutBack,
    TaskStarted,
    TaskSucceeded,
    WaitingForEngine,
)

#: Failures that are kept with their messages; all are counted.
FAILURES_KEPT = 10


@dataclass(slots=True)
class Tally:
    """Counts for one task class, or for all of them.

    Attributes:
        name: the class, as ``module.qualname``.
        planned: tasks that have to run.
        under_way: tasks that were submitted: they run, or are about to.
        done: tasks that have run, with their outputs published.
        failed: tasks that failed for good.
        cancelled: tasks that had to run, and were stopped or will not run.
        retried: attempts that failed and were followed by another.
        worked: the durations of the tasks, in seconds, added up.
        slowest: the longest of these.
        since: when the first task started.
        until: when the last one ended.
        report: what a running one has reported last.
    """

    name: str
    planned: int = 0
    under_way: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    retried: int = 0
    worked: float = 0.0
    slowest: float = 0.0
    since: float | None = None
    until: float = 0.0
    report: TaskReported | None = None

    @property
    def waiting(self) -> int:
        """Tasks that have to run and have not started."""
        return max(0, self.planned - self.under_way - self.done - self.failed)

    @property
    def unended(self) -> int:
        """Tasks that had to run, and have neither run nor failed. Once a run is stopped, all of them are cancelled."""
        return max(0, self.planned + self.cancelled - self.done - self.failed)

    def rate(self, now: float) -> float:
        """Tasks done per second, from the first start until now, or until the last end if nothing is left to do."""
        if self.since is None:
            return 0.0
        end = now if self.under_way or self.waiting else self.until
        return self.done / (end - self.since) if end > self.since else 0.0


@dataclass(frozen=True)
class Failure:
    """A task that failed for good."""

    task_id: str
    attempts: int
    error: str


@dataclass
class Progress:
    """The state of a run.

    Attributes:
        classes: counts by task class, in the order in which the classes appeared.
        cached: tasks that were done already.
        failures: the first failures, at most ``FAILURES_KEPT``.
        started: when the run was requested.
        waits_for: the other engine on the same storage that this one waits for, while nothing else happens.
        finished: the last event of the run, once it is over.
    """

    classes: dict[str, Tally] = field(default_factory=dict)
    cached: int = 0
    failures: list[Failure] = field(default_factory=list)
    started: float | None = None
    waits_for: WaitingForEngine | None = None
    finished: RunFinished | None = None

    def add(self, event: EngineEvent, now: float) -> None:
        """Add an event that came at ``now``, in seconds of any monotonic clock."""
        fold = _FOLDS.get(type(event))
        if fold is not None:
            self.waits_for = None
            fold(self, event, now)

    def total(self) -> Tally:
        """Return the counts of all classes together."""
        total = Tally("")
        for tally in self.classes.values():
            total.planned += tally.planned
            total.under_way += tally.under_way
            total.done += tally.done
            total.failed += tally.failed
            total.cancelled += tally.cancelled
            total.retried += tally.retried
            total.worked += tally.worked
            total.slowest = max(total.slowest, tally.slowest)
            total.until = max(total.until, tally.until)
            if tally.since is not None:
                total.since = tally.since if total.since is None else min(total.since, tally.since)
        return total

    # -- one function per event

    def _of(self, task_id: str) -> Tally:
        name = task_id.rpartition(".")[0]
        tally = self.classes.get(name)
        if tally is None:
            tally = self.classes[name] = Tally(name)
        return tally

    def _run_started(self, event: RunStarted, now: float) -> None:
        if self.started is None:
            self.started = now

    def _planned(self, event: TasksPlanned, now: float) -> None:
        for task_id in event.task_ids:
            self._of(task_id).planned += 1

    def _found(self, event: TasksFound, now: float) -> None:
        self.cached += event.count

    def _task_started(self, event: TaskStarted, now: float) -> None:
        tally = self._of(event.task_id)
        tally.under_way += 1
        if tally.since is None:
            tally.since = now

    def _reported(self, event: TaskReported, now: float) -> None:
        self._of(event.task_id).report = event

    def _succeeded(self, event: TaskSucceeded, now: float) -> None:
        tally = self._ended(event.task_id, now)
        tally.done += 1
        tally.worked += event.seconds
        tally.slowest = max(tally.slowest, event.seconds)

    def _retrying(self, event: TaskRetrying, now: float) -> None:
        self._ended(event.task_id, now).retried += 1

    def _given_up(self, event: TaskGivenUp, now: float) -> None:
        self._ended(event.task_id, now).failed += 1
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(Failure(event.task_id, event.attempts, event.error))

    def _sent_back(self, event: InputsVanished, now: float) -> None:
        self._ended(event.task_id, now)

    def _made_elsewhere(self, event: TasksMadeElsewhere, now: float) -> None:
        self.cached += len(event.task_ids)
        for task_id in event.task_ids:
            self._of(task_id).planned -= 1

    def _cancelled(self, event: TaskCancelled, now: float) -> None:
        tally = self._ended(event.task_id, now) if event.begun else self._of(event.task_id)
        tally.planned -= 1
        tally.cancelled += 1

    def _put_back(self, event: TasksPutBack, now: float) -> None:
        for task_id in event.task_ids:
            self._ended(task_id, now)

    def _waiting_for_engine(self, event: WaitingForEngine, now: float) -> None:
        self.waits_for = event

    def _run_finished(self, event: RunFinished, now: float) -> None:
        self.finished = event
        for tally in self.classes.values():
            tally.under_way = 0

    def _ended(self, task_id: str, now: float) -> Tally:
        tally = self._of(task_id)
        tally.under_way = max(0, tally.under_way - 1)
        event = tally.report
        if event is not None and event.task_id == task_id:
            tally.report = None
        tally.until = now
        return tally


_FOLDS: dict[type[EngineEvent], Callable[[Progress, Any, float], None]] = {
    RunStarted: Progress._run_started,
    TasksPlanned: Progress._planned,
    TasksFound: Progress._found,
    TaskStarted: Progress._task_started,
    TaskReported: Progress._reported,
    TaskSucceeded: Progress._succeeded,
    TaskRetrying: Progress._retrying,
    TaskGivenUp: Progress._given_up,
    TaskCancelled: Progress._cancelled,
    InputsVanished: Progress._sent_back,
    TasksMadeElsewhere: Progress._made_elsewhere,
    TasksPutBack: Progress._put_back,
    WaitingForEngine: Progress._waiting_for_engine,
    RunFinished: Progress._run_finished,
}
