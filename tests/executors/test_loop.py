"""Many jobs on the event loop: runners that go from one to the next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, MemoryStorage, Output, Task
from alexflow.executors.event_loop import JOB_SLICE, RUNNER_SLICE
from alexflow.formats import BinaryOutput

pytestmark = pytest.mark.anyio

seen: ContextVar[int] = ContextVar("seen", default=-1)


@dataclass(frozen=True)
class Base(Task):
    n: int

    def output(self) -> Output[Any]:
        return self.build_output(BinaryOutput[Any], key="value")


@dataclass(frozen=True)
class Sets(Base):
    """Stores what a context variable was before it set it."""

    waits: bool = False

    async def run(self, input: Any, output: Output[Any]) -> None:
        before = seen.get()
        seen.set(self.n)
        if self.waits:
            await asyncio.sleep(0)
        in_child = await asyncio.create_task(read_seen())
        await output.astore((before, seen.get(), in_child))


async def read_seen() -> int:
    return seen.get()


@dataclass(frozen=True)
class Meets(Base):
    """Waits until all others are under way, too."""

    parties: int

    async def run(self, input: Any, output: Output[Any]) -> None:
        await barrier(self.parties).wait()
        await output.astore(self.n)


@dataclass(frozen=True)
class Counts(Base):
    """Counts how many are under way."""

    async def run(self, input: Any, output: Output[Any]) -> None:
        counted.append(counted[-1] + 1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        counted.append(counted[-1] - 1)
        await output.astore(self.n)


@dataclass(frozen=True)
class Quick(Base):
    """Never waits for anything."""

    async def run(self, input: Any, output: Output[Any]) -> None:
        await output.astore(self.n)


@dataclass(frozen=True)
class TakesASlice(Base):
    """Holds the event loop for as long as all runners may in a turn, and then waits for the others."""

    parties: int

    async def run(self, input: Any, output: Output[Any]) -> None:
        over = time.perf_counter() + RUNNER_SLICE
        while time.perf_counter() <= over:
            pass
        await barrier(self.parties).wait()
        await output.astore(self.n)


@dataclass(frozen=True)
class TakesASliceThen(Base):
    """The same after all have begun."""

    parties: int

    async def run(self, input: Any, output: Output[Any]) -> None:
        await barrier(self.parties).wait()
        over = time.perf_counter() + JOB_SLICE
        while time.perf_counter() <= over:
            pass
        went_on.append(self.n)
        await output.astore(self.n)


went_on: list[int] = []


@dataclass(frozen=True)
class TimesOut(Base):
    """Gives up waiting by itself."""

    async def run(self, input: Any, output: Output[Any]) -> None:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            runner = asyncio.current_task()
            assert runner is not None
            await output.astore((self.n, runner.cancelling()))


@dataclass(frozen=True)
class Groups(Base):
    """One of its own tasks fails."""

    async def run(self, input: Any, output: Output[Any]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.Event().wait())
                group.create_task(fail())
        except* ZeroDivisionError:
            await output.astore(self.n)


async def fail() -> None:
    raise ZeroDivisionError


@dataclass(frozen=True)
class Stuck(Base):
    """Waits for ever, and takes its time when it is cancelled."""

    async def run(self, input: Any, output: Output[Any]) -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)


counted: list[int] = [0]
barriers: dict[int, asyncio.Barrier] = {}
entered = asyncio.Event()


def barrier(parties: int) -> asyncio.Barrier:
    return barriers.setdefault(parties, asyncio.Barrier(parties))


@pytest.mark.parametrize("waits", [False, True])
async def test_what_one_job_sets_the_next_does_not_see(waits: bool) -> None:
    token = seen.set(-7)
    try:
        async with Engine(MemoryStorage()) as engine:
            result = await engine.run([Sets(n, waits) for n in range(50)])
            assert [output.load() for output in result.output] == [(-7, n, n) for n in range(50)]
            assert seen.get() == -7
    finally:
        seen.reset(token)


async def test_all_that_wait_are_soon_under_way() -> None:
    async with Engine(MemoryStorage()) as engine:
        assert (await engine.run([Meets(n, 1000) for n in range(1000)])).ran == 1000


async def test_few_runners_are_started_that_find_no_time_for_a_job() -> None:
    loop, jobs, started = asyncio.get_running_loop(), 64, 0

    def count(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        nonlocal started
        started += work.__qualname__ == "LoopExecutor._run_jobs"
        return asyncio.Task(work, loop=loop, **options)

    async with Engine(MemoryStorage()) as engine:
        loop.set_task_factory(count)
        try:
            await engine.run([TakesASlice(n, parties=jobs) for n in range(jobs)])
        finally:
            loop.set_task_factory(None)
    assert jobs <= started <= 3 * jobs


async def test_jobs_that_are_woken_at_one_moment_go_on_in_many_turns() -> None:
    jobs, most = 24, 0

    async def watch() -> None:
        nonlocal most
        before = 0
        while len(went_on) < jobs:
            most, before = max(most, len(went_on) - before), len(went_on)
            await asyncio.sleep(0)

    went_on.clear()
    async with Engine(MemoryStorage()) as engine:
        watching = asyncio.create_task(watch())
        await engine.run([TakesASliceThen(n, parties=jobs) for n in range(jobs)])
        await watching
    assert sorted(went_on) == list(range(jobs))
    assert most <= 2


async def test_no_more_at_once_than_allowed() -> None:
    async with Engine(MemoryStorage(), max_concurrency=7) as engine:
        assert (await engine.run([Counts(n) for n in range(70)])).ran == 70
        assert max(counted) == 7


async def test_the_application_gets_its_turns_while_jobs_that_never_wait_are_done() -> None:
    turns = 0

    async def application() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with Engine(MemoryStorage()) as engine:
        ticking = asyncio.create_task(application())
        assert (await engine.run([Quick(n) for n in range(5000)])).ran == 5000
        ticking.cancel()
    assert turns > 20  # 5,000 jobs take some 50 ms, a turn 2


async def test_timeouts_and_task_groups_inside_a_job() -> None:
    async with Engine(MemoryStorage()) as engine:
        result = await engine.run([*(TimesOut(n) for n in range(20)), *(Groups(n) for n in range(20))])
        assert [output.load() for output in result.output] == [*((n, 0) for n in range(20)), *range(20)]


async def test_others_are_done_after_one_was_cancelled() -> None:
    async with Engine(MemoryStorage(), max_concurrency=1) as engine:
        run = asyncio.create_task(engine.run(Stuck(0)))
        others = asyncio.create_task(engine.run([Quick(n) for n in range(10)]))
        await entered.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert (await others).ran == 10
