"""Descriptors of files that tasks keep open on the event loop, counted, and waited for.

Thousands of tasks may be on the event loop at the same time, and each may have a stream open: more than a process may
have files (``ulimit -n``, often 1,024). So each stream takes a permit first, of which there are half as many as
descriptors; the rest is for sockets, pipes of workers, and whatever the program opens itself. A stream that finds none
waits until another is closed. A task that has a stream open already does not wait for another one, lest all wait for
each other; if the system then refuses, it waits for whichever is closed next, and tries again.

What is written and too large for memory keeps its file open until ``run`` has returned and it is published; so long it
keeps its permit, too (:meth:`CountedPermit.claim`).

Threads and worker processes run few tasks at once, and only what they open for the event loop is counted.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from alexflow.logs import logger
from alexflow.storage.descriptors import current, limit
from alexflow.type_vars import T

_NONE_LEFT = frozenset({errno.EMFILE, errno.ENFILE})

#: How long a task that has a file open waits for the next one, where the system has none.
WAIT_SECONDS = 30.0  # seconds

#: A warning is logged once a task has waited for so long.
WARN_AFTER_SECONDS = 5.0  # seconds


def are_none_left(error: BaseException) -> bool:
    """Return whether an error says that the process, or the system, has no descriptor left."""
    return getattr(error, "errno", None) in _NONE_LEFT


class CountedPermit:
    """One descriptor that is counted."""

    def __init__(self, owner: Descriptors, task: asyncio.Task[Any] | None):
        self._owner = owner
        self._task = task
        self._uses = 1
        self._lock = threading.Lock()

    def claim(self) -> None:
        """Keep the permit until one more :meth:`release`."""
        with self._lock:
            self._uses += 1

    def release(self) -> None:
        """Withdraw one claim; the permit is free after the last."""
        with self._lock:
            self._uses -= 1
            if self._uses:
                return
        self._owner.give_back(self._task)


class Descriptors:
    """Permits, for all event loops of the process.

    Args:
        most: how many there are, asked each time.
    """

    def __init__(self, most: Callable[[], int]):
        self._most = most
        self._lock = threading.Lock()
        self._taken = 0
        self._has_said = False  # that a task waits
        self._by_task: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._waiting: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()

    async def take(self) -> CountedPermit:
        """A permit; it may take until another one is given back."""
        task = asyncio.current_task()
        while not self._try(task):
            await self.given_back(task)
        return CountedPermit(self, task)

    def _try(self, task: asyncio.Task[Any] | None) -> bool:
        with self._lock:
            has_one = task is not None and self._by_task.get(task, 0) > 0
            if self._taken >= self._most() and not has_one:
                return False
            self._taken += 1
            if task is not None:
                self._by_task[task] = self._by_task.get(task, 0) + 1
            return True

    def give_back(self, task: asyncio.Task[Any] | None) -> None:
        """A permit is not needed any more; from any thread."""
        with self._lock:
            self._taken -= 1
            self._has_said = self._has_said and bool(self._waiting)
            if task is not None and task in self._by_task:
                self._by_task[task] -= 1
        self._wake_next()

    async def given_back(self, task: asyncio.Task[Any] | None) -> bool:
        """Wait until another task gives a permit back; False if none has one."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if self._taken <= (self._by_task.get(task, 0) if task is not None else 0):
                return False
            self._waiting.append((loop, future))
        saying = loop.call_later(WARN_AFTER_SECONDS, self._say)
        try:
            await future
        except BaseException:
            if future.done():  # it was woken for nothing
                self._wake_next()
            raise
        finally:
            saying.cancel()
        return True

    def _wake(self, future: asyncio.Future[None]) -> None:
        if future.done():  # cancelled; the next one's turn
            self._wake_next()
        else:
            future.set_result(None)

    def _wake_next(self) -> None:
        with self._lock:
            waiting = self._waiting.popleft() if self._waiting else None
        if waiting is not None:
            loop, future = waiting
            try:
                loop.call_soon_threadsafe(self._wake, future)
            except RuntimeError:  # the loop has ended
                self._wake_next()

    def _say(self) -> None:
        if self._has_said:
            return
        self._has_said = True
        logger.warning(
            "a task waits to open a file: %d are open in streams of others (half of what `ulimit -n` allows)",
            self._taken,
        )


def _half() -> int:
    return max(8, limit() // 2)


descriptors = Descriptors(_half)


async def under_permit(opening: Callable[[], Awaitable[T]]) -> tuple[CountedPermit, T]:
    """Open a file; gives what ``opening`` gives, and the permit, to be released when the file is closed."""
    while True:
        permit = await descriptors.take()
        token = current.set(permit)
        try:
            return permit, await opening()
        except BaseException as error:
            permit.release()
            if not are_none_left(error) or not await _given_back_soon():
                raise
        finally:
            current.reset(token)


async def _given_back_soon() -> bool:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            return await descriptors.given_back(asyncio.current_task())
    except TimeoutError:  # tasks that have some, and want more, may wait for each other
        return False


async def claimed_by(opening: Callable[[], Awaitable[T]]) -> T:
    """Open a file that is not closed here: it claims its permit itself."""
    permit, value = await under_permit(opening)
    permit.release()
    return value
