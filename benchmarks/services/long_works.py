"""Works that an engine is given, a hundred thousand tasks or callers at a time, while its turns are watched."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from alexflow import DynamicTask, Engine, Output, Task
from alexflow.errors import AlexflowError, TaskError
from alexflow.limits import Queue
from benchmarks.services.tasks import Stored, StoredInProcess

#: Callers that an application starts between two turns.
CALLERS_PER_TURN = 16

#: Tasks of one list, where many are run at once.
LISTED = 64

#: What watches turns, while it is entered.
Watched = AbstractContextManager[object]

gate: list[asyncio.Event] = []  # for which tasks wait


@dataclass(frozen=True)
class Together(Stored):
    """One of many that end at one moment."""

    async def run(self, input: Any, output: Any) -> None:
        await gate[-1].wait()
        await output.astore(self.number)


@dataclass(frozen=True)
class Same(Together):
    """One that many callers ask for."""


@dataclass(frozen=True)
class Endless(Stored):
    """One that does not end by itself."""

    async def run(self, input: Any, output: Any) -> None:
        await asyncio.Event().wait()


@dataclass(frozen=True)
class Fails(Stored):
    """One that fails."""

    async def run(self, input: Any, output: Any) -> None:
        await gate[-1].wait()
        raise ValueError(self.number)


@dataclass(frozen=True)
class Reads(Stored):
    """One that reads the output of another."""

    read: Output[int]

    def input(self) -> Output[int]:
        return self.read


@dataclass(frozen=True)
class Generates(DynamicTask):
    """One that generates many."""

    count: int

    def output(self) -> None:
        return None

    def generate(self, input: Any, output: Any) -> Iterator[Task]:
        for number in range(self.count):
            yield Stored(number)


class Place(NamedTuple):
    """A place where something is measured.

    Attributes:
        engine: an open one.
        count: of how much.
        watch: to be entered for what counts.
    """

    engine: Engine
    count: int
    watch: Watched


async def gathered(calls: Iterable[Coroutine[Any, Any, Any]]) -> list[asyncio.Task[Any]]:
    """Start callers, a few between two turns."""
    callers: list[asyncio.Task[Any]] = []
    for call in calls:
        callers.append(asyncio.create_task(call))
        if len(callers) % CALLERS_PER_TURN == 0:
            await asyncio.sleep(0)
    return callers


async def over(callers: Sequence[asyncio.Task[Any]]) -> None:
    """Wait for callers, one after the other, whatever comes of them."""
    for number, caller in enumerate(callers):
        if number % CALLERS_PER_TURN == 0:
            await asyncio.sleep(0)
        with suppress(AlexflowError, asyncio.CancelledError):
            await caller


async def begun(engine: Engine, least: int) -> None:
    """Wait until so many tasks run."""
    while sum(executor.running for executor in engine.stats().executors.values()) < least:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def idle(engine: Engine) -> None:
    """Wait until no request is under way."""
    while engine.stats().runs:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def run_async(place: Place) -> object:
    """Run a list of async tasks."""
    tasks = [Stored(number) for number in range(place.count)]
    with place.watch:
        return await place.engine.run(tasks)  # kept until the watch has ended: what is dropped is freed in a turn


async def run_process(place: Place) -> object:
    """Run a list of tasks in worker processes."""
    tasks = [StoredInProcess(number) for number in range(place.count)]
    with place.watch:
        return await place.engine.run(tasks)


async def run_existing(place: Place) -> object:
    """Run a list of outputs that exist."""
    outputs = [Stored(number).output() for number in range(place.count)]
    await place.engine.run(outputs)
    with place.watch:
        return await place.engine.run(outputs)


async def run_several(place: Place) -> None:
    """Run many lists at once."""
    lists = [range(start, start + LISTED) for start in range(0, place.count, LISTED)]
    with place.watch:
        await over(await gathered(place.engine.run([Stored(number) for number in each]) for each in lists))


async def run_generated(place: Place) -> None:
    """Run a dynamic task that generates many."""
    with place.watch:
        await place.engine.run(Generates(place.count))


async def map_async(place: Place) -> None:
    """Map items to async tasks."""
    with place.watch:
        async for _ in place.engine.map(Stored, range(place.count)):
            pass


async def map_process(place: Place) -> None:
    """Map items to tasks in worker processes."""
    with place.watch:
        async for _ in place.engine.map(StoredInProcess, range(place.count)):
            pass


async def load_list(place: Place) -> object:
    """Load a list of outputs that do not exist, and once more."""
    outputs = [Stored(number).output() for number in range(place.count)]
    with place.watch:
        return await place.engine.load(outputs), await place.engine.load(outputs)


async def load_each(place: Place) -> None:
    """Load many outputs, a caller each."""
    with place.watch:
        callers = await gathered(place.engine.load(Stored(number).output()) for number in range(place.count))
        await over(callers)


async def ends_together(place: Place) -> object:
    """Run async tasks of which thousands end at one moment."""
    gate.append(asyncio.Event())
    run = asyncio.create_task(place.engine.run([Together(number) for number in range(place.count)]))
    await begun(place.engine, min(place.count, 10_000))
    with place.watch:
        gate[-1].set()
        return await run


async def one_for_many(place: Place) -> None:
    """Many callers load one output, which is made."""
    gate.append(asyncio.Event())
    with place.watch:
        callers = await gathered(place.engine.load(Same(0).output()) for _ in range(place.count))
        await idle_but(place, place.count)
        gate[-1].set()
        await over(callers)


async def idle_but(place: Place, requests: int) -> None:
    """Wait until so many requests are under way."""
    while place.engine.stats().runs < requests:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def cancels_run(place: Place) -> None:
    """Cancel a run of a long list, a part of which runs."""
    tasks: list[Task] = [Endless(number) for number in range(1000)]
    run = asyncio.create_task(place.engine.run(tasks + [Stored(number) for number in range(place.count)]))
    await begun(place.engine, 1000)
    with place.watch:
        run.cancel()
        await over([run])
        await idle(place.engine)


async def callers_leave(place: Place) -> None:
    """Cancel many callers, of whom each wants something else."""
    callers = await gathered(place.engine.load(Endless(number).output()) for number in range(place.count))
    await begun(place.engine, min(place.count, 10_000))
    with place.watch:
        for number, caller in enumerate(callers):
            caller.cancel()
            if number % CALLERS_PER_TURN == 0:
                await asyncio.sleep(0)
        await over(callers)
        await idle(place.engine)


async def fails_below(place: Place, on_error: Any) -> None:
    """Fail a task that many others read."""
    gate.append(asyncio.Event())
    source = Fails(0).output()
    run = asyncio.create_task(
        place.engine.run([Reads(number, source) for number in range(place.count)], on_error=on_error)
    )
    await begun(place.engine, 1)
    with place.watch:
        gate[-1].set()
        with suppress(AlexflowError, ExceptionGroup):
            await run


async def fails_and_stops(place: Place) -> None:
    """Fail a task that many others read; the run stops."""
    await fails_below(place, "stop")


async def fails_and_continues(place: Place) -> None:
    """Fail a task that many others read; the run goes on."""
    await fails_below(place, "continue")


async def many_fail(place: Place) -> None:
    """Run a list of tasks that all fail."""
    gate.append(asyncio.Event())
    gate[-1].set()
    tasks = [Fails(number) for number in range(place.count // 10)]
    with place.watch:
        await place.engine.run(tasks, on_error="continue")


async def refuses(place: Place) -> None:
    """Refuse many callers."""
    full = await gathered(place.engine.load(Endless(number).output()) for number in range(1000))
    await idle_but(place, 1000)
    with place.watch:
        await over(await gathered(place.engine.load(Stored(number).output()) for number in range(place.count)))
    for caller in full:
        caller.cancel()
    await over(full)


async def invalidates(place: Place) -> None:
    """Invalidate an output and all that was made from it."""
    source = Stored(-1).output()
    await place.engine.run([Reads(number, source) for number in range(place.count)])
    with place.watch:
        await place.engine.invalidate(source, downstream=True)


async def plans(place: Place) -> None:
    """Plan a run of a long list."""
    tasks = [Stored(number) for number in range(place.count)]
    with place.watch:
        await place.engine.plan(tasks)


async def drains(place: Place) -> None:
    """Drain an engine that has a long list to run."""
    run = asyncio.create_task(place.engine.run([Stored(number) for number in range(place.count)]))
    await begun(place.engine, 1)
    with place.watch:
        await place.engine.drain()
        await run


async def closes(place: Place) -> None:
    """Close an engine that has a long list to run, of which a part runs."""
    tasks: list[Task] = [Endless(number) for number in range(1000)]
    run = asyncio.create_task(place.engine.run(tasks + [Stored(number) for number in range(place.count)]))
    await begun(place.engine, 1000)
    with place.watch:
        await place.engine.__aexit__(None, None, None)
        await over([run])


async def closes_on_callers(place: Place) -> None:
    """Close an engine that many callers wait for."""
    callers = await gathered(place.engine.load(Endless(number).output()) for number in range(place.count))
    await begun(place.engine, min(place.count, 10_000))
    with place.watch:
        await place.engine.__aexit__(None, None, None)
        await over(callers)


WORKS: Sequence[Callable[[Place], Awaitable[object]]] = (
    run_async,
    run_process,
    run_existing,
    run_several,
    run_generated,
    map_async,
    map_process,
    load_list,
    load_each,
    ends_together,
    one_for_many,
    cancels_run,
    callers_leave,
    fails_and_stops,
    fails_and_continues,
    many_fail,
    refuses,
    invalidates,
    plans,
    drains,
    closes,
    closes_on_callers,
)


async def do(work: Callable[[Place], Awaitable[object]], directory: Path, count: int, watch: Watched) -> None:
    """Do one of these works on an engine of its own."""
    queue = Queue(max_queued=1000) if work is refuses else None
    first = StoredInProcess(-1) if work in (run_process, map_process) else Stored(-1)
    async with Engine(directory, workers=2, queue=queue) as engine:
        await engine.run([first, Generates(2)])  # what is imported for them is there then
        await engine.plan([])
        engine.stats()  # counts from now on
        with suppress(TaskError):
            await work(Place(engine, count, watch))
        if work in (closes, closes_on_callers):
            await engine.__aenter__()  # to be left once more
