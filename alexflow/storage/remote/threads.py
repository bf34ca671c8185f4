"""Back ends that block, on threads of their own.

Each thread has its own client: some are not safe for several threads at once. A thread that hangs does so until its
client gives up; it counts no more, and it does not keep the interpreter from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from alexflow.type_vars import T

_Job = tuple[Callable[[Any], Any], "asyncio.Future[Any]"]


class ClientThreads:
    """Calls functions with a client, in threads; used from one event loop.

    Args:
        make: gives a new client; called in the thread that it is for.
        end: closes one.
    """

    def __init__(self, make: Callable[[], Any], end: Callable[[Any], object] = id):
        self._make = make
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._idle: list[SimpleQueue[_Job | None]] = []
        self._closed = False

    async def call(self, function: Callable[[Any], T]) -> T:
        """The result of ``function(client)``. A caller that is cancelled leaves the thread to itself."""
        queue = self._idle.pop() if self._idle else self._start()
        future: asyncio.Future[T] = self._loop.create_future()
        queue.put((function, future))
        return await future

    def close(self) -> None:
        """End the threads; those at work end after it."""
        self._closed = True
        while self._idle:
            self._idle.pop().put(None)

    def _start(self) -> SimpleQueue[_Job | None]:
        queue: SimpleQueue[_Job | None] = SimpleQueue()
        threading.Thread(target=self._work, args=(queue,), name="alexflow-storage-client", daemon=True).start()
        return queue

    def _work(self, queue: SimpleQueue[_Job | None]) -> None:
        client: Any = None
        while (job := queue.get()) is not None:
            function, future = job
            result: Any = None
            trouble: BaseException | None = None
            try:
                if client is None:
                    client = self._make()
                result = function(client)
            except BaseException as error:
                trouble = error
                if not isinstance(error, FileNotFoundError | FileExistsError | PermissionError):
                    self._close(client)  # its connection may be broken
                    client = None
            try:
                self._loop.call_soon_threadsafe(self._settle, queue, future, result, trouble)
            except RuntimeError:  # the loop has ended
                break
            del job, function, future, result, trouble
        self._close(client)

    def _close(self, client: Any) -> None:
        if client is not None:
            try:
                self._end(client)
            except Exception:  # the client is dropped in any case
                pass

    def _settle(
        self, queue: SimpleQueue[_Job | None], future: asyncio.Future[Any], result: Any, error: BaseException | None
    ) -> None:
        if self._closed:
            queue.put(None)
        else:
            self._idle.append(queue)
        if future.done():  # the caller was cancelled
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


async def run_in_daemon_thread(function: Callable[[], T]) -> T:
    """The result of ``function()``, from a thread of its own that the end of the event loop does not wait for."""
    threads = ClientThreads(object)
    try:
        return await threads.call(lambda _: function())
    finally:
        threads.close()
