"""However much is asked for, the event loop gets its turns: the longest does not grow with the request."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, Output, Task
from alexflow.engine.entering import TARGETS_PER_PART

#: Fewer may be done within a turn's slice on a quick machine, which says nothing about its end.
FEW, MANY = 8 * TARGETS_PER_PART, 32 * TARGETS_PER_PART


@dataclass(frozen=True)
class Stored(Task):
    number: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="number.json")

    async def run(self, input: Any, output: Any) -> None:
        await output.astore(self.number)


@dataclass(frozen=True)
class Waits(Stored):
    async def run(self, input: Any, output: Any) -> None:
        begun.append(self.number)
        await asyncio.Event().wait()


@dataclass(frozen=True)
class Opened(Stored):
    async def run(self, input: Any, output: Any) -> None:
        await opens[-1].wait()
        await output.astore(self.number)


@dataclass(frozen=True)
class Fails(Stored):
    async def run(self, input: Any, output: Any) -> None:
        await opens[-1].wait()
        raise ValueError


@dataclass(frozen=True)
class Reads(Stored):
    read: Output[int]

    def input(self) -> Output[int]:
        return self.read


begun: list[int] = []  # of those that wait
opens: list[asyncio.Event] = []


class Turns:
    """The calls of functions in each of the loop's turns: a measure of work that does not depend on the machine."""

    def __enter__(self) -> Turns:
        self._loop = asyncio.get_running_loop()
        self._calls = 0
        self.longest = 0
        self._next = self._loop.call_soon(self._turn)
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self._next.cancel()

    def _count(self, frame: FrameType, event: str, argument: object) -> None:
        self._calls += event in ("call", "c_call")

    def _turn(self) -> None:
        self.longest = max(self.longest, self._calls)
        self._calls = 0
        self._next = self._loop.call_soon(self._turn)


async def runs(engine: Engine, tasks: list[Stored]) -> None:
    await engine.run(tasks)


async def runs_outputs(engine: Engine, tasks: list[Stored]) -> None:
    await engine.run([task.output() for task in tasks[:FEW]])
    await engine.run(tasks)  # some of them exist


async def loads(engine: Engine, tasks: list[Stored]) -> None:
    await engine.load([task.output() for task in tasks[:FEW]] * (len(tasks) // FEW))


async def leaves(engine: Engine, tasks: list[Stored]) -> None:
    run = asyncio.create_task(engine.run([Waits(task.number) for task in tasks[:FEW]] + tasks))
    while sum(executor.running for executor in engine.stats().executors.values()) < 100:  # noqa: ASYNC110
        await asyncio.sleep(0)
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run
    while engine.stats().runs:  # noqa: ASYNC110  # each turn it leaves a little more
        await asyncio.sleep(0)


async def plans(engine: Engine, tasks: list[Stored]) -> None:
    await engine.plan(tasks)


async def one_for_all(engine: Engine, tasks: list[Stored]) -> None:
    opens.append(asyncio.Event())
    callers = []
    for number in range(len(tasks)):
        callers.append(asyncio.create_task(engine.load(Opened(0).output())))
        if number % 8 == 0:
            await asyncio.sleep(0)
    while engine.stats().runs < len(tasks):  # noqa: ASYNC110
        await asyncio.sleep(0)
    opens[-1].set()
    for number, caller in enumerate(callers):
        await caller
        if number % 8 == 0:
            await asyncio.sleep(0)


async def fails(engine: Engine, tasks: list[Stored]) -> None:
    opens.append(asyncio.Event())
    failing, reads = Fails(0).output(), []
    for task in tasks:
        reads.append(Reads(task.number, failing))
        if task.number % 64 == 0:
            await asyncio.sleep(0)
    result = asyncio.create_task(engine.run(reads, on_error="continue"))
    while not sum(executor.running for executor in engine.stats().executors.values()):  # noqa: ASYNC110
        await asyncio.sleep(0)
    opens[-1].set()
    assert (await result).skipped == len(tasks)


@pytest.mark.parametrize("work", [runs, runs_outputs, loads, leaves, plans, one_for_all, fails])
def test_no_turn_is_as_long_as_the_request(
    work: Callable[[Engine, list[Stored]], Awaitable[None]], tmp_path: Path
) -> None:
    async def longest(count: int) -> int:
        tasks = [Stored(number) for number in range(count)]
        async with Engine(tmp_path / str(count), max_concurrency=100) as engine:
            await engine.run(Stored(-1))
            engine.stats()  # counts from now on
            with Turns() as turns:
                await work(engine, tasks)
            return turns.longest

    few, many = asyncio.run(longest(FEW)), asyncio.run(longest(MANY))
    assert many < 2 * few


@pytest.mark.anyio
async def test_nothing_begins_for_callers_that_have_all_left(tmp_path: Path) -> None:
    begun.clear()
    async with Engine(tmp_path, max_concurrency=1) as engine:
        callers = [asyncio.create_task(engine.load(Waits(number).output())) for number in range(1_000)]
        while not begun or engine.stats().runs < 1_000:  # noqa: ASYNC110
            await asyncio.sleep(0)
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
        while engine.stats().runs:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert begun == [0]
