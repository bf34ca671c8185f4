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
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, cast

from alexflow.arguments import check_bool, check_whole
from alexflow.engine.driver import Driver
from alexflow.engine.loading import LOADS_PER_LOOK, LOADS_PER_TURN, Loads
from alexflow.engine.options import REQUEST_KEYWORDS, OnError, check_on_error, check_request
from alexflow.engine.result import Result
from alexflow.engine.run_failures import as_task_error
from alexflow.engine.targets import Request
from alexflow.errors import DefinitionError, OutputNotFound, TaskError
from alexflow.graph.outdated import has_max_age
from alexflow.hooks import SHORT_TEXT, hook_error, hook_failed, is_a, passes, repr_of
from alexflow.model import AbstractTask, Output, keys_of
from alexflow.scheduler.instructions import Finish
from alexflow.type_vars import T

if TYPE_CHECKING:
    from alexflow.engine.keywords import RequestKeywords

#: Items of one request, at most.
CHUNK_ITEMS = 256

#: Items whose outputs are looked for between two turns of the event loop, where the storage answers at once.
LOOKED_FOR_PER_TURN = 32

#: Values that are loaded at once from a storage that is a server.
LOADS_AHEAD = 16

#: What gives the next item, by whether items are awaited.
_NEXT = {False: "__next__()", True: "__anext__()"}

#: How long an item waits for others to share its request, and room in the window for more of it, while others are under
#: way: a request costs as much as several items.
GATHERING_SECONDS = 0.01


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

    __slots__ = ("error", "is_passed_on", "item", "loading", "number", "target", "wanted")

    def __init__(self, number: int, item: Any, target: AbstractTask | Output[Any], output: Output[Any]):
        self.number = number
        self.item = item
        self.target = target
        self.wanted = output
        self.error: TaskError | None = None
        self.is_passed_on = False
        self.loading: asyncio.Future[Any] | None = None  # ahead of the consumer


class ItemStream(Generic[T]):
    """One call of ``map``.

    Args:
        driver: of the open engine.
        loads: reads values.
        ask: makes a request of a list's targets, with ``on_error="continue"``.
        run: makes the outputs of a list exist.
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
        ask: Callable[[Request], Awaitable[Finish]],
        run: Callable[[Any], Awaitable[Result]],
        make: Callable[[Any], Any] | None,
        items: Iterable[Any] | AsyncIterable[Any],
        *,
        window: int,
        ordered: bool,
        on_error: OnError,
    ):
        self._driver = driver
        self._intake = driver.intake
        self._loads = loads
        self._ask = ask
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
        self._taken = 0
        self._next = 0
        self._is_all = False  # items have been taken
        self._fault: BaseException | None = None
        self._changed = asyncio.Event()  # for the consumer
        self._room = asyncio.Event()  # for the intake
        self._is_full = False
        self._room_timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Future[Any]] = set()
        self._looks = True  # whether a chunk is looked for before it is requested

    async def results(self) -> AsyncIterator[Mapped[T]]:
        """Yield what comes of the items. To leave it cancels what is under way."""
        self._spawn(self._take_in)
        ready, loads_ahead = self._ready, not self._loads.are_at_once
        try:
            while True:
                while ready:
                    if loads_ahead:
                        self._load_ahead()
                    one = ready.popleft()
                    self._taken += 1
                    if self._taken % LOADS_PER_LOOK == 0 and (
                        self._taken % LOADS_PER_TURN == 0 or self._intake.is_over()
                    ):
                        await asyncio.sleep(0)
                    value = await self._value(one) if one.error is None else None
                    self._under_way -= 1
                    if self._is_full:
                        self._make_room()
                    if one.error is not None and self._on_error == "stop":
                        raise one.error.with_traceback(None)
                    yield Mapped(one.item, one.wanted, value, one.error)
                if self._fault is not None:
                    raise self._fault
                if self._is_all and not self._under_way:
                    return
                self._changed.clear()
                await self._changed.wait()
        finally:
            for timer in (self._flush_timer, self._room_timer):
                if timer is not None:
                    timer.cancel()
            for task in self._tasks:
                task.cancel()

    # -- values are loaded

    async def _value(self, one: _Item) -> T | None:
        """Load the value of an item that has been made; None if it has failed since."""
        output: Output[T] = one.wanted
        try:
            if one.loading is not None:
                loaded: T = await one.loading
                return loaded
            try:
                return await self._loads.value(output)
            except OutputNotFound:
                return await self._load_again(output)
        except TaskError as error:
            one.error = error
            return None

    async def _load_again(self, output: Output[T]) -> T:
        """Load a value that was removed meanwhile."""
        return await self._loads.load(output, lambda output: self._run([output]))

    async def _loaded(self, output: Output[T]) -> T:
        try:
            return await self._loads.value(output)
        except OutputNotFound:
            return await self._load_again(output)

    def _load_ahead(self) -> None:
        """Load some at the same time, as each waits for a server."""
        for one in islice(self._ready, LOADS_AHEAD):
            if one.loading is None and one.error is None:
                one.loading = self._loop.create_task(self._loaded(one.wanted))
                self._tasks.add(one.loading)
                one.loading.add_done_callback(self._has_loaded)

    def _has_loaded(self, loading: asyncio.Future[Any]) -> None:
        self._tasks.discard(loading)
        if not loading.cancelled():
            loading.exception()  # raised to the consumer, if there still is one

    # -- work beside the consumer

    def _spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        task = self._loop.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except BaseException as error:  # raised by the consumer's next step
            if passes(error):
                raise
            if not is_a(error, Exception):  # it would end the consumer's task, or the loop
                error = hook_error(self._items, _NEXT[isinstance(self._items, AsyncIterable)], error)
            self._fault = self._fault or error
            self._changed.set()

    # -- items come

    async def _take_in(self) -> None:
        number = 0
        if isinstance(self._items, AsyncIterable):
            async for item in self._items:
                if self._under_way >= self._window:
                    await self._has_room()
                self._add(number, item)
                number += 1
        else:
            for item in self._items:
                if self._under_way >= self._window:
                    await self._has_room()
                self._add(number, item)
                number += 1
                if self._intake.is_over():
                    await asyncio.sleep(0)
        self._is_all = True
        self._flush()
        self._changed.set()

    async def _has_room(self) -> None:
        while self._under_way >= self._window:  # what has been gathered is requested with what comes next, or soon
            self._room.clear()
            self._is_full = True
            await self._room.wait()

    def _make_room(self) -> None:
        """Let the intake go on: at once if a whole chunk has room, else soon."""
        if self._under_way <= self._window - self._chunk_size:
            self._let_in()
        elif self._room_timer is None:
            self._room_timer = self._loop.call_later(GATHERING_SECONDS, self._let_in)

    def _let_in(self) -> None:
        self._is_full = False
        self._room.set()
        if self._room_timer is not None:
            self._room_timer.cancel()
            self._room_timer = None

    def _add(self, number: int, item: Any) -> None:
        try:
            target = item if self._make is None else self._make(item)
        except Exception as error:  # the consumer gets it as it is
            error.add_note(f"It was raised as Engine.map made a task of item {number}, {repr_of(item, SHORT_TEXT)}.")
            raise
        except BaseException as error:
            hook_failed(self._make, "__call__()", error)
        output = target if isinstance(target, Output) else _only_output(target)
        self._under_way += 1
        self._gathered.append(_Item(number, item, target, output))
        if len(self._gathered) >= self._chunk_size:
            self._flush()
        elif self._flush_timer is None:
            wait = GATHERING_SECONDS if self._under_way > len(self._gathered) else 0.0
            self._flush_timer = self._loop.call_later(wait, self._flush)

    def _flush(self) -> None:
        """Request what has been gathered."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        if self._gathered:
            chunk, self._gathered = self._gathered, []
            self._spawn(partial(self._request, chunk))

    # -- outputs are made

    async def _request(self, chunk: list[_Item]) -> None:
        if self._looks:
            chunk = await self._without_existing(chunk)
        if not chunk:
            return
        by_task: dict[str, list[_Item]] = {}
        for one in chunk:
            try:
                by_task.setdefault(one.wanted.src_task_id, []).append(one)
            except BaseException as error:
                hook_failed(one.wanted, "src_task_id", error)
        awaited = self._driver.task_events.awaited
        for task_id, of_task in by_task.items():
            awaited.setdefault(task_id, []).append(partial(self._pass_on, of_task))
        try:
            finish = await self._ask(_request_of(chunk))
        finally:
            for task_id in by_task:
                awaited.pop(task_id, None)
        if finish.error is not None:
            raise finish.error
        self._looks = finish.cached > 0
        errors = _errors_of(finish)
        for task_id, of_task in by_task.items():
            if not of_task[0].is_passed_on:
                for one in of_task:
                    one.error = errors.get(task_id)
                self._pass_on(of_task)

    async def _without_existing(self, chunk: list[_Item]) -> list[_Item]:
        """Pass on the items whose outputs exist, and return the others."""
        self._looks = False
        there = [one for one in chunk if self._driver.can_read(one.wanted) and not has_max_age((one.wanted,))]
        at_once = LOOKED_FOR_PER_TURN if self._loads.are_at_once else max(len(there), 1)
        for start in range(0, len(there), at_once):
            if start and self._intake.is_over():
                await asyncio.sleep(0)
            some = there[start : start + at_once]
            found = await self._loads.existing([key for one in some for key in keys_of(one.wanted)])
            present = [one for one in some if found.issuperset(keys_of(one.wanted))]
            self._pass_on(present)
            self._looks = self._looks or bool(present)
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
        if self._ready and not self._changed.is_set():
            self._changed.set()


def _only_output(target: object) -> Output[Any]:
    """Return the one output of a task.

    Raises:
        DefinitionError: it is no task, or has several.
    """
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
    return output


def _request_of(chunk: list[_Item]) -> Request:
    """Make the request of some items."""
    tasks = [one.target for one in chunk if isinstance(one.target, AbstractTask)]
    outputs = [one.target for one in chunk if isinstance(one.target, Output)]
    request = Request(tasks, outputs, chunk)
    request.given.update((id(one.target), one.wanted) for one in chunk if one.target is not one.wanted)
    return request


def _errors_of(finish: Finish) -> dict[str, TaskError]:
    """Return the error of each task that has not run, by id; for one that was skipped, that of the task it needs."""
    errors = {task_id: as_task_error(task_id, error) for task_id, error in finish.failures}
    for task_id, failed_id in finish.skipped:
        error = errors.get(failed_id) or next(iter(errors.values()), None)
        if error is not None:
            errors.setdefault(task_id, error)
    return errors


def check_mapped(window: object, ordered: object, on_error: object, request: RequestKeywords) -> None:
    """Check the keywords of ``map`` before an item is taken.

    Raises:
        DefinitionError: a value is invalid.
        TypeError: a keyword is unknown.
    """
    check_on_error(on_error)
    check_request("map", request, REQUEST_KEYWORDS)
    check_bool("ordered", ordered)
    check_whole("window", window)


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
        hint = f"; map({first.__qualname__}, items)" if make is None and isinstance(first, type) else ""
        raise DefinitionError(f"map takes an iterable of items, not {repr_of(items, SHORT_TEXT)}{hint}")
    return make, items
