"""Calls of a library that may never return, as those of Ray while its control service is gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any

from alexflow.type_vars import T


class PatientCalls:
    """Makes one call at a time, all in one thread that nothing waits for in the end.

    A thread pool would be waited for when the event loop is closed. While a call does not return, there is no other:
    so at most one thread is ever stuck. A thread for each call would not do: Linux ends the processes of a Ray that was
    started by a call (``PR_SET_PDEATHSIG``) as soon as its thread ends.

    Args:
        seconds: that a caller waits for the answer.
    """

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._last: asyncio.Future[Any] | None = None
        self._calls: SimpleQueue[Callable[[], None] | None] | None = None  # of the thread, if there is one

    async def __call__(self, call: Callable[[], T]) -> T:
        """Make a call.

        Raises:
            TimeoutError: there is no answer in time, to this call or to an earlier one.
        """
        try:
            async with asyncio.timeout(self._seconds):
                while self._last is not None and not self._last.done():
                    await asyncio.wait([self._last])
                loop = asyncio.get_running_loop()
                answer: asyncio.Future[T] = loop.create_future()
                self._last = answer
                if self._calls is None:
                    self._calls = SimpleQueue()
                    threading.Thread(target=_make, args=(self._calls,), daemon=True).start()
                self._calls.put(partial(_answer, loop, answer, call))
                return await asyncio.shield(answer)
        except TimeoutError:
            raise TimeoutError(f"no answer within {self._seconds:g} s") from None

    def close(self) -> None:
        """Let the thread end after the calls that have been made."""
        calls, self._calls = self._calls, None
        if calls is not None:
            calls.put(None)


def _make(calls: SimpleQueue[Callable[[], None] | None]) -> None:
    while (call := calls.get()) is not None:
        call()


def _answer(loop: asyncio.AbstractEventLoop, answer: asyncio.Future[T], call: Callable[[], T]) -> None:
    try:
        settle: Callable[[], None] = partial(answer.set_result, call())
    except BaseException as error:  # whatever the library raises is the caller's
        settle = partial(_fail, answer, error)
    with suppress(RuntimeError):  # the loop is closed: nothing waits any more
        loop.call_soon_threadsafe(settle)


def _fail(answer: asyncio.Future[T], error: BaseException) -> None:
    answer.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
    answer.exception()  # its caller may have left
