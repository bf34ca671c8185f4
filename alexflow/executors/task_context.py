"""``TaskContext``: one attempt at one task, as its own code sees it through :data:`alexflow.current`.

Where a task runs decides what stands behind it: an object of the worker process, of the loop executor, or of a dynamic
task. All of them have this form.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from alexflow.executors.attempt_host import AttemptFacts, host
from alexflow.executors.task_report import TaskReport
from alexflow.storage import Storage


class TaskContext(ABC):
    """One attempt. What costs something is made when it is first asked for: most tasks ask for nothing."""

    __slots__ = ()

    @property
    @abstractmethod
    def task_id(self) -> str:
        """The task's id."""

    @property
    @abstractmethod
    def storage(self) -> Storage:
        """The storage from which the task reads."""

    @property
    @abstractmethod
    def facts(self) -> AttemptFacts:
        """The number of the attempt, its run and its time limit."""

    @property
    @abstractmethod
    def deadline(self) -> float | None:
        """The end of the attempt's time, by the clock of :func:`time.monotonic`."""

    @property
    def devices(self) -> Mapping[str, Sequence[int | str]]:
        """The devices that the task has claimed, by kind."""
        return {}

    @abstractmethod
    def stop_requested(self) -> bool:
        """Whether the attempt is to save and end. One that asks is not interrupted, but gets its grace period."""

    @abstractmethod
    def is_pruned(self) -> bool:
        """Whether the attempt is to end because going on is not worth it."""

    @abstractmethod
    def report(self, report: TaskReport) -> None:
        """Pass on what the task reports."""

    def spent(self, amounts: Mapping[str, float]) -> None:
        """Pass on what the task has spent of limited rates, by unit."""
        host.get().spent_here(self.task_id, amounts)

    @property
    def engine(self) -> Any:
        """The engine; None in another process."""
        return host.get().engine
