"""The slice of the event loop's turn that several coroutines use together."""

from __future__ import annotations

import asyncio
import contextvars


class TurnSlice:
    """A slice of each turn of an event loop.

    Args:
        loop: the loop.
        context: in which the next turn is awaited.
        seconds: how long it is.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, context: contextvars.Context, seconds: float):
        self._loop = loop
        self._context = context
        self._seconds = seconds
        self._ends: float | None = None  # None until it is used in this turn

    def is_over(self) -> bool:
        """Whether this turn's slice has been used up; the first call in a turn begins it."""
        now = self._loop.time()
        if self._ends is None:
            self._ends = now + self._seconds
            self._loop.call_soon(self._next_turn, context=self._context)
        return now > self._ends

    def _next_turn(self) -> None:
        self._ends = None
