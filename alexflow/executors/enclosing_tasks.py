"""The tasks inside which code runs: a task may run others with an engine of its own, but not itself.

It would wait for itself: for its own outcome in the same engine, for its own lease in another one.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a run that has nothing to do needs no more than this
    from alexflow.executors.task_context import TaskContext

#: The task that runs in this context, in the engine's process.
running: ContextVar[TaskContext | None] = ContextVar("alexflow_running_task", default=None)

#: The tasks inside which the engine of this context was opened, the outermost first.
around: ContextVar[tuple[str, ...]] = ContextVar("alexflow_tasks_around", default=())


class _OfWorker:
    """The same for a worker process, which runs one task at a time, in any of its threads."""

    def __init__(self) -> None:
        self.running: TaskContext | None = None
        self.around: tuple[str, ...] = ()


of_worker = _OfWorker()


def enclosing() -> tuple[str, ...]:
    """Return the ids of the tasks inside which the caller runs, the outermost first."""
    context = running_here()
    outer = around.get() or of_worker.around
    return outer if context is None else (*outer, context.task_id)


def running_here() -> TaskContext | None:
    """Return the task inside which the caller runs."""
    return running.get() or of_worker.running
