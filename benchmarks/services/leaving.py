"""Callers that leave: what each costs, beside tasks of asyncio alone, and what a cached read takes meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexflow import Engine
from benchmarks.ruler import bar_here
from benchmarks.services.long_works import Place, gathered, idle, idle_but
from benchmarks.services.tasks import Feature, Stored

COUNTS = 1_000, 100_000

#: Callers that leave between two turns of the event loop.
PER_TURN = 10

#: Callers that come and go while the slot of a limited tag is held, and for how long each waits.
COMING, WAITING = 20_000, 0.02


@dataclass(frozen=True)
class Limited(Stored):
    """One that holds the slot of its tag."""

    @property
    def tags(self) -> set[str]:
        return {"api"}

    async def run(self, input: Any, output: Any) -> None:
        await asyncio.Event().wait()


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    lines = []
    for count in COUNTS:
        lines += await _leave(directory / str(count), max(1, int(count * scale)))
    lines.append(await _come_and_go(directory / "tags", int(COMING * scale)))
    return iter(lines)


async def _leave(directory: Path, count: int) -> list[str]:
    async with Engine(directory, workers=2) as engine:
        hit = Stored(-1).output()
        await engine.load(hit)
        await engine.run([Feature(-1), Feature(-2)])
        idle_hits = await _hits(engine, asyncio.create_task(asyncio.sleep(1)))
        hold = asyncio.create_task(engine.run([Held(n) for n in range(4)]))  # all places are taken
        callers = await gathered(engine.load(Feature(number).output()) for number in range(count))
        await idle_but(Place(engine, count, _NOTHING), count + 1)
        waiting = asyncio.Event()
        plain = await gathered(_waits(waiting) for _ in range(count))
        asyncio_alone = await _cancel(plain)
        leaving = asyncio.create_task(_cancel(callers, engine))
        hits = await _hits(engine, leaving)
        each = await leaving
        hold.cancel()
        await asyncio.wait([hold])
        await idle(engine)
    return [
        f"{count:,} callers leave, {PER_TURN} a turn: {each:.0f} us of CPU each ({bar_here(25)}), of which asyncio "
        f"takes {asyncio_alone:.0f} for as many tasks of its own",
        f"a cached read meanwhile: {_summary(hits)} ms (bar: 10; idle {_summary(idle_hits)})",
    ]


def _summary(times: list[float]) -> str:
    return f"p50 {times[len(times) // 2]:.2f}, p99 {times[len(times) * 99 // 100]:.2f}, the longest {times[-1]:.1f}"


@dataclass(frozen=True)
class Held(Feature):
    """One that takes long."""

    def run(self, input: Any, output: Any) -> None:
        time.sleep(600)


class _Nothing:
    def __enter__(self) -> object:
        return self

    def __exit__(self, *_: object) -> None:
        return None


_NOTHING: Any = _Nothing()


async def _waits(event: asyncio.Event) -> None:
    await _deeper(event.wait())


async def _deeper(waiting: Coroutine[Any, Any, Any]) -> None:
    await waiting


async def _cancel(callers: list[asyncio.Task[Any]], engine: Engine | None = None) -> float:
    """Cancel callers, and wait until the engine has forgotten them. Returns the microseconds of CPU of each."""
    began = time.thread_time()
    for number, caller in enumerate(callers):
        caller.cancel()
        if number % PER_TURN == PER_TURN - 1:
            await asyncio.sleep(0)
    while engine is not None and engine.stats().runs > 1:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await asyncio.wait(callers)
    return (time.thread_time() - began) / len(callers) * 1e6


async def _hits(engine: Engine, until: asyncio.Task[Any]) -> list[float]:
    """Read what exists every five milliseconds. Returns how many milliseconds each took, with its turn, sorted."""
    took, output = [], Stored(-1).output()
    while not until.done():
        began = time.perf_counter()
        await asyncio.sleep(0)
        await engine.load(output)
        took.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(0.005)
    return sorted(took)


async def _come_and_go(directory: Path, count: int) -> str:
    async with Engine(directory, workers=1, limits={"api": 1}) as engine:
        holder = asyncio.create_task(engine.load(Limited(-1).output()))
        while not engine.stats().tags["api"].taken:  # noqa: ASYNC110
            await asyncio.sleep(0)
        most = 0.0

        async def ask(number: int) -> None:
            try:
                async with asyncio.timeout(WAITING):
                    await engine.load(Limited(number).output())
            except TimeoutError:
                pass

        for first in range(0, count, 500):
            asking = [asyncio.create_task(ask(number)) for number in range(first, min(first + 500, count))]
            await asyncio.wait(asking)
            live = engine.stats().runs
            most = max(most, engine.stats().tags["api"].waiting / max(live, 1))
        left = engine.stats().tags["api"].waiting
        holder.cancel()
    return (
        f"{count:,} come and go while a slot is held: {left} are in its line at the end, "
        f"at most {most:.1f} x live (bar: 2)"
    )
