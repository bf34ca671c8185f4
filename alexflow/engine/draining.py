"""Draining: an engine accepts no further request, and waits until none is under way."""

from __future__ import annotations

import asyncio

from alexflow.errors import EngineClosed


class Draining:
    """The state of it.

    Attributes:
        refusal: the error of further requests, once the engine is being drained.
    """

    def __init__(self) -> None:
        self.refusal: EngineClosed | None = None
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self, *, is_idle: bool) -> None:
        """Refuse requests from now on, and wait until none is under way."""
        self.refusal = EngineClosed("the engine is being drained: it accepts no requests any more")
        if not is_idle:
            idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(idle)
            await idle

    def is_idle(self) -> None:
        """Note that no request is under way."""
        waiting, self._waiting = self._waiting, []
        for idle in waiting:
            if not idle.done():
                idle.set_result(None)
