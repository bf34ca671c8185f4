"""Calls of a library that may never return, as those of Ray while its control service is gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from alexflow.type_vars import T


class PatientCalls:
    """Makes one call at a time, each in a thread that nothing waits for in the end.

    A thread pool would be waited for when the event loop is closed. While a call does not return, there is no other:
    so at most one thread is ever stuck.

    Args:
        seconds: that a caller waits for the answer.
    """

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._last: asyncio.Future[Any] | None = None

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
                threading.Thread(target=_answer, args=(loop, answer, call), daemon=True).start()
                return await asyncio.shield(answer)
        except TimeoutError:
            raise TimeoutError(f"no answer within {self._seconds:g} s") from None


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
