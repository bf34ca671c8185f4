"""``TaskOptions``: where a class of tasks runs, and how long an attempt may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from alexflow.errors import DefinitionError
from alexflow.hooks import SHORT_TEXT, repr_of

#: Where ``run`` happens: the event loop, a thread of the engine's process, or a worker process.
ExecutorName = Literal["loop", "thread", "process"]


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """How the tasks of a class are run. No part of their ids.

    ::

        class Render(Task):
            options = TaskOptions(executor="thread", timeout=60)

    What is None is as the engine has it. A subclass that sets ``options`` replaces those of its base.

    Attributes:
        executor: where a plain ``def run`` happens: ``"process"``, ``"thread"`` or ``"loop"``. An ``async def run``
            happens on the event loop.
        timeout: seconds that one attempt may take; of a dynamic task, that ``generate`` may take for further tasks.

    Raises:
        DefinitionError: a value cannot be meant.
    """

    executor: ExecutorName | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.executor not in (None, "process", "thread", "loop"):
            raise DefinitionError(
                f"TaskOptions.executor must be 'process', 'thread' or 'loop', not {repr_of(self.executor, SHORT_TEXT)}"
            )
        timeout = self.timeout
        if timeout is not None and (
            not isinstance(timeout, int | float) or isinstance(timeout, bool) or not timeout >= 0
        ):
            raise DefinitionError(
                f"TaskOptions.timeout must be a number of seconds, not {repr_of(timeout, SHORT_TEXT)}"
            )
