"""Turns outcomes of executors and dynamic tasks into events for the scheduler, and emits the public events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Literal

from alexflow.engine.failed_attempts import FailedAttempts
from alexflow.engine.recording import EngineRecorder
from alexflow.engine.tallies import Tallies
from alexflow.engine.task_events import TaskEvents
from alexflow.errors import TaskError, TaskFailed
from alexflow.executors.interface import Done, NotDone, Printed, Settled, Usage
from alexflow.failures import Attempt
from alexflow.graph import NO_SUBJECTS, Catalog, Subjects
from alexflow.logs import logger
from alexflow.model.retry import names_of
from alexflow.scheduler.events import Cancelled, Event, Failed, InputsLost, Postponed, Reason, Succeeded
from alexflow.scheduler.instructions import GaveUp, TryAgain

#: Characters of each standard stream that are kept with a failed task's error, counted from the end.
PRINTED_KEPT = 4_000


class Outcomes:
    """Makes events of outcomes.

    Args:
        catalog: the users' tasks behind its names.
        task_events: emits the events of tasks.
        tallies: counts what came of them.
        chance: gives random numbers from 0 to 1, for delays that have jitter.
        record: what is written about tasks.
        failed: the attempts of tasks that have failed; it adds to them.
    """

    def __init__(
        self,
        catalog: Catalog,
        task_events: TaskEvents,
        tallies: Tallies,
        chance: Callable[[], float],
        record: EngineRecorder,
        failed: FailedAttempts,
    ):
        self._catalog = catalog
        self._task_events = task_events
        self._tallies = tallies
        self._chance = chance
        self._record = record
        self._failed = failed

    def events(self, outcomes: Sequence[Settled], ahead: Sequence[str] = ()) -> list[tuple[Event, Subjects]]:
        """Make the events of jobs that have ended, with the users' objects that each is about.

        All successes share one event, and all cancellations. ``ahead`` is as in :class:`Succeeded`.
        """
        events: list[tuple[Event, Subjects]] = []
        succeeded: list[str] = []
        cancelled: list[str] = []
        task_events = self._task_events
        watching = task_events if task_events.broadcast.follows_attempts else None
        is_traced = task_events.tracing is not None and task_events.tracing.is_recording
        ends = task_events.ends_of(outcomes) if watching is not None or is_traced else []
        if is_traced:
            task_events.trace_ends(outcomes, ends)
        if watching is None and _have_nothing_to_say(outcomes):  # as most: asked of all together
            succeeded = list(map(_task_id_of, outcomes))
            others: Sequence[Settled] = ()
        else:
            others = outcomes
        for number, outcome in enumerate(others):
            if watching is not None:
                watching.make_up_start(outcome, ends[number])
            if outcome.printed is not None:
                self._take_printed(outcome, outcome.printed)
            if isinstance(outcome, Done):
                succeeded.append(outcome.task_id)
                if outcome.overtaken:
                    self._report_overtaken(outcome.task_id, outcome.overtaken)
                if watching is not None:
                    watching.succeeded(outcome, ends[number])
            elif outcome.reason == "cancelled" or outcome.error is None:
                cancelled.append(outcome.task_id)
            else:
                events.append(self._event_of(outcome, outcome.error, outcome.reason))
        if self._tallies.is_kept:
            self._tallies.settled(outcomes)
        if succeeded and self._task_events.hot is not None:
            self._task_events.made(succeeded)
        if succeeded and self._task_events.awaited:
            self._task_events.pass_on(succeeded)
        if succeeded:
            if watching is None and task_events.broadcast.has_listeners:
                self._task_events.over(succeeded)
            self._tallies.computed += len(succeeded)
            self._record.ended(outcomes, self._failed)
            usages = [outcome.usage for outcome in others if isinstance(outcome, Done)] or map(_usage_of, outcomes)
            stored = list(map(_stored_of, filter(None, usages)))
            events.append((Succeeded(tuple(succeeded), ahead=tuple(ahead)), Subjects({}, {}, {}, stored=stored)))
        if cancelled:
            stopped = {outcome.task_id for outcome in outcomes if outcome.seconds}
            self._task_events.cancelled(cancelled, stopped)
            events.append((Cancelled(tuple(cancelled)), NO_SUBJECTS))
        return events

    def collected(self, outcomes: Sequence[Done]) -> None:
        """Take in outcomes of tasks that the scheduler has counted as done."""
        self.events(outcomes)

    def of_dynamic(self, event: Event) -> tuple[Event, Subjects]:
        """Complete an event of a dynamic task, which makes its events itself, and add what it is about."""
        if type(event) is Succeeded:
            usage = Usage(0, None, None, dict(event.stored), time.monotonic())
            done = [Done(task_id, event.seconds, usage=usage, generated=event.generated) for task_id in event.tasks]
            self._tallies.computed += len(done)
            self._task_events.made(event.tasks)
            self._record.ended(done, self._failed)
            if self._tallies.is_kept:
                self._tallies.settled(done)
            self._task_events.trace_ends(done, [time.time()] * len(done))
            if self._task_events.broadcast.follows_attempts:
                for outcome in done:
                    self._task_events.succeeded(outcome)
            elif self._task_events.watched:
                self._task_events.over(event.tasks)
        elif type(event) is Failed:
            if self._tallies.is_kept:
                self._tallies.failed_to_generate(event.task_id)
            return self._failure(event.task_id, event.error, event.reason, event.seconds), NO_SUBJECTS
        elif type(event) is InputsLost:
            return event, self._lost(event.task_id, event.keys)
        return event, NO_SUBJECTS

    def forget(self, task_ids: Iterable[str]) -> None:
        """Drop what is kept of tasks that are over."""
        self._failed.forget(task_ids)

    def _event_of(
        self, outcome: NotDone, error: TaskError, reason: Reason | Literal["input"]
    ) -> tuple[Event, Subjects]:
        task_id = outcome.task_id
        if reason == "input":
            keys = (outcome.missing_input,)
            return InputsLost(task_id, keys, error), self._lost(task_id, keys)
        if outcome.retry_after is not None:
            return self._postponed(task_id, error, outcome.retry_after), NO_SUBJECTS
        return self._failure(task_id, error, reason, outcome.seconds, outcome.worker, outcome.host), NO_SUBJECTS

    def _postponed(self, task_id: str, error: TaskError, seconds: float) -> Postponed:
        """Report a task that starts again later, because the service behind it asked for that."""
        logger.info("%s asked to start again in %g s", task_id, seconds)
        self._task_events.retrying(task_id, self._failed.count(task_id), error, seconds)
        return Postponed(task_id, seconds, error)

    def _lost(self, task_id: str, keys: tuple[str, ...]) -> Subjects:
        """Report lost inputs; the scheduler will inspect them again."""
        self._task_events.inputs_vanished(task_id, keys)
        described = self._catalog.tasks.get(task_id)
        return NO_SUBJECTS if described is None else Subjects(described.inputs, {}, {})

    def _take_printed(self, outcome: Settled, printed: Printed) -> None:
        self._task_events.printed(outcome.task_id, printed.stdout, printed.stderr)
        if isinstance(outcome, NotDone) and outcome.error is not None:
            outcome.error.stdout = printed.stdout[-PRINTED_KEPT:]
            outcome.error.stderr = printed.stderr[-PRINTED_KEPT:]

    def _report_overtaken(self, task_id: str, keys: tuple[str, ...]) -> None:
        described = self._catalog.tasks.get(task_id)
        if described is not None and len(described.spec.outputs) > len(keys):
            why = "one was stored already, though others of its outputs were missing"
        else:
            why = "another engine or process had published it first"
        logger.warning("%s: its result for %s was dropped, because %s", task_id, ", ".join(keys), why)
        self._task_events.overtaken(task_id, keys)

    def _failure(
        self, task_id: str, error: TaskError, reason: Reason, seconds: float, worker: int = 0, host: str = ""
    ) -> Failed:
        attempt = Attempt(error.message, type(error).__name__, time.time(), seconds, worker, host)
        self._failed.add(task_id, attempt)
        described = self._catalog.tasks.get(task_id)
        if described is None or reason != "error":
            return Failed(task_id, error, reason)
        retry = described.retry
        if not retry.covers(_classes_of(error)):
            return Failed(task_id, error, "fatal")
        return Failed(task_id, error, reason, self._chance()) if retry.jitter else Failed(task_id, error, reason)

    def report_retry(self, decided: TryAgain) -> None:
        """Report an attempt that failed and is followed by another."""
        error, seconds = decided.error, decided.seconds
        self._record.attempt_failed(decided.task_id, error, self._failed.of(decided.task_id), is_last=False)
        when = f"in {seconds:.2g} s" if seconds else "now"
        logger.info("%s: %s; retrying %s", decided.task_id, error.message, when)
        self._task_events.retrying(decided.task_id, decided.attempts, error, seconds)

    def report_given_up(self, decided: GaveUp) -> None:
        """Report a task that failed for good, and complete its error."""
        self._tallies.failed += 1
        error: TaskError = decided.error
        error.attempts, error.deaths = decided.attempts, decided.deaths
        error.history = self._failed.of(decided.task_id)
        self._record.attempt_failed(decided.task_id, error, error.history, is_last=True)
        self._task_events.given_up(decided.task_id, error.attempts, error)


_task_id_of, _usage_of, _stored_of = attrgetter("task_id"), attrgetter("usage"), attrgetter("stored")
_printed_of, _overtaken_of = attrgetter("printed"), attrgetter("overtaken")


def _have_nothing_to_say(outcomes: Sequence[Settled]) -> bool:
    """Whether all have succeeded, and none has printed or lost anything."""
    if set(map(type, outcomes)) != {Done}:
        return False
    return not (any(map(_printed_of, outcomes)) or any(map(_overtaken_of, outcomes)))


def _classes_of(error: TaskError) -> tuple[str, ...]:
    """List the qualified names of the exception's class and its bases."""
    return (error.error_classes if isinstance(error, TaskFailed) else ()) or names_of(type(error))
