"""A stream of items to a stream of values."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, MemoryStorage, Output, Task, TaskError
from alexflow.engine.mapping import LOADS_AHEAD, Mapped
from alexflow.errors import DefinitionError, HookError
from alexflow.events import RunStarted
from tests.engine.dynamic_tasks import Gives
from tests.engine.workflows import BreaksOnLoop, ProcessStep, SlowOnLoop, Step, ran
from tests.kit.turns import until

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def none_has_run() -> None:
    ran.clear()


async def rows(count: int) -> AsyncIterator[int]:
    for n in range(count):
        yield n


@dataclass(frozen=True)
class Waits(Task):
    """Ends when its gate is opened; the gates are of this test's loop."""

    n: int

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: None, output: Output[int]) -> None:
        await GATES.setdefault(self.n, asyncio.Event()).wait()
        await output.astore(self.n)


GATES: dict[int, asyncio.Event] = {}


async def all_of(stream: AsyncIterator[Mapped[Any]]) -> list[Mapped[Any]]:
    return [one async for one in stream]


@pytest.mark.parametrize("count", [0, 1, 5, 3000])
@pytest.mark.parametrize("window", [1, 7, 1000])
async def test_all_come_once(count: int, window: int) -> None:
    if count * 100 > window * 30_000:
        pytest.skip("the same with fewer")
    async with Engine(MemoryStorage()) as engine:
        found = await all_of(engine.map(Step, range(count), window=window))
        assert sorted(one.value for one in found) == list(range(count))
        assert all(one.item == one.value and one.error is None for one in found)
        again = await all_of(engine.map(Step, rows(count), window=window, ordered=True))
    assert [one.value for one in again] == list(range(count))
    assert len(ran) == count  # what exists is not computed again


@pytest.mark.processes
async def test_tasks_in_processes(place: str) -> None:
    async with Engine(place, workers=2) as engine:
        found = await all_of(engine.map(ProcessStep, range(300), window=100, ordered=True))
        assert [one.value for one in found] == list(range(300))


async def test_tasks_and_outputs_instead_of_items() -> None:
    async with Engine(MemoryStorage()) as engine:
        tasks = [Step(n) for n in range(10)]
        assert [one.value async for one in engine.map(tasks, ordered=True)] == list(range(10))
        outputs = (task.output() for task in tasks)
        async for item, output, value, error in engine.map(outputs, ordered=True):
            assert item is output
            assert (value, error) == (tasks[value].n, None)
        made = engine.map(lambda n: Step(n).output(), range(3), ordered=True)
        assert [one.value async for one in made] == [0, 1, 2]
        assert [one.value async for one in engine.map([Step(1), Step(1)])] == [1, 1]


async def test_values_come_as_they_are_there() -> None:
    GATES.clear()
    async with Engine(MemoryStorage()) as engine, aclosing(engine.map(Waits, range(5))) as stream:
        first = asyncio.ensure_future(anext(stream))
        await until(lambda: len(GATES) == 5)
        assert not first.done()
        GATES[3].set()
        assert (await first).value == 3
        GATES[0].set()
        assert (await anext(stream)).value == 0


async def test_they_come_in_order_if_asked_for() -> None:
    GATES.clear()
    async with Engine(MemoryStorage()) as engine, aclosing(engine.map(Waits, range(3), ordered=True)) as stream:
        first = asyncio.ensure_future(anext(stream))
        await until(lambda: len(GATES) == 3)
        GATES[2].set()
        GATES[1].set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert not first.done()
        GATES[0].set()
        assert [(await first).value, (await anext(stream)).value, (await anext(stream)).value] == [0, 1, 2]


async def test_no_more_is_taken_than_the_window_holds() -> None:
    taken = 0

    def source() -> Iterator[int]:
        nonlocal taken
        for n in range(100_000):
            taken += 1
            yield n

    async with Engine(MemoryStorage()) as engine:
        read = 0
        async with aclosing(engine.map(Step, source(), window=50)) as stream:
            async for _ in stream:
                read += 1
                await asyncio.sleep(0)
                assert taken <= read + 50 + 1  # one has been taken from the source and waits for room
                if read == 500:
                    break


async def test_to_leave_cancels() -> None:
    async with Engine(MemoryStorage(), max_concurrency=4) as engine:
        async for one in engine.map([Step(1), *(SlowOnLoop(n) for n in range(20))]):
            assert one.value == 1
            break
        await until(lambda: not engine.stats().runs)
        assert engine._driver is not None
        assert not engine._driver.task_events.awaited


async def test_failures_stop_it_or_are_given() -> None:
    async with Engine(MemoryStorage()) as engine:
        broken = BreaksOnLoop(1)
        tasks = [Step(1), broken, BreaksOnLoop(2, (broken.output(),)), Step(2)]
        found = await all_of(engine.map(tasks, ordered=True, on_error="continue"))
        assert [one.value for one in found] == [1, None, None, 2]
        assert [one.error.task_id if one.error else "" for one in found] == ["", broken.task_id, broken.task_id, ""]
        with pytest.raises(TaskError, match="broken 1"):
            await all_of(engine.map(tasks))


async def test_an_error_of_the_source_is_raised() -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        raise ValueError("the end of the world")

    async with Engine(MemoryStorage()) as engine:
        with pytest.raises(ValueError, match="the end of the world"):
            await all_of(engine.map(Step, source()))


@pytest.mark.parametrize("on_error", ["stop", "continue"])
async def test_an_error_of_what_makes_tasks_is_raised_and_names_the_item(on_error: Any) -> None:
    def make(n: int) -> Step:
        return Step(n // (2 - n))

    async with Engine(MemoryStorage()) as engine:
        with pytest.raises(ZeroDivisionError) as raised:
            await all_of(engine.map(make, range(5), on_error=on_error))
        assert raised.value.__notes__ == ["It was raised as Engine.map made a task of item 2, 2."]
        await until(lambda: not engine.stats().runs)


class Left(BaseException):
    """An exception that no `except Exception` sees."""


def raising(error: BaseException) -> Iterator[int]:
    yield 0
    raise error


async def raising_later(error: BaseException) -> AsyncIterator[int]:
    yield 0
    raise error


def raise_it(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize("kind", [asyncio.CancelledError, KeyboardInterrupt, SystemExit, Left])
async def test_what_a_source_raises_ends_neither_the_loop_nor_others(kind: type[BaseException]) -> None:
    sources = {
        "generator.__next__": lambda engine: engine.map(Step, raising(kind())),
        "async_generator.__anext__": lambda engine: engine.map(Step, raising_later(kind())),
        "function.__call__": lambda engine: engine.map(raise_it, [kind()]),
    }
    async with Engine(MemoryStorage(), executor="thread") as engine, asyncio.timeout(30):
        for hook, source in sources.items():
            with pytest.raises(HookError, match=hook):
                async for _ in source(engine):
                    pass
        assert await engine.load(Step(1).output()) == Step(1).n


async def test_what_cannot_be_mapped() -> None:
    async with Engine(MemoryStorage()) as engine:
        with pytest.raises(DefinitionError, match="map takes a class of tasks or a function first, not 3"):
            engine.map(3, [1])  # type: ignore[arg-type]
        with pytest.raises(DefinitionError, match="map takes an iterable of items, not 3"):
            engine.map(Step, 3)  # type: ignore[arg-type]
        with pytest.raises(DefinitionError, match="window must be a whole number of at least 1"):
            engine.map(Step, [1], window=0)
        with pytest.raises(DefinitionError, match="map takes tasks or outputs, or what makes one of an item, not 1"):
            await all_of(engine.map([1]))
        with pytest.raises(DefinitionError, match="has not just one; choose it"):
            await all_of(engine.map([Gives("list", 3)]))


async def test_an_async_source_that_waits_holds_nothing_back() -> None:
    more = asyncio.Event()

    async def source() -> AsyncIterator[int]:
        yield 1
        await more.wait()
        yield 2

    async with Engine(MemoryStorage()) as engine, aclosing(engine.map(Step, source())) as stream:
        assert (await anext(stream)).value == 1
        more.set()
        assert (await anext(stream)).value == 2


class Server(MemoryStorage):
    """Waits before it gives anything to be read, and counts how many reads wait at once."""

    answers_at_once = False

    def __init__(self) -> None:
        super().__init__()
        self.waiting = self.most = 0

    async def aread(self, key: str) -> bytes:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        for _ in range(5):
            await asyncio.sleep(0)
        self.waiting -= 1
        return await super().aread(key)


@pytest.mark.parametrize("ordered", [False, True])
async def test_values_of_a_server_are_read_at_the_same_time(ordered: bool) -> None:
    storage = Server()
    async with Engine(storage) as engine:
        found = await all_of(engine.map(Step, range(100), ordered=ordered))
        assert sorted(one.value for one in found) == list(range(100))
        assert 1 < storage.most <= LOADS_AHEAD
        storage.most = 0
        async for _ in engine.map(Step, range(100)):
            break
    assert storage.waiting <= LOADS_AHEAD


async def test_what_is_removed_before_it_is_read_is_made_again() -> None:
    storage = MemoryStorage()
    async with Engine(storage) as engine, aclosing(engine.map(Step, range(3), ordered=True)) as stream:
        assert (await anext(stream)).value == 0
        storage.remove_many([Step(n).output().key for n in range(3)])
        assert [one.value async for one in stream] == [1, 2]
    assert sorted(ran) == ["step-0", "step-1", "step-1", "step-2", "step-2"]


async def test_few_requests_are_made_for_many_items() -> None:
    async with Engine(MemoryStorage()) as engine:
        begun = [0]

        def count(event: object) -> None:
            begun[0] += isinstance(event, RunStarted)

        engine.broadcast.listen(count)
        assert len(await all_of(engine.map(Step, range(3000), window=1000))) == 3000
        assert begun[0] <= 3000 // 10


@pytest.mark.parametrize("window", [1, 2, 9])
async def test_a_small_window_is_kept_full(window: int) -> None:
    GATES.clear()
    async with Engine(MemoryStorage()) as engine, aclosing(engine.map(Waits, range(30), window=window)) as stream:
        for n in range(20):
            first = asyncio.ensure_future(anext(stream))
            await until(lambda done=n: len(GATES) == done + window)  # type: ignore[misc]
            GATES[n].set()
            assert (await first).value == n


asked: list[int] = []


@dataclass(frozen=True)
class Asked(Step):
    """One that notes when it is asked for its outputs."""

    def output(self) -> Output[int]:
        asked.append(self.n)
        return super().output()


async def test_each_task_is_asked_once_for_its_output() -> None:
    async with Engine(MemoryStorage()) as engine:
        await all_of(engine.map(Asked, [-1]))  # a class is asked twice at first
        asked.clear()
        await all_of(engine.map(Asked, range(300)))
    assert sorted(asked) == list(range(300))
