"""Requests that nobody waits for any more are given up some at a time, so that those that still wait go first."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable

#: Requests that are given up between two turns of the event loop: some 4 ms.
PER_TURN = 256


class Leaving:
    """Thousands of callers may leave at once; the first is dealt with at once, the others in later turns of the loop.

    Args:
        loop: the engine's.
        context: in which requests are given up.
        give_up: called with the numbers of runs.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context,
        give_up: Callable[[tuple[int, ...]], None],
    ):
        self._loop = loop
        self._context = context
        self._give_up = give_up
        self._waiting: deque[int] = deque()
        self._is_due = False  # at the loop's next turn

    def add(self, run_id: int) -> None:
        """Nobody waits for this run any more."""
        if self._is_due:
            self._waiting.append(run_id)
        else:
            self._is_due = True
            self._loop.call_soon(self._give_up_some, context=self._context)
            self._give_up((run_id,))

    def clear(self) -> None:
        """All runs have been given up."""
        self._waiting.clear()

    def _give_up_some(self) -> None:
        waiting = self._waiting
        some = tuple([waiting.popleft() for _ in range(min(len(waiting), PER_TURN))])
        if some:
            self._give_up(some)
        self._is_due = bool(waiting)
        if waiting:
            self._loop.call_soon(self._give_up_some, context=self._context)
