"""Threads: plain ``def run`` in threads of the engine's process."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

from alexflow.executors.attempt import attempt
from alexflow.executors.capacity import Capacity
from alexflow.executors.event_loop import LoopExecutor
from alexflow.executors.interface import GRACE
from alexflow.executors.loaded_libraries import LoadedLibraries
from alexflow.executors.running_job import RunningJob
from alexflow.forks import contained
from alexflow.model.mutation import check_unchanged
from alexflow.model.resource_spec import WHOLE


def thread_executor(
    threads: int,
    *,
    grace: float = GRACE,
    libraries: LoadedLibraries | None = None,
    capacity: Capacity | None = None,
) -> LoopExecutor:
    """Return an executor that runs jobs in threads, each awaited by a task on the loop.

    A thread cannot be stopped: a job that is cancelled or takes too long is abandoned at once, and its thread goes on
    to its end without being awaited. It cannot publish any more. A job that is publishing already is awaited.

    Args:
        threads: how many at once, besides those that have been abandoned.
        grace: seconds that a job which is stopped gets to finish publishing.
        libraries: bounds the threads of numerical libraries; None to leave them alone.
        capacity: what jobs may claim; None if none does.
    """
    return LoopExecutor(threads, grace=grace, how=InThreads(libraries), capacity=capacity)


class InThreads:
    """Jobs are calls in threads.

    Args:
        libraries: bounds the threads of numerical libraries; None to leave them alone.
    """

    name = "thread"
    takes_cpus = True
    is_interruptible = False
    gets_ctrl_c = False

    def __init__(self, libraries: LoadedLibraries | None):
        self._threads = Threads()
        self._libraries = libraries

    async def attempt(self, running_job: RunningJob) -> None:
        """Run plain ``def run`` in a thread."""
        if self._libraries is not None:
            self._libraries.bound_process()
        await self._threads.run(partial(_attempt, running_job, self._libraries))

    def close(self) -> None:
        """End the threads when they have nothing to do, and give back the bounds."""
        self._threads.close()
        if self._libraries is not None:
            self._libraries.close()


def _attempt(running_job: RunningJob, libraries: LoadedLibraries | None) -> None:
    if libraries is not None:
        needs = running_job.job.needs
        libraries.bound_thread(0 if needs is None or needs.cpus is None else max(1, needs.cpus // WHOLE))
    check_unchanged(running_job.job.task, running_job.job.task_id)
    attempt(running_job.job.task, running_job.transaction, running_job.job.outputs)


class Threads:
    """Threads that are started when there is work for them, and used again.

    They are daemons, unlike anyio's, asyncio's or those of :mod:`concurrent.futures`: a thread that hangs must not keep
    the interpreter from ending. All others have ended by then: their owner has waited for their work.
    """

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[_Work | None]] = []
        self._closed = False

    async def run(self, function: Callable[[], None]) -> None:
        """Call ``function`` in a thread. If this is cancelled, the thread goes on."""
        end: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        work = _Work(function, contextvars.copy_context(), end)
        inbox = self._idle.pop() if self._idle else self._start()
        inbox.put(work)
        error = await end  # as a result: a future refuses some exceptions
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback refers to this frame

    def close(self) -> None:
        """Let each thread end as soon as it is idle."""
        self._closed = True
        while self._idle:
            self._idle.pop().put(None)

    def _start(self) -> SimpleQueue[_Work | None]:
        inbox: SimpleQueue[_Work | None] = SimpleQueue()
        threading.Thread(target=self._serve, args=(inbox,), name="alexflow-task", daemon=True).start()
        return inbox

    def _serve(self, inbox: SimpleQueue[_Work | None]) -> None:
        while (work := inbox.get()) is not None:
            error = work.do()
            self._idle.append(inbox)
            if self._closed:  # looked at last, as `close` sets it first: one of the two sees the other
                inbox.put(None)
            with contextlib.suppress(RuntimeError):  # the loop has been closed: there is no waiter
                work.end.get_loop().call_soon_threadsafe(_settle, work.end, error)


def _settle(end: asyncio.Future[BaseException | None], error: BaseException | None) -> None:
    if not end.done():  # else the waiter has gone
        end.set_result(error)


class _Work:
    """A function to be called in a thread."""

    __slots__ = ("context", "end", "function")

    def __init__(
        self, function: Callable[[], None], context: contextvars.Context, end: asyncio.Future[BaseException | None]
    ):
        self.function = function
        self.context = context
        self.end = end

    def do(self) -> BaseException | None:
        """Call it; return what it raised."""
        try:
            self.context.run(contained, self.function)
        except BaseException as error:  # whatever it is, it belongs to the waiter
            return error
        return None
