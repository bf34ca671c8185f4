"""Work of the engine's own on the event loop, beside the tasks of users."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable

from alexflow.hooks import passes


class Background:
    """Tasks of asyncio that end with the engine.

    Args:
        loop: the engine's.
        context: in which they run.
        crashed: called with an exception that one raised: a fault of the engine.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context,
        crashed: Callable[[BaseException], None],
    ):
        self._loop = loop
        self._context = context
        self._crashed = crashed
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Start ``work()``."""
        task = self._loop.create_task(self._guarded(work), context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()  # called here: if this is cancelled before it begins, no coroutine is left unawaited
        except BaseException as error:
            if passes(error) or self._loop.is_closed():  # then the engine is gone, too
                raise
            self._crashed(error)

    async def aclose(self) -> None:
        """Cancel all, and wait for their ends."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
