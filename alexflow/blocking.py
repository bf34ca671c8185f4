"""``BlockingPortal``: an engine for code that is not async, in any number of threads.

The engine has an event loop of its own, in a thread of its own, and stays open. So a view of Django or Flask, or a
thread beside an async application, computes and shares as an async one does; :func:`alexflow.run` opens an engine for
each call.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

from alexflow.arguments import check_seconds
from alexflow.engine.embedded import Engine
from alexflow.engine.options import ENGINE_OPTIONS, LOAD_KEYWORDS, check_keywords
from alexflow.engine.result import Result
from alexflow.engine.stats import EngineStats
from alexflow.errors import EngineClosed
from alexflow.model import AbstractTask, Output
from alexflow.storage import Storage
from alexflow.type_vars import T

if TYPE_CHECKING:
    from alexflow.engine.keywords import EngineOptions, LoadKeywords, RunKeywords
    from alexflow.graph import Forceable

__all__ = ["BlockingPortal"]


class BlockingPortal:
    """An engine for threads.

    ::

        with BlockingPortal("results", workers=8) as engine:
            report = engine.load(Report("smith").output(), timeout=2)

    All methods may be called from any thread but the engine's own. A call that is over because of its ``timeout``, or
    of Ctrl-C, withdraws its request: the work stops if no other call waits for it.

    After a fork of the process, as by a server that loads the application before it starts its workers, the portal of
    the parent is of no use: open one in each worker.

    Args:
        storage: as for :class:`~alexflow.Engine`.
        echo: as for :class:`~alexflow.Engine`.
        options: the other keywords of :class:`~alexflow.Engine`.
    """

    def __init__(
        self,
        storage: Storage | str | os.PathLike[str] | None = None,
        *,
        echo: bool = False,
        **options: Unpack[EngineOptions],
    ):
        check_keywords("BlockingPortal", options, ENGINE_OPTIONS)
        self._engine = Engine(storage, echo=echo, **options)
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event

    @property
    def engine(self) -> Engine:
        """The engine itself, for its events; its methods are for code in its own loop."""
        return self._engine

    # -- lifetime

    def open(self) -> Self:
        """Open the engine, as ``with`` does; for applications that have a place for this and another for the end."""
        if self._thread is not None:
            raise EngineClosed("this portal is open already; open it once and share it")
        opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._serve, args=(opened,), name="alexflow-portal", daemon=True)
        self._pid = os.getpid()
        self._thread.start()
        try:
            opened.result()
        except BaseException:
            self._thread = None
            raise
        return self

    def close(self) -> None:
        """Close the engine, as the end of ``with`` does: what is under way is cancelled."""
        if threading.current_thread() is self._thread:
            raise EngineClosed("to close the portal in its engine's own event loop would wait for itself; use a thread")
        thread, self._thread = self._thread, None
        if thread is not None and self._pid == os.getpid():
            self._loop.call_soon_threadsafe(self._end.set)
            thread.join()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self, opened: Future[None]) -> None:
        try:
            asyncio.run(self._run(opened))
        except BaseException as error:  # of opening it; or else of the engine, which has logged it
            if not opened.done():
                opened.set_exception(error)

    async def _run(self, opened: Future[None]) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with self._engine:
            opened.set_result(None)
            await self._end.wait()

    # -- work

    def _call(self, work: Callable[[], Coroutine[Any, Any, T]], timeout: float | None = None) -> T:
        if self._thread is None:
            raise EngineClosed("the portal is not open; use it inside `with BlockingPortal(...) as engine:`")
        if self._pid != os.getpid():
            raise EngineClosed("the portal belongs to the process from which this one was forked; open one here")
        if threading.current_thread() is self._thread:
            raise EngineClosed("a call from the engine's own event loop would wait for itself; await portal.engine")
        check_seconds("timeout", timeout)
        future = asyncio.run_coroutine_threadsafe(work(), self._loop)
        try:
            return future.result(timeout)
        except CancelledError:
            raise EngineClosed("the portal was closed while this ran") from None
        except FutureTimeout:
            if future.done():  # the work's own
                raise
            raise TimeoutError(f"not there within {timeout:g} s") from None
        finally:
            future.cancel()  # nothing waits any more, if it is not done

    @overload
    def load(self, output: Output[T], *, timeout: float | None = None, **request: Unpack[LoadKeywords]) -> T: ...
    @overload
    def load(
        self, output: Sequence[Output[T]], *, timeout: float | None = None, **request: Unpack[LoadKeywords]
    ) -> list[T]: ...

    def load(self, output: Any, *, timeout: float | None = None, **request: Unpack[LoadKeywords]) -> Any:
        """Load the value of an output, or of each of a list, which is computed first if it does not exist.

        Args:
            output: as for :meth:`alexflow.Engine.load`.
            timeout: seconds to wait at most; None for as long as it takes.
            request: the other keywords of :meth:`alexflow.Engine.load`.

        Raises:
            TimeoutError: it was not there in time; the request is withdrawn.
            TaskError: the task failed, and others as :meth:`alexflow.Engine.load` raises them.
        """
        check_keywords("load", request, LOAD_KEYWORDS)
        return self._call(lambda: self._engine.load(output, **request), timeout)

    def run(
        self,
        target: Any,
        *,
        timeout: float | None = None,
        force: Forceable | Sequence[Forceable] | bool = (),
        **request: Unpack[RunKeywords],
    ) -> Result:
        """Make a target's outputs exist.

        Args:
            target: as for :meth:`alexflow.Engine.run`.
            timeout: as for :meth:`load`.
            force: as for :meth:`alexflow.Engine.run`.
            request: its other keywords.

        Raises:
            TimeoutError: it was not over in time; the request is withdrawn.
            RunFailed: tasks failed.
        """
        return self._call(lambda: self._engine.run(target, force=force, **request), timeout)

    # -- in a service

    @property
    def healthy(self) -> bool:
        """As of :class:`~alexflow.Engine`."""
        return self._thread is not None and self._thread.is_alive() and self._engine.healthy

    def stats(self) -> EngineStats:
        """As of :class:`~alexflow.Engine`."""

        async def stats() -> EngineStats:
            return self._engine.stats()

        return self._call(stats)

    def start_workers(self, tasks: Iterable[type[AbstractTask] | AbstractTask] = ()) -> None:
        """As of :class:`~alexflow.Engine`."""
        self._call(lambda: self._engine.start_workers(tasks))

    def drain(self, timeout: float | None = None) -> bool:
        """As of :class:`~alexflow.Engine`."""
        return self._call(lambda: self._engine.drain(timeout))
