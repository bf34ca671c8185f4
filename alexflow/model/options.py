"""``TaskOptions``: the executor of a class of tasks, and the time limit of an attempt."""

from __future__ import annotations

from dataclasses import dataclass

from alexflow.errors import DefinitionError
from alexflow.hooks import SHORT_TEXT, repr_of
from alexflow.model.executor_kinds import EXECUTOR_KINDS, name_choices

#: The kind of executor that runs a task: the event loop, a thread of the engine's process, a worker process, or one
#: that was registered (:mod:`alexflow.executors.registry`).
ExecutorName = str


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """Settings for running the tasks of a class. They are no part of the ids.

    ::

        class Render(Task):
            options = TaskOptions(executor="thread", timeout=60)

    For None the engine's setting holds. A subclass that sets ``options`` replaces those of its base.

    Attributes:
        executor: the executor of a plain ``def run``: ``"process"``, ``"thread"`` or ``"loop"``. An ``async def run``
            always runs on the event loop.
        timeout: time limit of one attempt, in seconds; of a dynamic task, the limit for ``generate`` to give more
            tasks. A plain ``def run`` on the event loop (``executor="loop"``) cannot be interrupted and has none.

    Raises:
        DefinitionError: a value is invalid.
    """

    executor: ExecutorName | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        name = self.executor
        if name is not None and (type(name) is not str or name not in EXECUTOR_KINDS):
            raise DefinitionError(
                f"TaskOptions.executor must be {name_choices()}, not {repr_of(self.executor, SHORT_TEXT)}"
            )
        timeout = self.timeout
        if timeout is not None and (
            not isinstance(timeout, int | float) or isinstance(timeout, bool) or not timeout >= 0
        ):
            raise DefinitionError(
                f"TaskOptions.timeout must be a number of seconds, not {repr_of(timeout, SHORT_TEXT)}"
            )
