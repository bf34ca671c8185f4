"""``EventFollower``: what each event says of a run or an attempt, and what spans and metrics call its outcome."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from alexflow.events import (
    EngineEvent,
    InputsVanished,
    RunFinished,
    RunStarted,
    TaskCancelled,
    TaskEvent,
    TaskGivenUp,
    TaskQueued,
    TaskRetrying,
    TasksFound,
    TasksMadeElsewhere,
    TasksPutBack,
    TaskStarted,
    TaskSucceeded,
)


class EventFollower(ABC):
    """Follows the events of one engine. Spans and metrics do, so both have the same outcomes."""

    def __init__(self) -> None:
        self._handle: dict[type[EngineEvent], Any] = {
            RunStarted: self._run_started,
            RunFinished: self._run_finished,
            TaskQueued: self._task_queued,
            TaskStarted: self._task_started,
            TasksPutBack: self._put_back,
            TasksFound: lambda event: self._not_run(event, "cached"),
            TasksMadeElsewhere: lambda event: self._not_run(event, "elsewhere"),
            TaskSucceeded: self._succeeded,
            TaskRetrying: lambda event: self._failed(event, "retried"),
            TaskGivenUp: lambda event: self._failed(event, "failed"),
            TaskCancelled: lambda event: self._end(event, "cancelled"),
            InputsVanished: lambda event: self._end(event, "inputs_vanished"),
        }

    def take(self, event: EngineEvent) -> None:
        """Take an event."""
        handle = self._handle.get(type(event))
        if handle is not None:
            handle(event)

    @abstractmethod
    def _run_started(self, event: RunStarted) -> None: ...

    @abstractmethod
    def _run_finished(self, event: RunFinished) -> None: ...

    def _task_queued(self, event: TaskQueued) -> None:  # noqa: B027  # a span does not begin before its task
        pass

    @abstractmethod
    def _task_started(self, event: TaskStarted) -> None: ...

    @abstractmethod
    def _put_back(self, event: TasksPutBack) -> None: ...

    @abstractmethod
    def _not_run(self, event: TasksFound | TasksMadeElsewhere, outcome: str) -> None: ...

    @abstractmethod
    def _succeeded(self, event: TaskSucceeded) -> None: ...

    @abstractmethod
    def _failed(self, event: TaskRetrying | TaskGivenUp, outcome: str) -> None: ...

    @abstractmethod
    def _end(self, event: TaskEvent, outcome: str) -> None: ...
