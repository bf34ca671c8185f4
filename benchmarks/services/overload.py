"""100,000 requests at once where 1,000 may wait."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from alexflow import Engine
from alexflow.errors import Overloaded
from alexflow.limits import Queue
from benchmarks.services.tasks import Backfill

ALLOWED = 1_000


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    count = int(100_000 * scale)
    async with Engine(directory, workers=2, queue=Queue(max_queued=ALLOWED)) as engine:
        await engine.run([Backfill(-1), Backfill(-2)])
        answers: Counter[str] = Counter()

        async def ask(number: int) -> None:
            try:
                await engine.load(Backfill(number).output())
            except Overloaded:
                answers["refused"] += 1
            else:
                answers["answered"] += 1

        hits: list[float] = []
        refused_after = refused_cpu = 0.0
        before, started, cpu = _memory(), time.perf_counter(), time.thread_time()
        requests = [asyncio.create_task(ask(number)) for number in range(count)]
        callers = _memory()
        while answers.total() < count - 2 * ALLOWED:
            at = time.perf_counter()
            await engine.load(Backfill(-1).output())
            hits.append((time.perf_counter() - at) * 1e3)
            await asyncio.sleep(0)
            refused_after, refused_cpu = time.perf_counter() - started, time.thread_time() - cpu
        grown = _memory() - callers
        await asyncio.gather(*requests)
        hits.sort()
    return iter(
        [
            f"{answers['refused']:,} of {count:,} refused in {refused_after:.2f} s, of which "
            f"{refused_cpu:.2f} s of CPU (bar: 2), {answers['answered']:,} answered",
            f"memory: {callers - before:.0f} MiB of the callers' tasks, {grown:.0f} MiB more (bar: 20)",
            f"a hit meanwhile: p50 {hits[len(hits) // 2]:.2f} ms, max {hits[-1]:.2f} ms",
        ]
    )


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
