"""Virtual time: an event loop that never waits.

When nothing is ready, the clock jumps to the next timer; a retry after an hour takes microseconds. There are no threads
and no descriptors to wait for, so the order of what happens depends on nothing outside. When there is no timer either,
a coroutine that waits now would wait for ever: that is an error here, not a test that hangs. So is a timer that is set
again and again, for which the clock jumps on and on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from selectors import SelectorKey, SelectSelector
from typing import Any

from alexflow.type_vars import T

#: How often the clock may jump: half a minute of real time.
MOST_JUMPS = 1_000_000


class Standstill(AssertionError):
    """Nothing is going on, no timer is set, and a coroutine still waits."""


class Endless(AssertionError):
    """The simulation does not come to an end."""


class _Jumps(SelectSelector):
    """Moves the clock on instead of waiting."""

    def __init__(self, now: float, tick: float):
        super().__init__()
        self.now = now
        self.tick = tick
        self._jumps = 0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is None:
            raise Standstill("nothing is going on and no timer is set, yet a coroutine waits")
        if timeout > 0.0:
            self._jumps += 1
            if self._jumps > MOST_JUMPS:
                raise Endless(f"no end after {MOST_JUMPS} timers, at {self.now:.0f} s: one is set again and again")
            self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is virtual.

    Functions for threads (``run_in_executor``, ``asyncio.to_thread``) are called in the loop's own thread, at its turn.

    Args:
        now: the time at which it begins, in seconds.
        tick: seconds that pass each time the clock is read, so that work which watches its time takes some.
    """

    def __init__(self, now: float = 0.0, tick: float = 0.0):
        self._jumps = _Jumps(now, tick)
        super().__init__(self._jumps)

    def time(self) -> float:
        """Return virtual seconds."""
        self._jumps.now += self._jumps.tick
        return self._jumps.now

    def run_in_executor(  # type: ignore[override]  # the same, without naming what func takes
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Call ``func`` at the loop's next turn, whatever the executor."""
        future: asyncio.Future[T] = self.create_future()

        def work() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(func(*args))
            except Exception as error:  # any error belongs to the waiting coroutine
                future.set_exception(error)

        self.call_soon(work)
        return future
