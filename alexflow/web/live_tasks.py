"""Tasks of an engine in this process, from its events: what is planned, what runs, and what waits for what."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

from alexflow.errors import EngineClosed
from alexflow.events import (
    EngineEvent,
    InputsVanished,
    RunFinished,
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
    WaitingForEngine,
)

if TYPE_CHECKING:
    from alexflow.engine.why import Why

#: Events that wait to be folded; beyond, the oldest are dropped, and the page says so.
MOST_WAITING_EVENTS = 200_000

#: Classes for which the engine is asked what their first task waits for.
MOST_CLASSES_ASKED = 50

#: Other engines that are named.
MOST_ENGINES = 3

_WORDS = {
    "engine": "another engine on the storage",
    "limit": "a slot under the limit of",
    "rate": "the rate of",
    "core": "CPUs that are free",
    "memory": "memory that is free",
    "device": "a device that is free:",
}


class LiveTasks:
    """Unfinished tasks, as the events of an engine describe them.

    :meth:`take` is called by the engine and only keeps the event; :meth:`fold` does the rest, when a page is made. Of
    tasks that events say nothing more of than that they are planned, :meth:`ask` has the engine say what the first of
    each class waits for.

    Args:
        why: asks the engine, on its loop; None to ask nothing.

    Attributes:
        running: the start of each task that runs, by id.
        waiting: for each task that waits for something the words for that, by id.
        planned: tasks that have not ended, by id: the run for which they count.
        holders: other engines that hold leases of tasks which wait: process and host; a dict as a set.
        runs: ids of the runs that have planned anything and go on.
        dropped: events that were not seen.
    """

    def __init__(self, why: Callable[[str], Why] | None = None) -> None:
        self._why = why
        self._answers: dict[str, str] = {}  # by class
        self._without_event: dict[str, tuple[str, int]] = {}  # by class the first of them, and how many there are
        self.running: dict[str, TaskStarted] = {}
        self.waiting: dict[str, str] = {}
        self.planned: dict[str, str] = {}
        self.holders: dict[tuple[int, str], None] = {}
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
        if self.holders and _WORDS["engine"] not in self.waiting.values():
            self.holders.clear()
        without_event: dict[str, tuple[str, int]] = {}
        # most often there is an event of each, and then nothing is gone through
        for task_id in self.planned if len(self.planned) > len(self.running) + len(self.waiting) else ():
            if task_id not in self.running and task_id not in self.waiting:
                cls = task_id.rpartition(".")[0]
                first, count = without_event.get(cls, (task_id, 0))
                without_event[cls] = first, count + 1
        self._without_event = without_event

    def ask(self) -> None:
        """Have the engine say what the first of each class waits for; called on its loop."""
        if self._why is None:
            return
        try:
            asked = [
                (cls, self._why(first)) for cls, (first, _) in islice(self._without_event.items(), MOST_CLASSES_ASKED)
            ]
        except EngineClosed:  # or of another loop
            asked = []
        self._answers = {cls: _in_short(answer) for cls, answer in asked if answer.obstacles}

    def running_of(self, run_id: str) -> list[str]:
        """Return the ids of the tasks of a run that run."""
        return [task_id for task_id in self.running if self.planned.get(task_id) == run_id]

    def left(self, run_id: str) -> Counter[str]:
        """Return how many tasks of a run have not ended, by class."""
        return Counter(task_id.rpartition(".")[0] for task_id, run in self.planned.items() if run == run_id)

    def reasons(self) -> Counter[tuple[str, str]]:
        """Return how many tasks wait, by class and what they wait for; without an event, what the first does."""
        engines = ", ".join(f"process {pid} on {host}" for pid, host in islice(self.holders, MOST_ENGINES))
        held = f"{_WORDS['engine']}: {engines}" if engines else _WORDS["engine"]
        found = Counter(
            (task_id.rpartition(".")[0], held if why == _WORDS["engine"] else why)
            for task_id, why in self.waiting.items()
        )
        for cls, text in self._answers.items():
            found[cls, text] += self._without_event.get(cls, ("", 0))[1]
        return +found

    def _planned(self, event: TasksPlanned) -> None:
        self.runs.add(event.run_id)
        self.planned.update(dict.fromkeys(event.task_ids, event.run_id))

    def _queued(self, event: TaskQueued) -> None:
        self.waiting[event.task_id] = "a free place"

    def _waiting(self, event: TaskWaiting) -> None:
        self.waiting[event.task_id] = f"{_WORDS[event.waits_for]} {event.name}".strip()

    def _holder(self, event: WaitingForEngine) -> None:
        self.holders[event.pid, event.host] = None

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

    def _run_finished(self, event: RunFinished) -> None:
        self.runs.discard(event.run_id)

    def _sent_back(self, event: InputsVanished) -> None:
        self.running.pop(event.task_id, None)
        self.waiting[event.task_id] = "inputs that are made again"


def _in_short(answer: Why) -> str:
    """The first that a task waits for, with the beginnings of ids, and how much else."""
    first, *others = answer.obstacles
    text = first.text
    for task_id in first.holders:
        name, _, digest = task_id.rpartition(".")
        text = text.replace(task_id, f"{name.rpartition('.')[2]}.{digest[:8]}")
    return f"{text}; and {len(others)} more" if others else text


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
    WaitingForEngine: LiveTasks._holder,
    RunFinished: LiveTasks._run_finished,
}
