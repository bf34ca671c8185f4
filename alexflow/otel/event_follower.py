"""``EventFollower``: what each event says of a run or an attempt, and what spans and metrics call its outcome.

Events that each task has are not among these: only spans take them, and only while a run is sampled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from alexflow.events import (
    EngineEvent,
    InputsVanished,
    RunFinished,
    RunStarted,
    TaskCancelled,
    TaskEvent,
    TaskGivenUp,
    TaskRetrying,
    TasksFound,
    TasksMadeElsewhere,
)


def class_of(task_id: str) -> str:
    """Return a task's class: all of its id but the digest."""
    return task_id.rpartition(".")[0]


class EventFollower(ABC):
    """Follows the events of one engine. Spans and metrics do, so both have the same outcomes.

    Attributes:
        handlers: what takes an event, by its class.
    """

    def __init__(self) -> None:
        self.handlers: dict[type[EngineEvent], Callable[[Any], None]] = {
            RunStarted: self._run_started,
            RunFinished: self._run_finished,
            TasksFound: lambda event: self._not_run(event, "cached"),
            TasksMadeElsewhere: lambda event: self._not_run(event, "elsewhere"),
            TaskRetrying: lambda event: self._failed(event, "retried"),
            TaskGivenUp: lambda event: self._failed(event, "failed"),
            TaskCancelled: lambda event: self._end(event, "cancelled"),
            InputsVanished: lambda event: self._end(event, "inputs_vanished"),
        }

    @abstractmethod
    def _run_started(self, event: RunStarted) -> None: ...

    @abstractmethod
    def _run_finished(self, event: RunFinished) -> None: ...

    @abstractmethod
    def _not_run(self, event: TasksFound | TasksMadeElsewhere, outcome: str) -> None: ...

    @abstractmethod
    def _failed(self, event: TaskRetrying | TaskGivenUp, outcome: str) -> None: ...

    @abstractmethod
    def _end(self, event: TaskEvent, outcome: str) -> None: ...
