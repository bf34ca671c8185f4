"""The engine as attempts reach it, from wherever they run: for what :data:`alexflow.current` shows and passes on."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Protocol

from msgspec import Struct

from alexflow.executors.task_report import TaskReport


class AttemptFacts(Struct, frozen=True, array_like=True):
    """The facts of an attempt that its task can ask for; few do.

    Attributes:
        attempt: its number, from 1 on; attempts that ended with the death of their worker count.
        run_id: the id of the run for which it counts, as the record has it; "" if that is over.
        timeout: seconds that it may take; None for any time.
        code: the digest of the code of the task's class, if results of other code are refused; else "".
    """

    attempt: int = 1
    run_id: str = ""
    timeout: float | None = None
    code: str = ""


class AttemptHost(Protocol):
    """The engine as attempts, and executors on their behalf, see it: questions and reports.

    Attributes:
        engine: the engine itself.
    """

    engine: Any

    def facts_of(self, task_id: str) -> AttemptFacts:
        """Return the facts of the attempt that runs at a task. It may be called by any thread."""
        ...

    def reported(self, task_id: str, report: TaskReport) -> None:
        """Note, on the event loop, what the attempt at a task reports."""
        ...

    def reported_here(self, task_id: str, report: TaskReport) -> None:
        """Note what an attempt in the engine's process reports. It may be called by any thread."""
        ...

    def spent(self, task_id: str, amounts: Mapping[str, float]) -> None:
        """Note, on the event loop, what the attempt at a task has spent of limited rates, by unit."""
        ...

    def spent_here(self, task_id: str, amounts: Mapping[str, float]) -> None:
        """Note the same of an attempt in the engine's process. It may be called by any thread."""
        ...


class NoHost:
    """Stands for the engine of executors that have none."""

    engine: Any = None

    def facts_of(self, task_id: str) -> AttemptFacts:
        """Return the facts of a first attempt."""
        return AttemptFacts()

    def reported(self, task_id: str, report: TaskReport) -> None:
        """Drop it."""

    def reported_here(self, task_id: str, report: TaskReport) -> None:
        """Drop it."""

    def spent(self, task_id: str, amounts: Mapping[str, float]) -> None:
        """Drop it."""

    def spent_here(self, task_id: str, amounts: Mapping[str, float]) -> None:
        """Drop it."""


#: The engine whose executors were opened in this context.
host: ContextVar[AttemptHost] = ContextVar("alexflow_attempt_host", default=NoHost())  # noqa: B039  # it has no state
