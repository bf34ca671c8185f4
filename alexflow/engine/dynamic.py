"""Running dynamic tasks: calls ``generate`` and takes its children as the scheduler has room for them.

A plain ``generate``, and a plain iterator, run in a thread, because they may read inputs and compute; async ones run on
the loop. Children are passed on one by one as they come, not when a batch is full: a task that is known can start.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from functools import cached_property, partial
from typing import Any, Protocol, cast

from anyio import CapacityLimiter, to_thread

from alexflow.cards.pending import awrite_pending, pending
from alexflow.checkpoints.in_use import aremove_used, in_use
from alexflow.errors import DefinitionError, OutputMissing, TaskTimeout
from alexflow.executors.attempt import bind, bind_input
from alexflow.executors.attempt_host import AttemptFacts, host
from alexflow.executors.captured_error import capture_error, not_done
from alexflow.executors.deferred_outputs import publish_deferred
from alexflow.executors.enclosing_tasks import around, enclosing, running
from alexflow.executors.interface import GRACE
from alexflow.executors.request_context import RequestContext
from alexflow.executors.task_context import TaskContext
from alexflow.executors.task_report import Reports, TaskReport
from alexflow.forks import contained, end_fork, this_process
from alexflow.graph import Described, Subjects
from alexflow.hooks import SHORT_TEXT, a_thing, exact_name, hook_failed, is_ctrl_c, note_hook, original, passes, repr_of
from alexflow.logs import logger
from alexflow.model import AbstractTask, DynamicTask
from alexflow.model.mutation import check_unchanged
from alexflow.scheduler.events import Cancelled, Event, Failed, Generated, InputsLost, Reason, Succeeded
from alexflow.storage import Storage, Transaction

#: Children that are taken from a generator between two instructions of the scheduler.
CHILDREN_PER_PULL = 256

#: Plain generators that may compute at once.
MAX_THREADS = 8


#: ``await in_thread(function, *arguments)`` calls a blocking function away from the event loop.
InThread = Callable[..., Awaitable[Any]]


class Post(Protocol):
    """Takes events for the scheduler, with the users' objects behind them."""

    def __call__(self, event: Event, subjects: Subjects = ..., /) -> None: ...


_END: Any = object()


class GeneratorThreads:
    """Threads for plain generators; one that is abandoned runs to its end."""

    @cached_property
    def _limiter(self) -> CapacityLimiter:
        return CapacityLimiter(MAX_THREADS)  # made when it is first needed: it belongs to the loop

    async def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call ``function`` in one of them."""
        work = partial(_caught, contained, function, *arguments)
        result, error = await to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=True)
        if error is not None:
            raise error
        return result


def _caught(function: Callable[..., Any], *arguments: Any) -> tuple[Any, BaseException | None]:
    """Return a function's value or exception, both as a result: a future refuses some exceptions."""
    try:
        return function(*arguments), None
    except BaseException as error:
        return None, error


class Generators:
    """All dynamic tasks that run in an engine.

    Args:
        storage: holds their inputs.
        post: called on the loop with events for the scheduler, and the children behind them.
        in_thread: runs plain generators.
        grace: seconds that they get to end when the engine is closed.
    """

    def __init__(self, storage: Storage, post: Post, in_thread: InThread | None = None, *, grace: float = GRACE):
        self._grace = grace
        self._storage = storage
        self._post = post
        self._in_thread = in_thread or GeneratorThreads()
        # tasks see the context in which the engine was opened, not that of the request
        self._context = contextvars.copy_context()
        self._context.run(around.set, enclosing())
        self._live: dict[str, Generator] = {}

    def start(self, described: Described, *, replace: bool = False, request: RequestContext | None = None) -> None:
        """Call ``generate``; with ``replace``, outputs that exist are replaced in the end."""
        context = self._context.copy()
        if request is not None:
            context.run(request.enter, described.spec.task_id)
        generator = Generator(described, self._storage, self._post, self._in_thread, context, replace=replace)
        self._live[described.spec.task_id] = generator
        generator.pull()

    def pull(self, task_id: str) -> None:
        """Take further children."""
        self._live[task_id].pull()

    def close(self, task_id: str, held: Mapping[str, str]) -> None:
        """Publish what the children have made for a dynamic task, and check that its own outputs exist."""
        self._live[task_id].close(held)

    def cancel(self, task_id: str) -> bool:
        """Stop a dynamic task. Returns whether it was running."""
        generator = self._live.pop(task_id, None)
        if generator is None:
            return False
        generator.stop()
        self._post(Cancelled((task_id,)))
        return True

    def forget(self, task_id: str) -> None:
        """Drop a dynamic task that is over."""
        generator = self._live.pop(task_id, None)
        if generator is not None:
            generator.stop()

    async def aclose(self) -> None:
        """Stop all, and wait for their ends."""
        generators, self._live = list(self._live.values()), {}
        for generator in generators:
            generator.stop()
        ends = {asyncio.create_task(generator.stopped()): generator for generator in generators}
        if ends:
            _, late = await asyncio.wait(ends, timeout=self._grace)
            for end in late:
                end.cancel()
                ends[end].abandon()


class Generator(TaskContext):
    """One dynamic task that runs."""

    def __init__(
        self,
        described: Described,
        storage: Storage,
        post: Post,
        in_thread: InThread,
        context: contextvars.Context,
        *,
        replace: bool,
    ):
        self._task = cast(DynamicTask, described.task)
        self._task_id = described.spec.task_id
        self._outputs = described.spec.outputs
        self._timeout = described.timeout
        self._storage = storage
        self._serves = dict(described.spec.serves)  # it may be a child of another dynamic task, and make its outputs
        self._transaction = Transaction(storage, replace=replace)
        self._transaction.hold(self._serves)
        self._post = post
        self._in_thread = in_thread
        self._context = context  # the same for its whole life
        context.run(running.set, self)
        self._loop = asyncio.get_running_loop()
        self._given: Iterator[Any] | AsyncIterator[Any] | None = None
        self._arrived: deque[tuple[str, AbstractTask]] = deque()  # filled by a thread, emptied by the loop
        self._stopped = False
        self._work: asyncio.Task[None] | None = None
        self._deadline: float | None = None
        self._reports: Reports | None = None
        self._count = 0  # of children
        self._began = 0.0  # the current step
        self._took = 0.0  # all steps before it

    @property
    def task_id(self) -> str:
        return self._task_id

    @property
    def storage(self) -> Storage:
        return self._storage

    @property
    def facts(self) -> AttemptFacts:
        return host.get().facts_of(self._task_id)

    @property
    def deadline(self) -> float | None:
        """The end of the time that ``generate`` may take to give more tasks."""
        return self._deadline

    def stop_requested(self) -> bool:
        """Whether it has been stopped; unlike others it is interrupted all the same."""
        return self._stopped

    def is_pruned(self) -> bool:
        """Dynamic tasks are not pruned: what they have given is."""
        return False

    def report(self, report: TaskReport) -> None:
        if self._reports is None:
            self._reports = Reports(partial(host.get().reported_here, self._task_id))
        self._reports.add(report)

    def pull(self) -> None:
        """Take further children."""
        self._work = self._loop.create_task(self._guarded(self._pull_in_time), context=self._context)

    def close(self, held: Mapping[str, str]) -> None:
        """Publish what ``generate`` itself stored and what is held for it, and check that all outputs exist."""
        self._work = self._loop.create_task(self._guarded(partial(self._close, held)), context=self._context)

    def stop(self) -> None:
        """Cancel the current step."""
        self._stopped = True
        if self._work is not None:
            self._work.cancel()
        self._arrived.clear()

    def abandon(self) -> None:
        """Stop waiting for code that was cancelled and does not end."""
        logger.warning("%s: abandoned; generate() still runs although the engine is closed", self._task_id)
        if self._work is not None:
            asyncio._unregister_task(self._work)  # at the end of a program, asyncio.run waits for registered tasks

    async def stopped(self) -> None:
        """Wait for the end of the current step."""
        if self._work is not None:
            await asyncio.wait([self._work])
        try:
            if isinstance(self._given, AsyncGenerator):
                await self._given.aclose()
        except BaseException as error:  # of the user's code; it has no effect any more
            if passes(error):
                raise
            logger.warning(
                "%s: generate() failed while it was being closed: %s", self._task_id, repr_of(error, SHORT_TEXT)
            )

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        process = this_process.generation
        self._began = self._loop.time()
        try:
            await work()  # called here: if this is cancelled before it begins, no coroutine is left unawaited
            if this_process.generation != process:
                end_fork()
        except BaseException as error:  # of the user's code: the task's failure, exits and cancellations included
            if this_process.generation != process:
                end_fork(error)
            if is_ctrl_c(error):
                raise
            self._arrived.clear()
            pending.pop(self._task_id, None)  # the cards
            await self._flush_reports()
            await self._discard()
            if self._stopped:
                raise
            self._post(self._failed(original(error)))
        finally:
            self._took = self._seconds()

    def _seconds(self) -> float:
        """Return the time in ``generate`` and in publishing, without that of what it gave."""
        return self._took + self._loop.time() - self._began

    async def _flush_reports(self) -> None:
        """Pass on what it has reported last, before its end is posted."""
        if self._reports is not None:
            self._reports.flush()
            await asyncio.sleep(0)

    async def _discard(self) -> None:
        try:
            await self._transaction.adiscard_all()
        except BaseException as error:  # of the storage: the failure is reported all the same
            if passes(error):
                raise
            logger.warning(
                "%s: its staged outputs could not be discarded: %s", self._task_id, repr_of(error, SHORT_TEXT)
            )

    def _failed(self, error: BaseException) -> Event:
        if type(error) is TaskTimeout:
            return Failed(self._task_id, error, "error", seconds=self._seconds())
        fault = capture_error(error, travels=False)
        outcome = not_done(self._task_id, self._task, fault, cause=error)
        if fault.missing_input:
            return InputsLost(self._task_id, (fault.missing_input,), outcome.error)
        reason: Reason = "fatal" if outcome.reason == "fatal" else "error"
        return Failed(self._task_id, outcome.error, reason, seconds=self._seconds())

    async def _pull_in_time(self) -> None:
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                self._deadline = limit.when()
                await self._pull()
        except TimeoutError as error:
            if not limit.expired():
                raise  # raised by the user's code
            message = f"generate() took longer than its timeout of {self._timeout:g} s"
            raise TaskTimeout(self._task_id, message, summary=repr_of(self._task)) from error

    async def _pull(self) -> None:
        if self._given is None:
            self._given = await self._call_generate()
        if isinstance(self._given, AsyncIterator):
            last = await self._take_async(self._given)
        else:
            last = await self._in_thread(self._take_in_thread, self._given)
        self._hand_on()
        self._post(Generated(self._task_id, paused=True, last=last))

    async def _call_generate(self) -> Iterator[Any] | AsyncIterator[Any]:
        check_unchanged(self._task, self._task_id)
        hook = "input()"
        try:
            input = bind_input(self._task.input(), self._storage, self._task)
            hook = "output()"
            output = bind(self._task.output(), self._transaction)
        except BaseException as error:
            note_hook(self._task, hook, error)
            raise
        generate: Callable[[Any, Any], Any] = self._task.generate
        if inspect.isasyncgenfunction(generate) or inspect.iscoroutinefunction(generate):
            given = generate(input, output)
        else:
            given = await self._in_thread(generate, input, output)
        if inspect.isawaitable(given):
            given = await given
        if given is None:
            return iter(())
        if isinstance(given, AbstractTask):
            return iter((given,))
        if isinstance(given, AsyncIterable):
            return aiter(given)
        if isinstance(given, Iterable):
            return iter(given)
        raise DefinitionError(
            f"{type(self._task).__qualname__}.generate gave {a_thing(type(given).__qualname__)}; "
            f"it gives a task, a list, or an (async) iterator of tasks"
        )

    async def _take_async(self, given: AsyncIterator[Any]) -> bool:
        for _ in range(CHILDREN_PER_PULL):
            task = await anext(given, _END)
            if task is _END:
                return True
            self._arrive(task, self._loop.call_soon)
        return False

    def _take_in_thread(self, given: Iterator[Any]) -> bool:
        for _ in range(CHILDREN_PER_PULL):
            if self._stopped:  # the thread has been abandoned
                break
            task = next(given, _END)
            if task is _END:
                return True
            self._arrive(task, self._loop.call_soon_threadsafe)
        return False

    def _arrive(self, task: Any, call_soon: Callable[[Callable[[], None]], Any]) -> None:
        if not isinstance(task, AbstractTask):
            raise DefinitionError(
                f"{type(self._task).__qualname__}.generate gave {a_thing(type(task).__qualname__)} "
                "where a task is wanted"
            )
        try:
            task_id = exact_name(task, "task_id", task.task_id)  # here, where it does not block the loop
        except BaseException as error:
            hook_failed(task, "task_id", error)
        self._arrived.append((task_id, task))
        if len(self._arrived) == 1:
            call_soon(self._hand_on)

    def _hand_on(self) -> None:
        tasks: dict[str, AbstractTask] = {}
        while self._arrived:  # emptied in place: the thread may be about to append
            task_id, task = self._arrived.popleft()
            tasks[task_id] = task
        if tasks:
            self._count += len(tasks)
            self._post(Generated(self._task_id, tuple(tasks)), Subjects({}, tasks, {}))

    async def _close(self, held: Mapping[str, str]) -> None:
        await self._transaction.apublish_all()
        if held:
            there = {self._serves.get(key, key): place for key, place in held.items()}
            await publish_deferred(self._storage, there, replace=self._transaction.replaces)
        missing = set(self._outputs) - await self._storage.aexists_many(self._outputs)
        if missing:
            raise OutputMissing(
                self._task_id,
                f"everything that generate() gave is done, but nothing stored {', '.join(sorted(missing))}",
                summary=repr_of(self._task),
            )
        if pending:
            await awrite_pending(self._storage, self._task_id)
        if in_use:
            await aremove_used(self._task_id)
        await self._flush_reports()
        stored = tuple(self._transaction.stored.items())
        self._post(Succeeded((self._task_id,), self._count, self._seconds(), stored))
