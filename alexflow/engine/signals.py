"""Ctrl-C, SIGTERM and SIGUSR1 while :func:`alexflow.run` lasts.

The first signal cancels the run: no new tasks start, running ones are interrupted and get their grace, and the engine
closes in order. A second kills what is still running. A third interrupts Python wherever it is, which is all that is
left when code on the event loop blocks it. Then :func:`alexflow.run` raises what ends a script as its shell expects:
KeyboardInterrupt (130), or SystemExit(143) for SIGTERM. SIGUSR1, which batch systems send when the time is nearly over
and of which Python would die, is like SIGTERM (138).

Handlers are installed only in the main thread, the only place for them, and only where Python's own were before. They
are restored at the end, and in each process that is forked meanwhile: there a signal is no word for the run, and a pool
of :mod:`multiprocessing` would wait forever for children that SIGTERM does not end.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from alexflow.engine.engine import Engine
from alexflow.forks import restore_in_forks
from alexflow.type_vars import T

#: Handlers of Python itself, which may be replaced for a while.
_PYTHONS_OWN = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGUSR1: signal.SIG_DFL,
}

#: Handlers that runs of this process have replaced, and by what.
_replaced: dict[int, tuple[Any, Any]] = {}


def _restore() -> None:
    while _replaced:
        number, (before, ours) = _replaced.popitem()
        if signal.getsignal(number) == ours:  # else it has been changed meanwhile
            signal.signal(number, before)


restore_in_forks(_replaced, _restore)


class Interruption:
    """Signals that arrive while one call of :func:`alexflow.run` lasts.

    Attributes:
        engine: the engine whose tasks a second signal kills, once there is one.
    """

    def __init__(self) -> None:
        self._came: list[int] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self.engine: Engine | None = None

    async def watch(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work``; the first signal cancels it."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        if self._came:
            self._cancel()
        return await work

    def interrupt(self, number: int, frame: FrameType | None = None) -> None:
        """Handle a signal; called between any two steps of the main thread."""
        self._came.append(number)
        if len(self._came) > 2:
            raise KeyboardInterrupt
        if self._loop is None:
            return  # `watch` looks for it
        if len(self._came) == 2 and self.engine is not None:
            self.engine.kill()
        try:
            self._loop.call_soon_threadsafe(self._cancel if len(self._came) == 1 else self._report_killed)
        except RuntimeError:  # the loop has been closed: the run is over
            pass

    def raise_if_any(self) -> None:
        """Raise what a signal calls for, if one has arrived."""
        if self._came:
            if self._came[0] != signal.SIGINT:
                raise SystemExit(128 + self._came[0]) from None
            raise KeyboardInterrupt from None

    @contextmanager
    def handling(self) -> Iterator[None]:
        """Handle signals while the block runs, where that can be done."""
        if threading.current_thread() is not threading.main_thread() or _replaced:
            yield
            return
        for number, pythons_own in _PYTHONS_OWN.items():
            if signal.getsignal(number) is pythons_own:
                _replaced[number] = signal.signal(number, self.interrupt), self.interrupt
        try:
            yield
        finally:
            _restore()

    def _cancel(self) -> None:
        name = signal.Signals(self._came[0]).name
        how = "interrupted" if name == "SIGINT" else "terminated" if name == "SIGTERM" else f"stopped by {name}"
        again = "Ctrl-C again" if name == "SIGINT" else f"{name} again"
        _print(f"{how}: stopping running tasks; {again} kills them")
        if self._task is not None:
            self._task.cancel()

    def _report_killed(self) -> None:
        _print("killed the tasks that were still running")


def _print(text: str) -> None:
    print(f"alexflow: {text}", file=sys.stderr, flush=True)
