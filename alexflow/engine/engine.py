"""``Engine``: the long-lived object that an application embeds; it accepts requests and owns the work."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar, copy_context
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

from alexflow.engine.age import Ages, age_limit
from alexflow.engine.asking import ask, force_tasks, refuse_load_if_full, request_options, result_of
from alexflow.engine.async_library import require_asyncio
from alexflow.engine.attempt_host import EngineHost
from alexflow.engine.driver import Driver
from alexflow.engine.executor_choice import ExecutorChoice
from alexflow.engine.loading import Loads, make_hot
from alexflow.engine.open_engine import OpenEngine
from alexflow.engine.options import (
    OnError,
    as_attributes,
    as_devices,
    as_limits,
    as_workers,
    changed_options,
    check_on_error,
    check_reserve,
    check_shown,
    check_urgency,
    check_values,
)
from alexflow.engine.placement import place
from alexflow.engine.rate_limits import rate_specs
from alexflow.engine.recording import make_recorder
from alexflow.engine.requested_run import RequestOptions
from alexflow.engine.result import Result
from alexflow.engine.shielded import shielded
from alexflow.engine.subjects import read_long_target
from alexflow.engine.targets import Request
from alexflow.engine.turns import turns
from alexflow.engine.uses import Uses
from alexflow.errors import EngineClosed
from alexflow.events.broadcast import Broadcast
from alexflow.executors.attempt_host import host
from alexflow.executors.interface import GRACE
from alexflow.executors.process.wire.reentry import reentry
from alexflow.executors.registry import ExecutorSettings, make_executors
from alexflow.executors.request_context import RequestContexts, carried_variables
from alexflow.executors.supply import make_capacity
from alexflow.executors.workers import Workers
from alexflow.graph import Defaults
from alexflow.model import Output, Retry
from alexflow.model.options import AGED
from alexflow.scheduler import Scheduler
from alexflow.scheduler.machine import MAX_DEATHS
from alexflow.scheduler.rates import RateSpec
from alexflow.storage import Storage, open_storage
from alexflow.type_vars import T

if TYPE_CHECKING:
    from alexflow.engine.keywords import LoadKeywords, RequestKeywords
    from alexflow.engine.mapping import Mapped
    from alexflow.executors.process.started_server import StartedServer
    from alexflow.graph import Forceable
    from alexflow.limits import Queue, RateLimit
    from alexflow.progress.echo import OutputEcho
    from alexflow.scheduler.instructions import Finish
    from alexflow.storage.memory_cache import MemoryCache

#: ``async def run`` at once, by default.
MAX_CONCURRENCY = 10_000

#: Seconds without a heartbeat after which an engine loses what it holds, by default.
LEASE_TTL = 30.0


class Engine(OpenEngine):
    """Runs tasks for as long as it is open; concurrent calls share it.

    ::

        async with Engine("results", workers=8, limits={"gpu": 1}) as engine:
            model = await engine.load(train.output())

    Concurrent requests for equal tasks share one execution. The engine owns the work: cancelling a caller stops it
    only if no other caller is waiting.

    Args:
        storage: a storage, or the path of a directory; by default ``ALEXFLOW_STORAGE`` from the environment, else
            ``.alexflow`` in the working directory.
        workers: worker processes for plain ``def run``, and threads for tasks that ask for those; by default one per
            CPU that this process may use. A :class:`~alexflow.Workers` also says how many threads numerical libraries
            may start in each (by default their share, CPUs divided by workers), and when one is replaced.
        limits: how many tasks with a tag may run at once, by tag, or how often they may start: a
            :class:`~alexflow.limits.RateLimit`. Tags that are not listed are not limited.
        devices: the devices that tasks may ask for (:class:`~alexflow.ResourceSpec`), by kind:
            ``{"gpu": [0, 1]}``. A worker process sees none of these kinds but those that its task has asked for. By
            default the GPUs that this process may use, found when a task asks for one.
        max_concurrency: how many ``async def run`` may run at once.
        executor: what runs plain ``def run`` if the task's class does not say: ``process``, ``thread``, one that was
            registered or that a package adds, a URL such as ``dask://host:8786``, or an executor.
        executors: names of roles that classes use, ``TaskOptions(executor="heavy")``, and what runs them: the same as
            for ``executor``.
        retry: how often a failed task is tried again, and after which errors, if its class does not say; by default
            never.
        timeout: seconds that one attempt may take, if its class does not say.
        max_deaths: how often a task is run again after the death of the worker process that it ran in, which may not
            have been its fault; not counted by ``retry``.
        grace: seconds that a running task gets to end when it is cancelled or its timeout is over, before it is killed
            (in a worker process) or abandoned.
        echo: whether the prints of tasks in worker processes also appear on this process's standard output and error.
            They are emitted as :class:`~alexflow.events.TaskPrinted` in any case, and kept with a failed task's error.
        lease_ttl: seconds after which another engine on the same storage takes over this one's tasks, if this one has
            stalled; None if engines may do each other's work. The tasks of an engine that died are taken over at once.
        record: whether the storage's record says what each task was made from, when it ran and what came of it
            (:func:`~alexflow.open_record`).
            By default there is none.
        memory_cache: how much of what is loaded is kept in memory; by default nothing.
        queue: how much may wait, and what is kept free for urgent work: a :class:`~alexflow.limits.Queue`; by default
            there are no bounds.
        carry: ContextVars, globals of modules: where one is set as a request is made, the tasks that run for it have
            the same value, also in worker processes. It must be picklable.
    """

    def __init__(
        self,
        storage: Storage | str | os.PathLike[str] | None = None,
        *,
        workers: int | Workers | None = None,
        limits: Mapping[str, int | RateLimit] | None = None,
        devices: Mapping[str, Sequence[int | str]] | None = None,
        max_concurrency: int = MAX_CONCURRENCY,
        executor: ExecutorChoice = "process",
        executors: Mapping[str, ExecutorChoice] | None = None,
        retry: Retry | None = None,
        timeout: float | None = None,
        max_deaths: int = MAX_DEATHS,
        grace: float = GRACE,
        echo: bool = False,
        lease_ttl: float | None = LEASE_TTL,
        record: bool = True,
        memory_cache: MemoryCache | None = None,
        queue: Queue | None = None,
        carry: Sequence[ContextVar[Any]] | None = None,
    ):
        check_shown(None, echo)
        self._changed_options = changed_options(locals(), Engine.__init__.__kwdefaults__ or {})
        check_values(
            {
                **{
                    "limits": limits,
                    "devices": devices,
                    "max_concurrency": max_concurrency,
                    "max_deaths": max_deaths,
                    "retry": retry,
                },
                **{"timeout": timeout, "grace": grace, "lease_ttl": lease_ttl},
                **{"record": record, "queue": queue, "memory_cache": memory_cache},
            }
        )
        self.storage = open_storage(storage)
        self._workers = as_workers(workers)
        self._library_threads = workers.threads if isinstance(workers, Workers) else None
        at_once, rates = as_limits(limits)
        self._limits: dict[str, int | RateSpec] = {**at_once, **rate_specs(rates)}
        self._max_concurrency = max_concurrency
        self._devices = as_devices(devices)
        self._capacity = make_capacity(self._workers, self._devices)
        self._placement = place(executor, executors)
        self._defaults = Defaults(
            *(self._placement.default, retry or Retry(0), timeout, self._capacity.refusal, rates),
            kinds=self._placement.kinds,
            roles=self._placement.roles,
        )
        self._max_deaths = max_deaths
        self._grace = grace
        self._lease_ttl = lease_ttl
        self._queue = queue
        if queue is not None:
            check_reserve(queue, self._workers.count or 1, max_concurrency, self._placement.given)
        self._contexts = None if carry is None else RequestContexts(carried_variables(carry))
        self._broadcast = Broadcast()
        self._echo = _make_echo() if echo else None
        self._driver: Driver | None = None
        self._closing: Driver | None = None  # while it is being closed
        self._hot = None if memory_cache is None else make_hot(self.storage, memory_cache)
        self._loads = Loads(self.storage, self._opened, self._hot, Uses(self.storage) if record else None)
        self.started_server: StartedServer | None = None  # ahead, for the first worker
        self._loop: asyncio.AbstractEventLoop | None = None

    # -- lifetime

    async def __aenter__(self) -> Self:
        reentry.refuse()
        if self._driver is not None:
            raise EngineClosed("this engine is open already; enter it once and share it")
        require_asyncio()
        await turns().wait()
        if self.storage.answers_at_once:
            case_sensitive = self._prepare_storage()
        else:
            case_sensitive = await asyncio.to_thread(self._prepare_storage)
        scheduler = Scheduler(self._limits, max_deaths=self._max_deaths, case_sensitive=case_sensitive)
        driver = self._driver = self._make_driver(scheduler)
        self._loop = asyncio.get_running_loop()
        self._broadcast.open()
        context = copy_context()  # that of all tasks
        driver.task_events.hot = self._hot
        rates = self._defaults.rates
        attempt_host = EngineHost(
            *(self, scheduler, driver.catalog, driver.runs, driver.record, self._broadcast), rates, driver.post
        )
        context.run(host.set, attempt_host)
        context.run(driver.open)
        self._streams = None
        self._ages = Ages(self.storage, driver.inspector.outdated, driver.background, self.run, self._hot)
        self._has_opened(driver)
        return self

    def _make_driver(self, scheduler: Scheduler) -> Driver:
        executors = make_executors(
            ExecutorSettings(
                *(self._workers, self._max_concurrency, self._grace, self._echo, self._library_threads),
                *(self.started_server, self._capacity, tuple(self._devices or ())),
                reserved=0 if self._queue is None else self._queue.reserve.get("process", 0),
            ),
            self._placement.given,
        )
        leases = None if self._lease_ttl is None else self.storage.leases(self._lease_ttl)
        record = make_recorder(self.storage, self._changed_options, scheduler.owners_of, self._loads.uses)
        return Driver(
            scheduler,
            self.storage,
            self._defaults,
            executors,
            self._broadcast,
            leases=leases,
            grace=self._grace,
            record=record,
            queue=self._queue,
        )

    def _prepare_storage(self) -> bool:
        self.storage.prepare()
        return self.storage.case_sensitive

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        driver = self._driver
        if driver is not None:
            can_be_closed = self._is_left_where_entered(driver)
            self._driver, self._closing = None, driver
            try:
                if can_be_closed:
                    await shielded(driver.aclose())
            finally:
                self._closing = None
                self._broadcast.close()
                if self._echo is not None:
                    await self._echo.drain()

    # -- work

    async def run(
        self,
        target: Any,
        *,
        on_error: OnError = "stop",
        force: Forceable | Sequence[Forceable] | bool = (),
        attributes: Mapping[str, Any] | None = None,
        priority: int | None = None,
        fairness_key: str = "",
        max_wait: float | None = None,
        max_age: float | None = None,
        stale_while_revalidate: float = 0.0,
    ) -> Result:
        """Make a target's outputs exist.

        Args:
            target: a task, an output, a list, tuple or dict of those, or a workflow.
            on_error: ``"stop"``: at the first failure start nothing more, let running tasks end, and raise.
                ``"continue"``: run whatever does not depend on a failed task, and put the failures into the result.
            force: tasks, task classes or outputs to compute again, together with what depends on them; True for the
                target itself.
            attributes: the application's own names for the request, such as ``{"request_id": "17"}``, by text, each a
                text, a number, a bool or None; they are in :class:`~alexflow.events.RunStarted` and in the record.
            priority: the higher, the sooner, for all that is done for the request; by default that of each task's
                class, or 0. A task that several requests want has the highest of theirs.
            fairness_key: a name, such as a tenant's: within a priority, names take turns, a task each.
            max_wait: refuse the request at once if it would probably wait for more seconds than that.
            max_age: how old the target's outputs may be, in seconds; older ones are made again. By default what their
                class says (:class:`~alexflow.TaskOptions`). What they are made from may be as old as its class says.
            stale_while_revalidate: seconds beyond ``max_age`` for which they are taken as they are, while they are
                made again.

        Raises:
            RunFailed: tasks failed (``on_error="stop"``); holds their errors.
            GraphError: the graph as described cannot be run; nothing of it has been.
            Overloaded: the queue is full, or the wait would be too long; nothing was planned.
            DefinitionError: an argument is invalid.
        """
        await self._let_in()
        check_on_error(on_error)
        options = request_options(on_error, attributes, priority, fairness_key, max_wait, context=self._captured())
        if max_age is not None or stale_while_revalidate != 0:
            run_now = partial(self.run, on_error=on_error, attributes=attributes, priority=priority)
            run_now = partial(run_now, fairness_key=fairness_key, max_wait=max_wait)
            return await self._ages.run_aged(target, age_limit(max_age, stale_while_revalidate), run_now, force)
        return await self._requested(target, options, force)

    async def _requested(
        self, target: Any, options: RequestOptions, force: Forceable | Sequence[Forceable] | bool = ()
    ) -> Result:
        driver, loop = self._opened(), asyncio.get_running_loop()
        started = loop.time()
        request = await read_long_target(target)
        forced = force_tasks(driver, request, force, self._defaults)
        try:
            run, finish = await ask(driver, request, options, self._defaults, self.storage)
            if self._echo is not None:
                await self._echo.drain()  # so that it precedes what the caller prints next
            return await result_of(request, run, finish, loop.time() - started, self.storage)
        finally:
            if forced:
                driver.inspector.forced.difference_update(forced)
            request.let_go(loop)

    @overload
    async def load(self, output: Output[T], **request: Unpack[LoadKeywords]) -> T: ...
    @overload
    async def load(self, output: Sequence[Output[T]], **request: Unpack[LoadKeywords]) -> list[T]: ...

    async def load(
        self,
        output: Any,
        *,
        attributes: Mapping[str, Any] | None = None,
        priority: int | None = None,
        fairness_key: str = "",
        max_wait: float | None = None,
        max_age: float | None = None,
        stale_while_revalidate: float = 0.0,
    ) -> Any:
        """Load the value of an output, which is computed first if it does not exist, or is damaged and is seen to be.

        A :class:`LocalStorage` sees damage where it was opened with ``check=True``.

        An output that exists is read without a request: the engine emits no events for it.

        Args:
            output: the output, or a list of outputs, of which the values come as a list.
            attributes: as for :meth:`run`.
            priority: as for :meth:`run`.
            fairness_key: as for :meth:`run`.
            max_wait: as for :meth:`run`; what exists is read in any case.
            max_age: as for :meth:`run`. An output that could not be made again just now is not tried again at once:
                while it is too old, that error is raised.
            stale_while_revalidate: as for :meth:`run`.

        Raises:
            TaskError: the task of the output failed, or one that it needs.
            RunFailed: several failed; holds their errors.
            DefinitionError: ``output`` is something else.
            Overloaded: as for :meth:`run`.
        """
        if priority is not None or fairness_key != "" or max_wait is not None or attributes is not None:
            check_urgency(priority, fairness_key, max_wait)
            as_attributes(attributes)
        is_aged = max_age is not None or stale_while_revalidate != 0 or AGED
        if self._loads.hot is not None and not is_aged and (kept := self._loads.kept_value(output)) is not None:
            return kept[0]
        if self._queue is not None and isinstance(output, Output):  # first: thousands may be refused
            refuse_load_if_full(self._opened(), priority, self._defaults, self.storage, output)
        make = partial(
            self._make_to_read, attributes=attributes, priority=priority, fairness_key=fairness_key, max_wait=max_wait
        )
        limit = None
        if is_aged and not self._ages.takes(output, max_age, stale_while_revalidate):
            limit = age_limit(max_age, stale_while_revalidate)
        if isinstance(output, (list, tuple)):
            if limit is not None:
                await self._ages.see_to(output, limit, make)
            return await self._loads.load_all(output, make)
        judged = None if limit is None else await self._ages.judge((output,), limit, fails=True)
        if judged is None or not judged.outdated:
            return await self._loads.load(output, make)
        return await self._loads.load(output, partial(self._ages.make_again, judged, make), outdated=True)

    async def _make_to_read(self, target: Any, **keywords: Unpack[RequestKeywords]) -> object:
        """:meth:`run`, without outputs and without a last look whether they are there: reading them is that look."""
        options = request_options("stop", **keywords, context=self._captured(), verify=False)
        return await self._requested(target, options)

    def map(
        self,
        make: Callable[[Any], Any] | Iterable[Any] | AsyncIterable[Any],
        items: Iterable[Any] | AsyncIterable[Any] | None = None,
        *,
        window: int = 1000,
        ordered: bool = False,
        on_error: OnError = "stop",
        **request: Unpack[RequestKeywords],
    ) -> AsyncIterator[Mapped[Any]]:
        """Map a stream of items to the values of their outputs, which are computed if they do not exist.

        ::

            async for item, output, value, error in engine.map(Embed, rows(), window=1000):
                ...

        To leave the loop cancels what is under way. What has been computed exists when it is started again.

        Args:
            make: a class of tasks with one parameter, or a function that makes a task with one output, or an output, of
                an item. Or, without ``items``: the tasks or outputs themselves.
            items: an iterable or async iterable.
            window: items that are under way or that the loop has not taken, at most.
            ordered: whether values come in the order of the items, not as they come.
            on_error: ``"stop"``: raise the first failure of a task; ``"continue"``: give it as ``error``.
            request: as for :meth:`load`.

        Raises:
            TaskError: a task failed (``on_error="stop"``). What ``make`` or ``items`` raise is raised in any case.
            DefinitionError: an argument, or what an item makes, is invalid.
        """
        from alexflow.engine.mapping import ItemStream, check_mapped, mapped_by  # deferred: most programs map nothing

        driver = self._opened()
        check_mapped(window, ordered, on_error, request)
        made_by, all_items = mapped_by(make, items)
        asking = partial(self._ask_to_read, driver, request)
        run = partial(self.run, **request)
        stream = ItemStream[Any](
            *(driver, self._loads, asking, run, made_by, all_items), window=window, ordered=ordered, on_error=on_error
        )
        return stream.results()

    async def _ask_to_read(self, driver: Driver, keywords: RequestKeywords, request: Request) -> Finish:
        """Request what is read then, which shows that it is there."""
        options = request_options("continue", **keywords, context=self._captured(), verify=False)
        return (await ask(driver, request, options, self._defaults, self.storage))[1]


def _make_echo() -> OutputEcho:
    from alexflow.progress.echo import OutputEcho  # deferred: engines in services show nothing

    return OutputEcho()
