"""``stats()`` while 100,000 tasks are queued."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from alexflow import Engine
from benchmarks.ruler import bar_here
from benchmarks.services.tasks import Backfill

CALLS = 200


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    count = int(100_000 * scale)
    async with Engine(directory, workers=2) as engine:
        await engine.run([Backfill(-1)])
        engine.stats()
        idle = median([_microseconds(engine) for _ in range(CALLS)])
        run = asyncio.create_task(engine.run([Backfill(number) for number in range(count)]))
        while engine.stats().executors["process"].queued < count * 9 // 10:  # noqa: ASYNC110
            await asyncio.sleep(0)
        took = []
        for _ in range(CALLS):
            took.append(_microseconds(engine))
            await asyncio.sleep(0)
        queued = engine.stats().executors["process"].queued
        run.cancel()
        await asyncio.wait([run])
    return iter([f"stats() at {queued:,} queued: {median(took):.1f} us of CPU ({bar_here(50)}; idle {idle:.1f})"])


def _microseconds(engine: Engine) -> float:
    began = time.thread_time()
    engine.stats()
    return (time.thread_time() - began) * 1e6
