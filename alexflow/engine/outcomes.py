"""What executors and dynamic tasks report, as events for the scheduler; and what is told of it to those who listen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Literal

from alexflow.engine.failed_attempts import History
from alexflow.errors import TaskError, TaskFailed
from alexflow.events import engine_events
from alexflow.events.broadcast import Broadcast
from alexflow.executors.interface import Done, NotDone, Outcome, Printed
from alexflow.failures import Attempt
from alexflow.graph import NO_SUBJECTS, Catalog, Subjects
from alexflow.logs import logger
from alexflow.model.retry import names_of
from alexflow.scheduler.events import Cancelled, Event, Failed, InputsLost, Reason, Succeeded
from alexflow.scheduler.instructions import GaveUp, TryAgain

#: How much of what a failed task printed is kept with its error, of each stream, in characters from the end.
PRINTED_KEPT = 4_000


class Outcomes:
    """Makes events of outcomes.

    Args:
        catalog: the users' tasks behind its names.
        broadcast: who is told.
        chance: gives random numbers from 0 to 1, for delays that have jitter.
    """

    def __init__(self, catalog: Catalog, broadcast: Broadcast, chance: Callable[[], float]):
        self._catalog = catalog
        self._broadcast = broadcast
        self._emit = broadcast.emit_lazily
        self._chance = chance
        self._history = History()

    def events(self, outcomes: Sequence[Outcome]) -> list[tuple[Event, Subjects]]:
        """For jobs that have ended, with the users' objects that each event is about.

        All that went well are in one, and all that were cancelled.
        """
        events: list[tuple[Event, Subjects]] = []
        succeeded: list[str] = []
        cancelled: list[str] = []
        heard = self._broadcast.has_listeners
        for outcome in outcomes:
            if outcome.printed is not None:
                self._take_printed(outcome, outcome.printed)
            if isinstance(outcome, Done):
                succeeded.append(outcome.task_id)
                if outcome.overtaken:
                    self._tell_overtaken(outcome.task_id, outcome.overtaken)
                if heard:
                    self._broadcast.emit(engine_events.TaskSucceeded(outcome.task_id, outcome.seconds))
            elif outcome.reason == "cancelled" or outcome.error is None:
                cancelled.append(outcome.task_id)
            else:
                events.append(self._event_of(outcome, outcome.error, outcome.reason))
        if succeeded:
            events.append((Succeeded(tuple(succeeded)), NO_SUBJECTS))
        if cancelled:
            events.append((Cancelled(tuple(cancelled)), NO_SUBJECTS))
        return events

    def of_dynamic(self, event: Event) -> tuple[Event, Subjects]:
        """For a dynamic task, which gives its events itself: one as the scheduler gets it, with what it is about."""
        if type(event) is Succeeded:
            for task_id in event.tasks:
                self._emit(partial(engine_events.TaskSucceeded, task_id, 0.0))
        elif type(event) is Failed:
            return self._failure(event.task_id, event.error, event.reason, 0.0, 0), NO_SUBJECTS
        elif type(event) is InputsLost:
            return event, self._lost(event.task_id, event.keys)
        return event, NO_SUBJECTS

    def forget(self, task_ids: Iterable[str]) -> None:
        """These tasks are over."""
        self._history.forget(task_ids)

    def _event_of(
        self, outcome: NotDone, error: TaskError, reason: Reason | Literal["input"]
    ) -> tuple[Event, Subjects]:
        task_id = outcome.task_id
        if reason == "input":
            keys = (outcome.missing_input,)
            return InputsLost(task_id, keys, error), self._lost(task_id, keys)
        return self._failure(task_id, error, reason, outcome.seconds, outcome.worker), NO_SUBJECTS

    def _lost(self, task_id: str, keys: tuple[str, ...]) -> Subjects:
        """Inputs of a task that the scheduler will ask about once more."""
        self._emit(lambda: engine_events.InputsVanished(task_id, keys))
        described = self._catalog.tasks.get(task_id)
        return NO_SUBJECTS if described is None else Subjects(described.inputs, {}, {})

    def _take_printed(self, outcome: Outcome, printed: Printed) -> None:
        self._emit(lambda: engine_events.TaskPrinted(outcome.task_id, printed.stdout, printed.stderr))
        if isinstance(outcome, NotDone) and outcome.error is not None:
            outcome.error.stdout = printed.stdout[-PRINTED_KEPT:]
            outcome.error.stderr = printed.stderr[-PRINTED_KEPT:]

    def _tell_overtaken(self, task_id: str, keys: tuple[str, ...]) -> None:
        logger.warning(
            "%s: what it stored as %s was dropped, because somebody else had published that first",
            task_id,
            ", ".join(keys),
        )
        self._emit(lambda: engine_events.ResultDropped(task_id, keys))

    def _failure(self, task_id: str, error: TaskError, reason: Reason, seconds: float, worker: int) -> Failed:
        attempt = Attempt(error.message, type(error).__name__, time.time(), seconds, worker)
        self._history.add(task_id, attempt)
        described = self._catalog.tasks.get(task_id)
        if described is None or reason != "error":
            return Failed(task_id, error, reason)
        retry = described.retry
        if not retry.covers(_classes_of(error)):
            return Failed(task_id, error, "fatal")
        return Failed(task_id, error, reason, self._chance()) if retry.jitter else Failed(task_id, error, reason)

    def tell_again(self, decided: TryAgain) -> None:
        """An attempt failed, and another follows."""
        error, seconds = decided.error, decided.seconds
        logger.info("%s: %s; it will be tried again in %g s", decided.task_id, error.message, seconds)
        self._emit(lambda: engine_events.TaskRetrying(decided.task_id, decided.attempts, error.message, seconds))

    def tell_given_up(self, decided: GaveUp) -> None:
        """A task failed for good."""
        error: TaskError = decided.error
        error.attempts, error.deaths = decided.attempts, decided.deaths
        error.history = self._history.of(decided.task_id)
        self._emit(lambda: engine_events.TaskGivenUp(decided.task_id, error.attempts, error.message))


def _classes_of(error: TaskError) -> tuple[str, ...]:
    """Qualified names of the class, and its bases, of what went wrong."""
    return (error.error_classes if isinstance(error, TaskFailed) else ()) or names_of(type(error))
