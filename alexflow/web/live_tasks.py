"""Tasks of an engine in this process, from its events: what is planned, what runs, and what waits for what."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from alexflow.events import (
    EngineEvent,
    InputsVanished,
    TaskCancelled,
    TaskGivenUp,
    TaskQueued,
    TaskRetrying,
    TasksMadeElsewhere,
    TasksPlanned,
    TasksPutBack,
    TaskStarted,
    TaskSucceeded,
    TaskWaiting,
)

#: Events that wait to be folded; beyond, the oldest are dropped, and the page says so.
MOST_WAITING_EVENTS = 200_000


class LiveTasks:
    """What the events of an engine say of tasks that are not over.

    :meth:`take` is called by the engine and only keeps the event; :meth:`fold` does the rest, when a page is made.

    Attributes:
        running: the start of each task that runs, by id.
        waiting: for each task that waits for something the words for that, by id.
        planned: tasks that have not ended, by id: the run for which they count.
        runs: ids of the runs that have planned anything.
        dropped: events that were not seen.
    """

    def __init__(self) -> None:
        self.running: dict[str, TaskStarted] = {}
        self.waiting: dict[str, str] = {}
        self.planned: dict[str, str] = {}
        self.runs: set[str] = set()
        self.dropped = 0
        self._events: deque[EngineEvent] = deque()

    def take(self, event: EngineEvent) -> None:
        """Keep an event."""
        if len(self._events) >= MOST_WAITING_EVENTS:
            self._events.popleft()
            self.dropped += 1
        self._events.append(event)

    def fold(self) -> None:
        """Fold all events that came."""
        events = self._events
        while events:
            event = events.popleft()
            fold = _FOLDS.get(type(event))
            if fold is not None:
                fold(self, event)

    def running_of(self, run_id: str) -> list[str]:
        """Return the ids of the tasks of a run that run."""
        return [task_id for task_id in self.running if self.planned.get(task_id) == run_id]

    def left(self, run_id: str) -> Counter[str]:
        """Return how many tasks of a run have not ended, by class."""
        return Counter(task_id.rpartition(".")[0] for task_id, run in self.planned.items() if run == run_id)

    def reasons(self) -> Counter[tuple[str, str]]:
        """Return how many tasks wait, by class and what they wait for."""
        return Counter((task_id.rpartition(".")[0], why) for task_id, why in self.waiting.items())

    def _planned(self, event: TasksPlanned) -> None:
        self.runs.add(event.run_id)
        self.planned.update(dict.fromkeys(event.task_ids, event.run_id))

    def _queued(self, event: TaskQueued) -> None:
        self.waiting[event.task_id] = "a free place"

    def _waiting(self, event: TaskWaiting) -> None:
        words = {"engine": "another engine on the storage", "limit": "a slot under the limit of", "rate": "the rate of"}
        self.waiting[event.task_id] = f"{words.get(event.waits_for, event.waits_for)} {event.name}".strip()

    def _started(self, event: TaskStarted) -> None:
        self.waiting.pop(event.task_id, None)
        self.running[event.task_id] = event

    def _retrying(self, event: TaskRetrying) -> None:
        self.running.pop(event.task_id, None)
        self.waiting[event.task_id] = "the delay before its next attempt"

    def _ended(self, event: Any) -> None:
        self._forget(event.task_id)

    def _several_ended(self, event: TasksMadeElsewhere) -> None:
        for task_id in event.task_ids:
            self._forget(task_id)

    def _forget(self, task_id: str) -> None:
        self.running.pop(task_id, None)
        self.waiting.pop(task_id, None)
        self.planned.pop(task_id, None)

    def _put_back(self, event: TasksPutBack) -> None:
        for task_id in event.task_ids:
            self.running.pop(task_id, None)

    def _sent_back(self, event: InputsVanished) -> None:
        self.running.pop(event.task_id, None)
        self.waiting[event.task_id] = "inputs that are made again"


_FOLDS: dict[type[EngineEvent], Callable[[LiveTasks, Any], None]] = {
    TasksPlanned: LiveTasks._planned,
    TaskQueued: LiveTasks._queued,
    TaskWaiting: LiveTasks._waiting,
    TaskStarted: LiveTasks._started,
    TaskSucceeded: LiveTasks._ended,
    TaskGivenUp: LiveTasks._ended,
    TaskCancelled: LiveTasks._ended,
    TaskRetrying: LiveTasks._retrying,
    TasksMadeElsewhere: LiveTasks._several_ended,
    TasksPutBack: LiveTasks._put_back,
    InputsVanished: LiveTasks._sent_back,
}
