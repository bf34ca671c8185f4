"""Requests that run into their deadline: no worker process is lost with them, and the next task does not wait."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

from alexflow import Engine, Workers

SECONDS = 6.0
CLIENTS = 8

#: Deadlines a second, and the tasks a second that there have to be, of 96: each blocks a worker until it is over.
RATES = {0: 0, 2: 80, 4: 72}

MODULE = "benchmarks.services.slow_module"


async def measure(directory: Path, scale: float) -> list[str]:
    """Measure everything of the part."""
    seconds = max(1.0, SECONDS * scale)
    lines: list[str] = []
    for preload in ([MODULE], []):
        how = "preload=[the module]" if preload else "a module of the program"
        done = {}
        for rate in RATES:
            done[rate] = await _throughput(directory / f"{len(preload)}-{rate}", preload, rate, seconds)
            bar = f", {done[rate] / done[0]:.2f} of that without (bar {RATES[rate] / 96:.2f})" if rate else ""
            lines.append(f"{how}: {rate} deadlines a second, {done[rate]:.0f} tasks a second{bar}")
        rounds = max(3, round(10 * scale))
        lines.append(f"{how}: {await _next_task(directory / f'{len(preload)}-next', preload, rounds)}")
    return lines


async def _throughput(directory: Path, preload: list[str], rate: int, seconds: float) -> float:
    from benchmarks.services.slow_module import Heavy  # deferred: it takes a second

    numbers, done = itertools.count(), 0
    end = 0.0

    async def work(engine: Engine) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await engine.load(Heavy(next(numbers), 0.02).output())
            done += 1

    async def meet_deadlines(engine: Engine, tasks: asyncio.TaskGroup) -> None:
        while rate and time.perf_counter() < end:
            tasks.create_task(_meet_one(engine, next(numbers)))
            await asyncio.sleep(1 / rate)

    async with Engine(directory, workers=Workers(2, preload=preload)) as engine:
        await engine.start_workers([Heavy])
        await asyncio.gather(*(engine.load(Heavy(next(numbers), 0.02).output()) for _ in range(8)))
        end = time.perf_counter() + seconds
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CLIENTS):
                tasks.create_task(work(engine))
            await meet_deadlines(engine, tasks)
    return done / seconds


async def _meet_one(engine: Engine, number: int) -> None:
    from benchmarks.services.slow_module import Heavy  # deferred, as above

    with suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await engine.load(Heavy(number, 10.0).output())


async def _next_task(directory: Path, preload: list[str], rounds: int) -> str:
    """Measure how long a task takes that comes when the only worker has just been stopped, and when it has not."""
    from benchmarks.services.slow_module import Heavy  # deferred, as above

    numbers, after, otherwise = itertools.count(), [], []
    async with Engine(directory, workers=Workers(1, preload=preload)) as engine:
        await engine.start_workers([Heavy])
        for _ in range(rounds):
            await engine.load(Heavy(next(numbers), 0.0).output())
            for seen in (otherwise, after):
                if seen is after:
                    await _meet_one(engine, next(numbers))
                started = time.perf_counter()
                await engine.load(Heavy(next(numbers), 0.0).output())
                seen.append((time.perf_counter() - started) * 1e3)
    return (
        f"the next task takes {median(after):.1f} ms, max {max(after):.1f} (bar 20); otherwise {median(otherwise):.1f}"
    )
