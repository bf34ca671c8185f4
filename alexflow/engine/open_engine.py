"""``OpenEngine``: what an engine is asked besides work: how it is, what happens, and that it prepares or ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Unpack

from alexflow.arguments import check_bool, check_seconds
from alexflow.engine.driver import Driver
from alexflow.engine.loading import Loads, not_loadable
from alexflow.engine.options import LOAD_KEYWORDS, check_request
from alexflow.engine.stats import EngineStats
from alexflow.engine.subjects import read_long_target
from alexflow.errors import DefinitionError, EngineClosed
from alexflow.events import EngineEvent
from alexflow.events.broadcast import Broadcast
from alexflow.events.engine_events import OutputsRemoved
from alexflow.executors.interface import WorkerCounts
from alexflow.executors.request_context import RequestContext, RequestContexts
from alexflow.graph import Defaults
from alexflow.graph.placement import classes_by_executor
from alexflow.hooks import SHORT_TEXT, exact_name, hook_failed, repr_of
from alexflow.logs import logger
from alexflow.model import AbstractTask, Output
from alexflow.storage.background import in_thread

if TYPE_CHECKING:
    from alexflow.engine.age import Ages
    from alexflow.engine.attempt_tracing import AttemptTracing
    from alexflow.engine.hot_outputs import HotOutputs
    from alexflow.engine.keywords import LoadKeywords
    from alexflow.engine.streams import OutputStream, Streams
    from alexflow.engine.survey import Survey
    from alexflow.engine.tallies import Tallies
    from alexflow.engine.why import Why
    from alexflow.graph import Forceable
    from alexflow.record.plan import Plan
    from alexflow.storage import Storage


#: Called with each engine that is opened, before its first request.
when_opened: list[Callable[[OpenEngine], None]] = []


class OpenEngine:
    """The base of :class:`~alexflow.Engine`."""

    _driver: Driver | None
    _closing: Driver | None
    _loop: asyncio.AbstractEventLoop | None
    _loads: Loads
    _defaults: Defaults
    _broadcast: Broadcast
    _tracing: AttemptTracing | None = None
    _ages: Ages
    _streams: Streams | None
    load: Callable[..., Coroutine[Any, Any, Any]]
    _hot: HotOutputs | None
    storage: Storage
    _contexts: RequestContexts | None

    def _opened(self) -> Driver:
        if self._driver is None:
            raise EngineClosed("the engine is not open; use it inside `async with Engine(...) as engine:`")
        if asyncio.get_running_loop() is not self._loop:
            raise EngineClosed("the engine belongs to another event loop; open one in this loop")
        return self._driver

    async def _let_in(self) -> None:
        """Wait until the event loop has time for one more caller."""
        intake = self._opened().intake
        if intake.must_wait():
            await intake.wait()

    @property
    def healthy(self) -> bool:
        """Whether the engine is open and can go on. If not, only another one helps."""
        return self._driver is not None and not (self._driver.has_failed or self._is_of_closed_loop())

    def _is_left_where_entered(self, driver: Driver) -> bool:
        """Check that the engine is left in its own loop. Returns whether it can be closed there."""
        loop = self._loop
        if loop is None or loop is asyncio.get_running_loop():
            return True
        if not loop.is_closed():
            raise EngineClosed("the engine belongs to another event loop; leave it there")
        logger.warning("the event loop of an engine was closed before the engine was: what it ran is killed")
        driver.kill()
        return False

    def _is_of_closed_loop(self) -> bool:
        return self._loop is not None and self._loop.is_closed()

    def stats(self) -> EngineStats:
        """Return what the engine is doing, in numbers; cheap however much is queued.

        Tasks are counted by class and executor from the first call on: call it once when the engine is opened.
        """
        if self._driver is None:
            return EngineStats(False, 0, {}, {}, {}, {}, WorkerCounts(), self._loads.hits, 0, 0, 0, 0, True)
        return self._driver.stats(self._loads.hits)

    def survey(self) -> Survey:
        """Return what is under way, for a page that shows it; tasks are counted from the first call on.

        Raises:
            EngineClosed: the engine is not open, or is another loop's.
        """
        return self._opened().tallies.survey_from_now()

    def tallies(self) -> Tallies:
        """Return the counts by class, for metrics; they are kept from the first call on.

        Raises:
            EngineClosed: the engine is not open, or is another loop's.
        """
        tallies = self._opened().tallies
        tallies.keep_from_now()
        return tallies

    @property
    def event_loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop on which the engine is open; None if it is not."""
        return None if self._driver is None else self._loop

    def run_ids(self) -> dict[int, str]:
        """Return the ids of the runs that go on, as the record has them, by number."""
        return {} if self._driver is None else {number: run.id for number, run in self._driver.runs.items()}

    async def start_workers(self, tasks: Iterable[type[AbstractTask] | AbstractTask] = ()) -> None:
        """Start all worker processes, and wait until they have imported what these tasks need.

        Without it they start with the first task that needs one, which waits for its imports. What the engine needs for
        dynamic tasks is imported as well, if there is one among these.

        Args:
            tasks: classes of tasks, or tasks.

        Raises:
            WorkerDied: worker processes cannot be started.
            DefinitionError: ``tasks`` has something else.
        """
        driver = self._opened()
        classes = classes_by_executor(tasks, self._defaults.executor)
        if classes.pop("dynamic", None):  # the first of them would have the loop wait for this
            await in_thread(partial(import_module, "anyio._backends._asyncio"))
        await driver.start_workers(classes)

    async def drain(self, timeout: float | None = None) -> bool:
        """Accept no further requests, and wait until none is under way; what exists can still be loaded.

        Args:
            timeout: seconds to wait at most; None for as long as it takes.

        Returns:
            Whether all have ended. What has not is cancelled when the engine is closed.
        """
        driver = self._opened()
        check_seconds("timeout", timeout)
        try:
            async with asyncio.timeout(timeout):
                await driver.draining.wait(is_idle=not (driver.runs or driver.entering))
        except TimeoutError:
            return False
        return True

    def kill(self) -> None:
        """Kill everything that runs, without its grace. The ``async with`` block still has to be left, and is soon.

        May be called by a signal handler.
        """
        driver = self._driver or self._closing
        if driver is not None:
            driver.kill()

    def events(self) -> AsyncIterator[EngineEvent]:
        """Iterate over the events from now on, until the engine is closed.

        Raises:
            EngineClosed: the engine is not open; a reader would wait for what may never come.
        """
        self._opened()
        return self._broadcast.read()

    @property
    def broadcast(self) -> Broadcast:
        """The broadcast of this engine's events."""
        return self._broadcast

    def stream(self, output: Output[Any], **request: Unpack[LoadKeywords]) -> OutputStream[Any]:
        """Iterate over the parts of an output, as its task appends them; it is computed if it does not exist. ::

            async for part in engine.stream(Answer(question).output()):
                await send(part)

        Any number of readers share one request, and each gets all parts from the first. In the end these are the
        published value. The last reader that leaves withdraws the request, as a load does that is cancelled. Where a
        loop is left by ``break``, that is when the stream is forgotten, or closed (``async with engine.stream(...)``).

        Args:
            output: one of a format that parts can be appended to: text, bytes, JSON lines.
            request: as for :meth:`Engine.load`; those of the first reader count.

        Returns:
            An iterator. Texts and bytes may come joined or cut in another way than they were appended; JSON lines come
            one by one.

        Raises:
            NoFormat: the format is another one.
            DefinitionError: ``output`` is something else, or a keyword's value is invalid.
            StreamRestarted: while iterating: the parts so far are void, as the attempt failed, and is made again; to
                iterate on gives the new ones, from the first.
            TaskError: while iterating: the task failed.
        """
        from alexflow.engine.streams import OutputStream  # deferred: few engines stream

        self._opened()
        if not isinstance(output, Output):
            raise not_loadable(output, "stream")
        check_request("stream", request, LOAD_KEYWORDS)
        try:
            output.part_codec()
        except BaseException as error:
            hook_failed(output, "part_codec()", error)
        return OutputStream(self._all_streams(), output, partial(self.load, **request))

    def _all_streams(self) -> Streams:
        if self._streams is None:
            from alexflow.engine.streams import Streams  # deferred, as above

            self._streams = Streams(self.storage, self._opened().background)
        return self._streams

    async def invalidate(self, target: Any, *, downstream: bool = False) -> list[str]:
        """Remove outputs, so that they are made again when they are wanted. ::

            await engine.invalidate(Prices("2026-11-28"), downstream=True)

        Loads do not fail meanwhile: what was removed is made again. What is under way is not interrupted, and may have
        read what is removed here.

        Args:
            target: as for :meth:`Engine.run`.
            downstream: whether to remove all that was made from them, too, as the record has it.

        Returns:
            The keys that were removed, what is upstream first.

        Raises:
            NotRecorded: ``downstream=True``, and the record does not have an output that exists; nothing is removed.
            StorageError: the storage did not answer.
        """
        from alexflow.engine.invalidation import keys_to_remove, remove  # deferred: few programs invalidate

        driver = self._opened()
        check_bool("downstream", downstream)
        keys = await keys_to_remove(await read_long_target(target), self.storage, downstream=downstream)
        try:
            removed = await remove(keys, self.storage)
        finally:
            driver.invalidate_caches()
            if self._hot is not None:
                self._hot.drop(keys)
        if removed:
            driver.emit(lambda: OutputsRemoved(tuple(removed)))
        return removed

    def _has_opened(self, driver: Driver) -> None:
        if self._contexts is not None:
            driver.runs.have_contexts = True
            driver.task_events.tracing = self._tracing
        for function in when_opened:
            function(self)

    def _captured(self) -> RequestContext | None:
        return None if self._contexts is None else self._contexts.capture()

    def trace_by(self, tracing: AttemptTracing | None) -> None:
        """Have the spans of tasks made, or no longer: of requests from now on. For :mod:`alexflow.otel`."""
        if self._contexts is None:
            self._contexts = RequestContexts()
        self._contexts.tracing = self._tracing = tracing
        if self._driver is not None:
            self._driver.runs.have_contexts = True
            self._driver.task_events.tracing = tracing

    async def plan(self, target: Any, *, force: Forceable | Sequence[Forceable] | bool = ()) -> Plan:
        """Plan a run: what :meth:`run` would start, as things stand. Nothing runs, and the engine need not be open.

        Args:
            target: as for :meth:`run`.
            force: as for :meth:`run`.

        Raises:
            GraphError: the graph as described cannot be run.
        """
        from alexflow.engine.planning import plan_request  # deferred: most engines only run

        return await plan_request(await read_long_target(target), self.storage, self._defaults, force)

    def prune(self, task: AbstractTask | str, *, reason: str = "") -> bool:
        """Let a running task end early, because going on is not worth it.

        In the task ``current.pruned`` and ``current.should_stop`` turn true. If it stores all of its outputs and
        returns, it is done; if it stores some, these are published, and it fails as
        :class:`~alexflow.errors.Pruned`. It has ``grace`` for that, and is stopped then.

        Args:
            task: the task, or its id, as events have it.
            reason: why, for listeners.

        Returns:
            Whether it was running: in a worker process, in a thread or on the event loop.
        """
        if isinstance(task, str):
            return self._opened().prune(task, reason)
        if not isinstance(task, AbstractTask):
            raise DefinitionError(f"engine.prune() takes a task or the id of one, not {repr_of(task, SHORT_TEXT)}")
        try:
            task_id = exact_name(task, "task_id", task.task_id)
        except BaseException as error:
            hook_failed(task, "task_id", error)
        return self._opened().prune(task_id, reason)

    def why(self, task: AbstractTask | Output[Any] | str) -> Why:
        """Return what a task waits for: an input, a limit, a place, CPUs, memory, a device, a delay, another engine.

        ``print(engine.why(task))`` says it for people; its ``obstacles`` name what holds each.

        Args:
            task: the task, an output of it, or its id, as events have it.

        Raises:
            EngineClosed: the engine is not open, or is another loop's.
        """
        if isinstance(task, str):
            return self._opened().why(task)
        if not isinstance(task, AbstractTask | Output):
            raise DefinitionError(
                f"engine.why() takes a task, an output or the id of a task, not {repr_of(task, SHORT_TEXT)}"
            )
        try:
            owner = task.src_task if isinstance(task, Output) else task
            task_id = exact_name(owner, "task_id", owner.task_id)
        except BaseException as error:
            hook_failed(task, "task_id", error)
        return self._opened().why(task_id)
