"""The slice of the event loop's turn that several coroutines use together, and the line of those that come too late."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Generator
from types import coroutine
from typing import Any

#: How many are let in at first from the line of those that wait; then as many as use up the slice.
LET_IN_AT_FIRST = 8

#: The most.
MOST_LET_IN = 1024


class TurnSlice:
    """A slice of each turn of an event loop.

    Those that wait for another turn are let in one after the other, each turn as many as used up the slice of the turn
    before. Of those that come while others wait some are let in at once, since thousands may have come together.

    Args:
        loop: the loop.
        context: in which the next turn is awaited.
        seconds: how long it is.

    Attributes:
        waiting: how many wait for another turn: further ones have to wait behind them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, context: contextvars.Context, seconds: float):
        self._loop = loop
        self._context = context
        self._seconds = seconds
        self._ends: float | None = None  # None until it is used in this turn
        self._is_due = False  # a look at the line, in the next turn
        self._line: deque[asyncio.Future[None]] = deque()
        self._latest: deque[asyncio.Future[None]] = deque()  # that have joined it in this turn
        self._first: deque[asyncio.Future[None]] = deque()  # that had been let in and found the slice over
        self._let_in = LET_IN_AT_FIRST
        self.waiting = 0

    def is_over(self) -> bool:
        """Whether this turn's slice has been used up; the first call in a turn begins it."""
        now = self._loop.time()
        if self._ends is None:
            self._ends = now + self._seconds
            self._look_next_turn()
        return now > self._ends

    def must_wait(self) -> bool:
        """Whether what comes now has to :meth:`wait`."""
        return self.waiting > 0 or self.is_over()

    @coroutine  # thousands may wait in one turn: a generator is one object less than a coroutine
    def wait(self) -> Generator[Any, Any, None]:
        """Wait for a turn whose slice is not over."""
        line = self._latest
        self.waiting += 1
        try:
            while True:
                turn: asyncio.Future[None] = self._loop.create_future()
                line.append(turn)
                if not self._is_due:  # as in _look_next_turn, without the call
                    self._look_next_turn()
                yield from turn
                if not self.is_over():
                    return
                line = self._first
        finally:
            self.waiting -= 1

    def _look_next_turn(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._next_turn, context=self._context)

    def _next_turn(self) -> None:
        self._is_due = False
        if self._line or self._latest or self._first:
            self._adapt()
            self._let_some_in()
            self._look_next_turn()
        self._ends = None

    def _adapt(self) -> None:
        """Let in more or fewer than before, by what those have used that were let in last."""
        if self._first:
            self._let_in = max(1, self._let_in - len(self._first))
            self._line.extendleft(reversed(self._first))
            self._first.clear()
        elif self._ends is not None and self._loop.time() < self._ends - self._seconds / 2:
            self._let_in = min(2 * self._let_in, MOST_LET_IN)

    def _let_some_in(self) -> None:
        """Let some in, up to a half of them of the latest."""
        some = self._let_in
        for line, most in ((self._latest, some // 2 if self._line else some), (self._line, some)):
            for _ in range(min(len(line), most, some)):
                some -= 1
                turn = line.popleft()
                if not turn.done():  # else it has left
                    turn.set_result(None)
        self._line.extend(self._latest)
        self._latest.clear()
