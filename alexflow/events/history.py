"""The history of an engine, folded from its events: tasks, attempts, durations, outcomes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from alexflow.events import journal
from alexflow.events.engine_events import (
    EngineEvent,
    RunFinished,
    RunStarted,
    TaskGivenUp,
    TaskPrinted,
    TaskRetrying,
    TaskStarted,
    TaskSucceeded,
)

State = Literal["under way", "waiting for a retry", "done", "failed"]


@dataclass(slots=True)
class TaskHistory:
    """One task.

    Attributes:
        state: its state when the journal ended.
        attempts: how often it was submitted.
        seconds: duration of its last attempt, if that succeeded.
        errors: the messages of failed attempts.
        stdout: the output of the last attempt that printed in a worker process, cut in the middle if it is long.
        stderr: the same for standard error.
    """

    state: State = "under way"
    attempts: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    stdout: str = ""
    stderr: str = ""


@dataclass(slots=True)
class EngineHistory:
    """A fold over events.

    Attributes:
        tasks: the tasks that were started, by id.
        runs: how many runs were requested.
        finished: the end of each run that came to one.
    """

    tasks: dict[str, TaskHistory] = field(default_factory=dict)
    runs: int = 0
    finished: list[RunFinished] = field(default_factory=list)

    @property
    def was_cut_short(self) -> bool:
        """Whether a run did not come to its end: the engine was killed, or the run was cancelled."""
        return len(self.finished) < self.runs

    def in_state(self, state: State) -> list[str]:
        """Return the ids of the tasks in this state when the journal ended."""
        return [task_id for task_id, task in self.tasks.items() if task.state == state]

    def add(self, event: EngineEvent) -> None:
        """Add the next event."""
        if isinstance(event, TaskStarted):
            task = self._task(event.task_id)
            task.attempts += 1
            task.state = "under way"
        elif isinstance(event, TaskSucceeded):
            task = self._task(event.task_id)
            task.state, task.seconds = "done", event.seconds
        elif isinstance(event, TaskRetrying):
            self._note_failure(event.task_id, "waiting for a retry", event.error)
        elif isinstance(event, TaskGivenUp):
            self._note_failure(event.task_id, "failed", event.error)
        elif isinstance(event, TaskPrinted):
            task = self._task(event.task_id)
            task.stdout, task.stderr = event.stdout, event.stderr
        elif isinstance(event, RunStarted):
            self.runs += 1
        elif isinstance(event, RunFinished):
            self.finished.append(event)

    def _note_failure(self, task_id: str, state: State, error: str) -> None:
        task = self._task(task_id)
        task.state = state
        task.errors.append(error)

    def _task(self, task_id: str) -> TaskHistory:
        return self.tasks.setdefault(task_id, TaskHistory())


def history_of(events: Iterable[EngineEvent]) -> EngineHistory:
    """Fold events into a history."""
    history = EngineHistory()
    for event in events:
        history.add(event)
    return history


def read_history(path: str | os.PathLike[str]) -> EngineHistory:
    """Return the history in a journal, as far as it can be read.

    Raises:
        ValueError: the file is not a journal.
        OSError: the file cannot be read.
    """
    return history_of(entry.event for entry in journal.read(path).entries)
