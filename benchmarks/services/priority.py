"""A request behind a bulk run of 100,000 tasks, and two tenants of which one has nearly all the queue."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from alexflow import Engine
from alexflow.limits import Queue
from benchmarks.services.tasks import Backfill, Feature

PROBES, WORKERS = 300, 2

#: A process that computes, and one that answers each byte after a millisecond of work, as a worker would.
COMPUTES = "while True: pass"
ANSWERS = """
import os, time
while os.read(0, 1):
    end = time.thread_time() + 0.001
    while time.thread_time() < end:
        pass
    os.write(1, b"x")
"""


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure, with and without a reserved worker. Returns the lines of the table."""
    lines = [
        f"processes without an engine: {_summary(await _plain_probe(0))}; beside {WORKERS} that compute: "
        f"{_summary(await _plain_probe(WORKERS))}"
    ]
    for name, queue in (("priority", None), ("priority and a reserved worker", Queue(reserve={"process": 1}))):
        async with Engine(directory / name, workers=WORKERS, queue=queue) as engine:
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
                f"{name}: idle {_summary(idle)}; behind the bulk{' (which ended)' if over else ''} {_summary(behind)}: "
                f"x {ratio:.1f} (bars: 3 x idle at p50, 10 ms and a task of 1 at p99)",
            ]
    return iter(lines)


def _summary(times: list[float]) -> str:
    return f"p50 {times[PROBES // 2]:.2f} ms, p99 {times[PROBES * 99 // 100]:.2f}"


async def _plain_probe(computing: int) -> list[float]:
    """Ask a plain process for a millisecond of work, beside some that compute. Returns the milliseconds, sorted."""
    pipe, took = asyncio.subprocess.PIPE, []
    others = [await asyncio.create_subprocess_exec(sys.executable, "-c", COMPUTES) for _ in range(computing)]
    answers = await asyncio.create_subprocess_exec(sys.executable, "-c", ANSWERS, stdin=pipe, stdout=pipe)
    assert answers.stdin is not None
    assert answers.stdout is not None
    try:
        for _ in range(PROBES):
            started = time.perf_counter()
            answers.stdin.write(b"x")
            await answers.stdout.readexactly(1)
            took.append((time.perf_counter() - started) * 1e3)
            await asyncio.sleep(0.02)
    finally:
        for child in (*others, answers):
            child.kill()
            await child.wait()
    return sorted(took[1:] + took[-1:])


async def _probe(engine: Engine, first: int) -> list[float]:
    """Load features one after the other. Returns the milliseconds, sorted."""
    took = []
    for number in range(first, first + PROBES):
        started = time.perf_counter()
        await engine.load(Feature(number).output())
        took.append((time.perf_counter() - started) * 1e3)
        await asyncio.sleep(0.02)
    return sorted(took)
