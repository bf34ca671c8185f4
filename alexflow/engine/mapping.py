"""A stream of items to a stream of values: ``Engine.map``.

Items are taken a chunk at a time, and each chunk is one request, which costs a third of a request for each item. Values
come one by one all the same: what has been published is passed on at once, and the end of a chunk's request brings the
rest: what existed, what another engine has made, what failed. It is bounded both ways: no item is taken while as many
as the window holds are under way or have not been taken by the consumer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Generic, NamedTuple, cast

from alexflow.engine.driver import Driver
from alexflow.engine.loading import Loads
from alexflow.engine.options import OnError
from alexflow.engine.result import Result
from alexflow.errors import DefinitionError, TaskError
from alexflow.graph.outdated import has_max_age
from alexflow.hooks import SHORT_TEXT, hook_failed, repr_of
from alexflow.model import AbstractTask, Output, keys_of
from alexflow.type_vars import T

#: Items of one request, at most.
CHUNK_ITEMS = 256

#: How long an item waits for others to share its request.
GATHERING_SECONDS = 0.001


class Mapped(NamedTuple, Generic[T]):
    """An item and what came of it.

    Attributes:
        item: as the iterable gave it.
        output: its output.
        value: the output's value; None if it failed.
        error: why it failed (only with ``on_error="continue"``).
    """

    item: Any
    output: Output[T]
    value: T | None
    error: TaskError | None


class _Item:
    """An item that is under way."""

    __slots__ = ("error", "is_passed_on", "item", "number", "target", "wanted")

    def __init__(self, number: int, item: Any, target: AbstractTask | Output[Any], output: Output[Any]):
        self.number = number
        self.item = item
        self.target = target
        self.wanted = output
        self.error: TaskError | None = None
        self.is_passed_on = False


class ItemStream(Generic[T]):
    """One call of ``map``.

    Args:
        driver: of the open engine.
        loads: reads values.
        run: makes the outputs of a list exist, with ``on_error="continue"``.
        make: makes a task or an output of an item; None if items are such.
        items: the items.
        window: items that are under way or not taken, at most.
        ordered: whether values come in the order of the items.
        on_error: what a failure does.
    """

    def __init__(
        self,
        driver: Driver,
        loads: Loads,
        run: Callable[[Any], Awaitable[Result]],
        make: Callable[[Any], Any] | None,
        items: Iterable[Any] | AsyncIterable[Any],
        *,
        window: int,
        ordered: bool,
        on_error: OnError,
    ):
        self._driver = driver
        self._loads = loads
        self._run = run
        self._make = make
        self._items = items
        self._window = window
        self._chunk_size = max(1, min(CHUNK_ITEMS, window // 4))
        self._ordered = ordered
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        self._gathered: list[_Item] = []  # for the next request
        self._flush_timer: asyncio.TimerHandle | None = None
        self._ready: deque[_Item] = deque()
        self._early: dict[int, _Item] = {}  # ready before one that comes before them
        self._under_way = 0
        self._next = 0
        self._is_all = False  # items have been taken
        self._fault: BaseException | None = None
        self._changed = asyncio.Event()  # for the consumer
        self._room = asyncio.Event()  # for the intake
        self._tasks: set[asyncio.Task[None]] = set()
        self._looks = True  # whether a chunk is looked for before it is requested

    async def results(self) -> AsyncIterator[Mapped[T]]:
        """Yield what comes of the items. To leave it cancels what is under way."""
        self._spawn(self._take_in)
        try:
            while True:
                while self._ready:
                    one = self._ready.popleft()
                    self._under_way -= 1
                    self._room.set()
                    if one.error is not None and self._on_error == "stop":
                        raise one.error.with_traceback(None)
                    value = None if one.error is not None else await self._value(one)
                    yield Mapped(one.item, one.wanted, value, one.error)
                if self._fault is not None:
                    raise self._fault
                if self._is_all and not self._under_way:
                    return
                self._changed.clear()
                await self._changed.wait()
        finally:
            if self._flush_timer is not None:
                self._flush_timer.cancel()
            for task in self._tasks:
                task.cancel()

    async def _value(self, one: _Item) -> T:
        output: Output[T] = one.wanted
        return await self._loads.load(output, lambda output: self._run([output]))

    def _spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        task = self._loop.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # raised by the consumer's next step
            self._fault = self._fault or error
            self._changed.set()

    # -- items come

    async def _take_in(self) -> None:
        number = 0
        if isinstance(self._items, AsyncIterable):
            async for item in self._items:
                await self._add(number, item)
                number += 1
        else:
            for item in self._items:
                await self._add(number, item)
                number += 1
                if number % CHUNK_ITEMS == 0:
                    await asyncio.sleep(0)
        self._is_all = True
        self._flush()
        self._changed.set()

    async def _add(self, number: int, item: Any) -> None:
        while self._under_way >= self._window:
            self._flush()
            self._room.clear()
            await self._room.wait()
        self._under_way += 1
        self._gathered.append(self._described(number, item))
        if len(self._gathered) >= self._chunk_size:
            self._flush()
        elif self._flush_timer is None:
            self._flush_timer = self._loop.call_later(GATHERING_SECONDS, self._flush)

    def _described(self, number: int, item: Any) -> _Item:
        target = item if self._make is None else self._make(item)
        if isinstance(target, Output):
            return _Item(number, item, target, target)
        if not isinstance(target, AbstractTask):
            raise DefinitionError(
                f"map takes tasks or outputs, or what makes one of an item, not {repr_of(target, SHORT_TEXT)}"
            )
        try:
            output = target.output()
        except BaseException as error:
            hook_failed(target, "output()", error)
        if not isinstance(output, Output):
            cls = type(target).__qualname__
            raise DefinitionError(
                f"map gives the value of one output, and {cls} has not just one; choose it: "
                f"engine.map(lambda item: {cls}(item).output()[…], items)"
            )
        return _Item(number, item, target, output)

    def _flush(self) -> None:
        """Request what has been gathered."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        if self._gathered:
            chunk, self._gathered = self._gathered, []
            self._spawn(partial(self._request, chunk))

    # -- values come

    async def _request(self, chunk: list[_Item]) -> None:
        if self._looks:
            chunk = await self._without_existing(chunk)
        if not chunk:
            return
        by_task: dict[str, list[_Item]] = {}
        for one in chunk:
            by_task.setdefault(_task_id(one), []).append(one)
        awaited = self._driver.task_events.awaited
        for task_id, of_task in by_task.items():
            awaited.setdefault(task_id, []).append(partial(self._pass_on, of_task))
        try:
            result = await self._run([one.target for one in chunk])
        finally:
            for task_id in by_task:
                awaited.pop(task_id, None)
        self._looks = result.cached > 0
        errors = _errors_of(result)
        for task_id, of_task in by_task.items():
            for one in of_task:
                one.error = errors.get(task_id)
            self._pass_on(of_task)

    async def _without_existing(self, chunk: list[_Item]) -> list[_Item]:
        """Pass on the items whose outputs exist, and return the others."""
        there = [one for one in chunk if self._driver.can_read(one.wanted) and not has_max_age((one.wanted,))]
        found = await self._loads.existing([key for one in there for key in keys_of(one.wanted)])
        present = [one for one in there if found.issuperset(keys_of(one.wanted))]
        self._pass_on(present)
        self._looks = bool(present)
        return [one for one in chunk if not one.is_passed_on]

    def _pass_on(self, items: Iterable[_Item]) -> None:
        """Pass items on whose outputs exist, or that have failed."""
        for one in items:
            if one.is_passed_on:
                continue
            one.is_passed_on = True
            if not self._ordered:
                self._ready.append(one)
                continue
            self._early[one.number] = one
            while self._next in self._early:
                self._ready.append(self._early.pop(self._next))
                self._next += 1
        if self._ready:
            self._changed.set()


def _task_id(one: _Item) -> str:
    try:
        return one.wanted.src_task_id
    except BaseException as error:
        hook_failed(one.wanted, "src_task_id", error)


def _errors_of(result: Result) -> dict[str, TaskError]:
    """Return the error of each task that has not run, by id; for one that was skipped, that of the task it needs."""
    errors = {error.task_id: error for error in result.failures}
    for failed in result.report.failures:
        error = errors.get(failed.task_id)
        if error is not None:
            errors.update(dict.fromkeys(failed.skipped, error))
    if result.failures:
        for task_id in result.skipped_tasks:
            errors.setdefault(task_id, result.failures[0])
    return errors


def mapped_by(
    first: Any, items: Iterable[Any] | AsyncIterable[Any] | None
) -> tuple[Callable[[Any], Any] | None, Iterable[Any] | AsyncIterable[Any]]:
    """Distinguish ``map(make, items)`` from ``map(tasks)``.

    Raises:
        DefinitionError: it is neither.
    """
    if items is not None:
        if not callable(first):
            raise DefinitionError(f"map takes a class of tasks or a function first, not {repr_of(first, SHORT_TEXT)}")
        make: Callable[[Any], Any] | None = cast(Callable[[Any], Any], first)
    else:
        make, items = None, first
    if not isinstance(items, (Iterable, AsyncIterable)):
        raise DefinitionError(f"map takes an iterable of items, not {repr_of(items, SHORT_TEXT)}")
    return make, items
