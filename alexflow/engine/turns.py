"""Engines that are opened together open in turns, so that the event loop serves others in between."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque

#: Engines that open between two turns of the event loop: some 10 ms.
OPENED_PER_TURN = 16

_of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, TurnLimiter] = weakref.WeakKeyDictionary()


class TurnLimiter:
    """Lets a limited number of callers pass at each turn of an event loop; the first ones do not wait.

    Args:
        loop: the callers' loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = weakref.ref(loop)
        self._passed = 0  # in this turn
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Wait until the caller may go on."""
        loop = asyncio.get_running_loop()
        if self._waiting or self._passed >= OPENED_PER_TURN:
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append(turn)
            await turn
        else:
            if not self._passed:
                loop.call_soon(self._next)
            self._passed += 1

    def _next(self) -> None:
        self._passed = 0
        while self._waiting and self._passed < OPENED_PER_TURN:
            turn = self._waiting.popleft()
            if not turn.done():  # else it was cancelled
                turn.set_result(None)
                self._passed += 1
        loop = self._loop()
        if self._passed and loop is not None:
            loop.call_soon(self._next)


def turns() -> TurnLimiter:
    """Return the one of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _of_loops.get(loop)
    if found is None:
        found = _of_loops[loop] = TurnLimiter(loop)
    return found
