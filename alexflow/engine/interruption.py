"""What Ctrl-C and SIGTERM do while :func:`alexflow.run` lasts.

The first signal cancels the run: no new tasks, running ones are told to end and get their grace, and the engine closes
in order. A second kills what is still running. A third interrupts Python wherever it is, which is all that is left when
code on the event loop does not let go of it. Then :func:`alexflow.run` raises what ends a script as its shell expects:
KeyboardInterrupt (130), or SystemExit(143) for SIGTERM.

Handlers are set only in the main thread, as there is no other place for them, and only where there was none of somebody
else's before. They are taken back at the end.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any, TypeVar

from alexflow.engine.engine import Engine

T = TypeVar("T")

#: Handlers that are Python's own, and may be replaced for a while.
_OF_NOBODY = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}

#: What signals do to the call of :func:`alexflow.run` that this is.
_current: ContextVar[Interruption | None] = ContextVar("alexflow_interruption", default=None)


class Interruption:
    """Signals that come while one call of :func:`alexflow.run` lasts."""

    def __init__(self) -> None:
        self._came: list[int] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._engine: Engine | None = None

    async def watch(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work``, which is cancelled by the first signal."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        _current.set(self)
        if self._came:
            self._cancel()
        return await work

    def attend(self, engine: Engine) -> None:
        """This is the engine whose tasks a second signal kills."""
        self._engine = engine

    def interrupt(self, number: int, frame: FrameType | None = None) -> None:
        """A signal has come; called between any two steps of the main thread."""
        self._came.append(number)
        if len(self._came) > 2:
            raise KeyboardInterrupt
        if self._loop is None:
            return  # `watch` will see it
        if len(self._came) == 2 and self._engine is not None:
            self._engine.kill()
        try:
            self._loop.call_soon_threadsafe(self._cancel if len(self._came) == 1 else self._say_killed)
        except RuntimeError:  # the loop has been closed: it is over anyway
            pass

    def raise_if_any(self) -> None:
        """Raise what a signal calls for, if one has come."""
        if self._came:
            if self._came[0] == signal.SIGTERM:
                raise SystemExit(128 + signal.SIGTERM) from None
            raise KeyboardInterrupt from None

    @contextmanager
    def handling(self) -> Iterator[None]:
        """Handle signals meanwhile, where that can be done."""
        ours = self.interrupt
        replaced = {}
        if threading.current_thread() is threading.main_thread():
            for number, of_nobody in _OF_NOBODY.items():
                if signal.getsignal(number) is of_nobody:
                    replaced[number] = signal.signal(number, ours)
        try:
            yield
        finally:
            for number, before in replaced.items():
                if signal.getsignal(number) == ours:  # else somebody has made up his mind meanwhile
                    signal.signal(number, before)

    def _cancel(self) -> None:
        how = "terminated" if self._came[0] == signal.SIGTERM else "interrupted"
        _say(f"{how}; what runs is told to end. The same again kills it.")
        if self._task is not None:
            self._task.cancel()

    def _say_killed(self) -> None:
        _say("what was still running has been killed.")


def attend(engine: Engine) -> None:
    """If this is a call of :func:`alexflow.run`, a second signal kills what this engine runs."""
    interruption = _current.get()
    if interruption is not None:
        interruption.attend(engine)


def _say(text: str) -> None:
    print(f"alexflow: {text}", file=sys.stderr, flush=True)
