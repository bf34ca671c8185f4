"""The entrance of an engine: requests that come faster than it handles them wait outside, and cost nothing to leave."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sized
from itertools import islice

from alexflow.executors.turn_slice import TurnSlice

#: Events that wait to be handled, some 0.1 s of work, beyond which requests wait outside.
MOST_EVENTS = 1024

#: Requests that are let in between two turns of the event loop: some millisecond.
LET_IN_PER_TURN = 32


class Entrance:
    """Lets requests in, the first ones first, while few events wait to be handled.

    An engine handles events for a few milliseconds in each turn of the event loop, so that many callers can be faster.
    Without an entrance what they asked for would add up without a bound, also that of callers who left long ago.

    Args:
        events: those that wait to be handled.

    Attributes:
        intake: where callers wait before that, if more come than the event loop's turn has time for.
    """

    def __init__(self, events: Sized):
        self._events = events
        self.intake: TurnSlice | None = None
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self._is_wide_open = False
        self._is_due = False  # another look, in the loop's next turn

    def count(self) -> int:
        """Return how many requests and events wait, outside and inside."""
        callers = 0 if self.intake is None else self.intake.waiting
        return callers + len(self._waiting) + len(self._events)

    async def wait(self) -> None:
        """Wait until a request may enter."""
        if self._is_wide_open or not (self._waiting or len(self._events) >= MOST_EVENTS):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            await turn
        finally:
            self._waiting.pop(turn, None)

    def let_in(self) -> None:
        """Let in some, if there is room; called when events have been handled."""
        room = MOST_EVENTS - len(self._events)
        if room > 0 and self._waiting:
            self._let_in(min(room, LET_IN_PER_TURN))
            if self._waiting and not self._is_due:  # none of those may come to anything that is handled
                self._is_due = True
                asyncio.get_running_loop().call_soon(self._let_more_in)

    def _let_more_in(self) -> None:
        self._is_due = False
        self.let_in()

    def open_wide(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let in all, from now on: each request is about to be refused."""
        self._is_wide_open = True
        self._let_in(LET_IN_PER_TURN)
        if self._waiting:
            loop.call_soon(self.open_wide, loop)

    def _let_in(self, count: int) -> None:
        for turn in list(islice(self._waiting, count)):
            del self._waiting[turn]
            if not turn.done():  # else its caller is leaving
                turn.set_result(None)
