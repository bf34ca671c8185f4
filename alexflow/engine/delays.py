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
        self._timers: set[asyncio.TimerHandle] = set()

    def start(self, instruction: Delay) -> None:
        """Start one."""

        def over() -> None:
            self._timers.discard(timer)
            self._over(DelayOver(instruction.task_id, instruction.attempt))

        timer = asyncio.get_running_loop().call_later(instruction.seconds, over)
        self._timers.add(timer)

    def clear(self) -> None:
        """Cancel all."""
        for timer in self._timers:
            timer.cancel()
