"""``Engine``: the long-lived object that an application embeds; it accepts requests and owns the work."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from alexflow.engine.async_library import require_asyncio
from alexflow.engine.chance import chance
from alexflow.engine.driver import Driver
from alexflow.engine.options import OnError, as_limits, as_workers, check_on_error, check_values
from alexflow.engine.recording import EngineRecorder
from alexflow.engine.result import NOTHING_FAILED, Result, as_task_error, report_on, run_failed
from alexflow.engine.subjects import collect_subjects, forced_by
from alexflow.engine.targets import Request, read_target
from alexflow.engine.turns import turns
from alexflow.errors import DefinitionError, EngineClosed, OutputDamaged, OutputMissing, OutputNotFound, RunFailed
from alexflow.events import EngineEvent, RunFinished
from alexflow.events.broadcast import Broadcast
from alexflow.executors.enclosing_tasks import running
from alexflow.executors.interface import GRACE
from alexflow.executors.process.wire.reentry import reentry
from alexflow.executors.registry import ExecutorSettings, make_executors
from alexflow.executors.workers import Workers
from alexflow.graph import Defaults, Forceable, Subjects, self_deadlock
from alexflow.hooks import hook_failed, is_a, is_ours, passes
from alexflow.model import AbstractTask, ExecutorName, Output, Retry, keys_of
from alexflow.scheduler import Scheduler
from alexflow.scheduler.instructions import Finish
from alexflow.scheduler.machine import MAX_DEATHS
from alexflow.storage import Storage, open_storage
from alexflow.type_vars import T

if TYPE_CHECKING:
    from alexflow.executors.loaded_libraries import LoadedLibraries
    from alexflow.executors.process.started_server import StartedServer
    from alexflow.progress.echo import OutputEcho
    from alexflow.record.plan import Plan


#: ``async def run`` at once, by default.
MAX_CONCURRENCY = 10_000

#: Seconds without a heartbeat after which an engine loses what it holds, by default.
LEASE_TTL = 30.0

#: Loads of outputs that exist between two turns of the event loop: some half a millisecond.
LOADS_PER_TURN = 32

#: How often ``load`` has an output made again that is removed before it can be read.
MAX_LOADS = 20

#: The longest pause before an output that was removed is made again.
LOST_PAUSE_SECONDS = 0.004


class Engine:
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
        limits: how many tasks with a tag may run at once, by tag; tags that are not listed are not limited.
        max_concurrency: how many ``async def run`` may run at once.
        executor: what runs plain ``def run`` if the task's class does not say: ``process``, ``thread`` or one
            that was registered.
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
    """

    def __init__(
        self,
        storage: Storage | str | os.PathLike[str] | None = None,
        *,
        workers: int | Workers | None = None,
        limits: Mapping[str, int] | None = None,
        max_concurrency: int = MAX_CONCURRENCY,
        executor: ExecutorName = "process",
        retry: Retry | None = None,
        timeout: float | None = None,
        max_deaths: int = MAX_DEATHS,
        grace: float = GRACE,
        echo: bool = False,
        lease_ttl: float | None = LEASE_TTL,
        record: bool = True,
    ):
        check_values(
            {
                **{"limits": limits, "max_concurrency": max_concurrency, "max_deaths": max_deaths, "retry": retry},
                **{"timeout": timeout, "grace": grace, "lease_ttl": lease_ttl},
                **{"executor": executor, "record": record},
            }
        )
        self.storage = open_storage(storage)
        self._workers = as_workers(workers)
        asked = workers.threads if isinstance(workers, Workers) else None
        self._threads_of_libraries = asked or 0  # in this process they change only if an option says so
        self._limits = as_limits(limits)
        self._max_concurrency = max_concurrency
        self._defaults = Defaults(executor, Retry(0) if retry is None else retry, timeout)
        self._max_deaths = max_deaths
        self._grace = grace
        self._lease_ttl = lease_ttl
        self._keeps_record = record
        self._broadcast = Broadcast()
        self._echo = _make_echo() if echo else None
        self._driver: Driver | None = None
        self._closing: Driver | None = None  # while it is being closed
        self._loads = 0
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
        self._driver = self._make_driver(
            Scheduler(self._limits, max_deaths=self._max_deaths, case_sensitive=case_sensitive)
        )
        self._loop = asyncio.get_running_loop()
        self._broadcast.open()
        self._driver.open()
        return self

    def _make_driver(self, scheduler: Scheduler) -> Driver:
        executors = make_executors(
            ExecutorSettings(
                self._workers, self._max_concurrency, self._grace, self._echo, self._libraries(), self.started_server
            )
        )
        leases = None if self._lease_ttl is None else self.storage.leases(self._lease_ttl)
        record = EngineRecorder(self.storage, {}, scheduler.owner_of) if self._keeps_record else None
        return Driver(
            scheduler,
            self.storage,
            self._defaults,
            executors,
            self._broadcast,
            leases=leases,
            grace=self._grace,
            record=record,
        )

    def _libraries(self) -> LoadedLibraries | None:
        if not self._threads_of_libraries:
            return None
        from alexflow.executors.loaded_libraries import LoadedLibraries  # deferred: seldom asked for

        return LoadedLibraries(self._threads_of_libraries)

    def _prepare_storage(self) -> bool:
        self.storage.prepare()
        return self.storage.case_sensitive

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        driver, self._driver = self._driver, None
        self._closing = driver
        if driver is not None:
            try:
                await _shielded(driver.aclose())
            finally:
                self._closing = None
                self._broadcast.close()
                if self._echo is not None:
                    await self._echo.drain()

    def kill(self) -> None:
        """Kill everything that runs, without its grace. The ``async with`` block still has to be left, and is soon.

        May be called by a signal handler.
        """
        driver = self._driver or self._closing
        if driver is not None:
            driver.kill()

    def _opened(self) -> Driver:
        if self._driver is None:
            raise EngineClosed("the engine is not open; use it inside `async with Engine(...) as engine:`")
        if asyncio.get_running_loop() is not self._loop:
            raise EngineClosed("the engine belongs to another event loop; open one in this loop")
        return self._driver

    # -- work

    async def run(
        self,
        target: Any,
        *,
        on_error: OnError = "stop",
        force: Forceable | Sequence[Forceable] | bool = (),
    ) -> Result:
        """Make a target's outputs exist.

        Args:
            target: a task, an output, a list, tuple or dict of those, or a workflow.
            on_error: ``"stop"``: at the first failure start nothing more, let running tasks end, and raise.
                ``"continue"``: run whatever does not depend on a failed task, and tell the failures in the result.
            force: tasks, task classes or outputs to compute again, together with what depends on them; True for the
                target itself.

        Raises:
            RunFailed: tasks failed (``on_error="stop"``); holds their errors.
            GraphError: the graph as described cannot be run; nothing of it has been.
        """
        driver = self._opened()
        check_on_error(on_error)
        clock = asyncio.get_running_loop().time
        started = clock()
        request = read_target(target)
        forced = self._force(driver, request, force)
        try:
            finish = await self._ask(driver, request, on_error)
            if self._echo is not None:
                await self._echo.drain()  # so that it precedes what the caller prints next
        finally:
            if forced:
                driver.inspector.forced.difference_update(forced)
        seconds = clock() - started
        if self._broadcast.has_listeners:
            self._tell_end(driver, finish, seconds)
        return self._result(request, finish, on_error, seconds)

    async def plan(self, target: Any, *, force: Forceable | Sequence[Forceable] | bool = ()) -> Plan:
        """Plan a run: what :meth:`run` would start, as things stand. Nothing runs, and the engine need not be open.

        Args:
            target: as for :meth:`run`.
            force: as for :meth:`run`.

        Raises:
            GraphError: the graph as described cannot be run.
        """
        from alexflow.engine.planning import plan_request  # deferred: most engines only run

        return await plan_request(read_target(target), self.storage, self._defaults, force)

    async def load(self, output: Output[T]) -> T:
        """Load the value of an output, which is computed first if it does not exist, or is damaged and is seen to be.

        A :class:`LocalStorage` sees damage where it was opened with ``check=True``.

        An output that exists is read without a request: the engine emits no events for it.

        Raises:
            DefinitionError: ``output`` is something else.
        """
        if not isinstance(output, Output):
            what = type(output).__qualname__
            hint = f"; load({what}(…).output())" if isinstance(output, AbstractTask) else ""
            raise DefinitionError(f"load takes an output, not a {what}{hint}")
        was_damaged = False
        self._loads += 1
        if self._loads % LOADS_PER_TURN == 0:
            await asyncio.sleep(0)  # reading what exists may wait for nothing, and the loop has other work
        if self._opened().can_read(output):
            # an output that exists is read at once: one look at the storage, and no request
            try:
                return await self._value(output)
            except OutputNotFound as error:
                if error.key not in keys_of(output):
                    raise
                was_damaged = isinstance(error, OutputDamaged)  # then it has been moved out of the way
        for looks_left in reversed(range(MAX_LOADS)):
            try:
                await self.run(output)
                return await self._value(output)
            except OutputDamaged:
                if was_damaged:
                    raise
                was_damaged = True  # it has been moved out of the way
            except (OutputNotFound, RunFailed) as error:
                if not looks_left or not _was_removed(output, error):
                    raise
                # what removes it may do so in step with the loads: a random pause gets out of step
                await asyncio.sleep(chance() * LOST_PAUSE_SECONDS)
        raise AssertionError  # for type checkers

    async def _value(self, output: Output[T]) -> T:
        try:
            return await output.assign_storage(self.storage).aload()
        except BaseException as error:
            if passes(error) or is_ours(error) or is_a(error, OSError):
                raise
            hook_failed(output, "aload()", error)

    def events(self) -> AsyncIterator[EngineEvent]:
        """Iterate over the events from now on, until the engine is closed."""
        return self._broadcast.read()

    @property
    def broadcast(self) -> Broadcast:
        """The broadcast of this engine's events."""
        return self._broadcast

    async def _ask(self, driver: Driver, request: Request, on_error: OnError) -> Finish:
        driver.entering += 1
        try:
            subjects = await collect_subjects(request, self._defaults, driver.catalog)
            task_id = running.get()
            if task_id is not None:
                _refuse_itself(subjects, task_id)
            if self._defaults.class_registry.unchecked:
                await self._check_program()
            run_id, future = driver.request(subjects, request.find, on_error)
        finally:
            driver.entered()
        try:
            finish = await future
        except BaseException as error:
            driver.record.given_up(run_id, error)
            if isinstance(error, asyncio.CancelledError):
                driver.cancel_run(run_id)
            raise
        driver.record.finished(finish)
        return finish

    async def _check_program(self) -> None:
        """Check that the script's classes, of which there are new ones, are those of this storage's results."""
        from alexflow.engine.program_notes import check_program  # deferred: most classes are of modules

        unchecked = self._defaults.class_registry.unchecked
        classes, unchecked[:] = tuple(unchecked), ()
        try:
            if self.storage.answers_at_once:
                check_program(classes, self.storage)
            else:
                await asyncio.to_thread(check_program, classes, self.storage)
        except DefinitionError:
            unchecked += classes  # the next request is refused as well
            raise

    def _force(self, driver: Driver, request: Request, force: Forceable | Sequence[Forceable] | bool) -> set[str]:
        """Force tasks. Returns the ids of those that no other request forces."""
        forced = forced_by(force, request, self._defaults)
        if forced:
            forced -= driver.inspector.forced
            driver.inspector.forced.update(forced)
        return forced

    def _tell_end(self, driver: Driver, finish: Finish, seconds: float) -> None:
        driver.emit(
            lambda: RunFinished(
                finish.run_id, finish.ran, finish.cached, len(finish.failures), len(finish.skipped), seconds
            )
        )

    def _result(self, request: Request, finish: Finish, on_error: OnError, seconds: float) -> Result:
        if finish.error is not None:
            raise finish.error
        failures = [as_task_error(task_id, error) for task_id, error in finish.failures]
        by_task = [(task_id, error) for (task_id, _), error in zip(finish.failures, failures, strict=True)]
        report = report_on(by_task, finish.skipped) if failures or finish.skipped else NOTHING_FAILED
        if failures and on_error == "stop":
            raise run_failed(failures, report)
        skipped = tuple(task_id for task_id, _ in finish.skipped)
        return Result(request.bound(self.storage), finish.ran, finish.cached, failures, skipped, seconds, report)


def _make_echo() -> OutputEcho:
    from alexflow.progress.echo import OutputEcho  # deferred: engines in services show nothing

    return OutputEcho()


def _refuse_itself(subjects: Subjects, task_id: str) -> None:
    """Refuse a request by a task for itself."""
    asked = task_id in subjects.tasks
    for output in subjects.outputs.values():
        try:
            asked = asked or output.src_task_id == task_id
        except BaseException as error:
            hook_failed(output, "src_task_id", error)
    if asked:
        raise self_deadlock(task_id)


def _was_removed(output: Output[Any], error: OutputNotFound | RunFailed) -> bool:
    """Whether the output existed, and was removed before it could be read."""
    keys = keys_of(output)
    if isinstance(error, OutputNotFound):
        return error.key in keys
    return all(isinstance(failure, OutputMissing) and failure.task_id in keys for failure in error.exceptions)


async def _shielded(work: Coroutine[Any, Any, None]) -> None:
    """Await ``work`` to its end although the caller is cancelled, even if at every turn, as cancel scopes do."""
    task = asyncio.ensure_future(work)
    cancellation: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancellation = error
    task.result()
    if cancellation is not None:
        raise cancellation
