"""Requests whose callers have left are withdrawn in slices, so that the requests that remain go first."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable

#: Requests that are withdrawn between two turns of the event loop: some 4 ms.
WITHDRAWN_PER_TURN = 256


class Withdrawals:
    """Withdraws requests: the first at once, the others, of which there may be thousands, in later turns of the loop.

    Args:
        loop: the engine's.
        context: in which requests are withdrawn.
        withdraw: called with the numbers of runs.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context,
        withdraw: Callable[[tuple[int, ...]], None],
    ):
        self._loop = loop
        self._context = context
        self._withdraw = withdraw
        self._waiting: deque[int] = deque()
        self._is_due = False  # at the loop's next turn

    def add(self, run_id: int) -> None:
        """Withdraw a request."""
        if self._is_due:
            self._waiting.append(run_id)
        else:
            self._is_due = True
            self._loop.call_soon(self._withdraw_some, context=self._context)
            self._withdraw((run_id,))

    def clear(self) -> None:
        """Forget all: the engine withdraws every run at once."""
        self._waiting.clear()

    def _withdraw_some(self) -> None:
        waiting = self._waiting
        some = tuple([waiting.popleft() for _ in range(min(len(waiting), WITHDRAWN_PER_TURN))])
        if some:
            self._withdraw(some)
        self._is_due = bool(waiting)
        if waiting:
            self._loop.call_soon(self._withdraw_some, context=self._context)
