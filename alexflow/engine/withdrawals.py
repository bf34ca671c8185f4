"""Requests whose callers have left are withdrawn in slices, so that the requests that remain go first."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Sequence

from alexflow.scheduler.events import RunsCancelled

#: Requests that are withdrawn between two turns of the event loop: some millisecond.
WITHDRAWN_PER_TURN = 32


class Withdrawals:
    """Withdraws requests: the first at once, the others that leave with it in the loop's next turn.

    If there are more than fit one turn, none goes at once, and the latest first. What has begun is mostly the oldest
    requests' work; if that were stopped first, its place would go to work that is about to be withdrawn, too.

    Args:
        loop: the engine's.
        context: in which requests are withdrawn.
        post: takes events for the scheduler.
        under_way: gives how many there are.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context,
        post: Callable[[RunsCancelled], None],
        under_way: Callable[[], int],
    ):
        self._loop = loop
        self._context = context
        self._post = post
        self._under_way = under_way
        self._waiting: list[int] = []
        self._is_due = False  # at the loop's next turn

    def add(self, run_id: int) -> None:
        """Withdraw a request."""
        is_first, self._is_due = not self._is_due, True
        if is_first:
            self._loop.call_soon(self._withdraw_some, context=self._context)
        if is_first and self._under_way() <= WITHDRAWN_PER_TURN:
            self._post(RunsCancelled((run_id,)))
        else:
            self._waiting.append(run_id)

    async def withdraw(self, run_ids: Sequence[int]) -> None:
        """Withdraw these requests, which are all that there are: the engine is closed."""
        self._waiting.clear()
        for end in range(len(run_ids), 0, -WITHDRAWN_PER_TURN):
            self._post(RunsCancelled(tuple(run_ids[max(0, end - WITHDRAWN_PER_TURN) : end])))
            if end > WITHDRAWN_PER_TURN:
                await asyncio.sleep(0)

    def _withdraw_some(self) -> None:
        waiting = self._waiting
        some = tuple(reversed(waiting[-WITHDRAWN_PER_TURN:]))
        del waiting[-WITHDRAWN_PER_TURN:]
        self._is_due = bool(waiting)
        if waiting:
            self._loop.call_soon(self._withdraw_some, context=self._context)
        if some:
            self._post(RunsCancelled(some))
