"""A request behind a bulk run of 100,000 tasks, and two tenants of which one has nearly all the queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from alexflow import Engine
from alexflow.limits import Queue
from benchmarks.services.tasks import Backfill, Feature

PROBES = 300


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure, with and without a reserved worker. Returns the lines of the table."""
    lines: list[str] = []
    for name, queue in (("priority", None), ("priority and a reserved worker", Queue(reserve={"process": 1}))):
        async with Engine(directory / name, workers=2, queue=queue) as engine:
            await engine.run([cls(-n) for cls in (Feature, Backfill) for n in range(1, 5)])
            idle = await _probe(engine, 10_000_000)
            bulk = asyncio.create_task(engine.run([Backfill(n) for n in range(int(100_000 * scale))], priority=-10))
            await asyncio.sleep(3)
            behind = await _probe(engine, 20_000_000)
            over = bulk.done()
            bulk.cancel()
            await asyncio.wait([bulk])
            ratio = behind[PROBES // 2] / idle[PROBES // 2]
            lines += [
                f"{name}: idle p50 {idle[PROBES // 2]:.2f} ms, p99 {idle[PROBES * 99 // 100]:.2f} ms",
                f"{name}: behind the bulk{' (which ended)' if over else ''} p50 {behind[PROBES // 2]:.2f} ms "
                f"= {ratio:.1f} x idle (bar: 3), p99 {behind[PROBES * 99 // 100]:.2f} ms (bar: 10 and a task of 1)",
            ]
    return iter(lines)


async def _probe(engine: Engine, first: int) -> list[float]:
    """Load features one after the other. Returns the milliseconds, sorted."""
    took = []
    for number in range(first, first + PROBES):
        started = time.perf_counter()
        await engine.load(Feature(number).output())
        took.append((time.perf_counter() - started) * 1e3)
        await asyncio.sleep(0.02)
    return sorted(took)
