"""Delays before failed tasks are tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from alexflow.scheduler.events import DelayOver
from alexflow.scheduler.instructions import Delay


class Delays:
    """Timers on the event loop.

    Args:
        over: called with the event when a delay is over.
    """

    def __init__(self, over: Callable[[DelayOver], None]):
        self._over = over
        self._timers: dict[str, asyncio.TimerHandle] = {}  # by task

    def start(self, instruction: Delay) -> None:
        """Start one."""

        def over() -> None:
            del self._timers[instruction.task_id]
            self._over(DelayOver(instruction.task_id, instruction.attempt))

        before = self._timers.pop(instruction.task_id, None)  # of a task that was forgotten, and is wanted again
        if before is not None:
            before.cancel()
        self._timers[instruction.task_id] = asyncio.get_running_loop().call_later(instruction.seconds, over)

    def left(self, task_id: str) -> float | None:
        """Return the seconds that are left of a task's delay; None if it has none."""
        timer = self._timers.get(task_id)
        return None if timer is None else timer.when() - asyncio.get_running_loop().time()

    def clear(self) -> None:
        """Cancel all."""
        for timer in self._timers.values():
            timer.cancel()
