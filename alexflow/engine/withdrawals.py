"""Requests whose callers have left are withdrawn in slices, so that the requests that remain go first."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable

#: Requests that are withdrawn between two turns of the event loop: some 4 ms.
WITHDRAWN_PER_TURN = 256


class Withdrawals:
    """Withdraws requests in the loop's next turns: all that have left together, of which there may be thousands.

    The latest goes first. What has begun is mostly the oldest requests' work; if that were stopped first, its place
    would go to work of a request that is about to be withdrawn, too.

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
        self._waiting: list[int] = []

    def add(self, run_id: int) -> None:
        """Withdraw a request."""
        if not self._waiting:
            self._loop.call_soon(self._withdraw_some, context=self._context)
        self._waiting.append(run_id)

    def clear(self) -> None:
        """Forget all: the engine withdraws every run at once."""
        self._waiting.clear()

    def _withdraw_some(self) -> None:
        waiting = self._waiting
        some = tuple(reversed(waiting[-WITHDRAWN_PER_TURN:]))
        del waiting[-WITHDRAWN_PER_TURN:]
        if waiting:
            self._loop.call_soon(self._withdraw_some, context=self._context)
        if some:
            self._withdraw(some)
