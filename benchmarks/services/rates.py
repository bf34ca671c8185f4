"""An API over HTTP on loopback that enforces its window; one engine and sixteen on one directory call it.

And the rate alone, beside timers of asyncio; and an API that refuses all for a minute.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

from alexflow import Engine
from alexflow.limits import RateLimit
from benchmarks.services.tasks import Call, PatientCall, TimedCall

QUOTA, SECONDS = 320, 2.0

#: Tasks at a rate, and their rate.
TASKS, RATE = 200, 50

#: Seconds for which an API refuses all, and the tasks that call it.
STORM, STORMED = 60.0, 200


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    lines = [await _at_a_rate(directory / str(burst), burst) for burst in (1, 10)]
    lines.append(await _storm(directory / "storm", STORM * scale))
    for engines, bar in ((1, 97), (16, 90)):
        seen = await _call(directory / str(engines), engines, max(1, int(QUOTA * 12 * scale) // engines))
        answered, refused = seen["answered"], seen["refused"]
        first, last = answered[0], answered[-1]
        steady = [at for at in answered if first + SECONDS * 2 <= at <= last - SECONDS]
        used = len(steady) / (steady[-1] - steady[0]) / (QUOTA / SECONDS) * 100 if len(steady) > 1 else 0.0
        lines.append(
            f"{engines} engine{'s' * (engines > 1)}: {len(answered):,} calls in {last - first:.1f} s, {len(refused)} "
            f"refused (bar: 0), {used:.1f} % of the quota after two windows (bar: {bar})"
        )
    return iter(lines)


async def _at_a_rate(directory: Path, burst: int) -> str:
    """Run tasks that may take a second at a rate at which they wait for longer."""
    TimedCall.starts.clear()
    late: list[float] = []
    probe = asyncio.create_task(_probe(late))
    async with Engine(directory, workers=1, limits={"api": RateLimit(RATE, per=1, burst=burst)}) as engine:
        result = await engine.run([TimedCall(number) for number in range(TASKS)], on_error="continue")
    probe.cancel()
    took, wanted = TimedCall.starts[-1] - TimedCall.starts[0], (TASKS - burst) / RATE
    return (
        f"{TASKS} at {RATE}/s, {burst} at once: {took:.2f} s, {(took / wanted - 1) * 100:+.1f} % (bar: 3), "
        f"{len(result.failures)} timeouts (bar: 0); a timer of {1 / RATE * 1e3:.0f} ms is late by "
        f"{median(late) * 1e3:.1f} ms"
    )


async def _probe(late: list[float]) -> None:
    """Note how late a timer of asyncio is, again and again."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(1 / RATE)
        late.append(time.perf_counter() - began - 1 / RATE)


async def _storm(directory: Path, seconds: float) -> str:
    """Call an API that refuses all for a while; no task has a retry."""
    async with _api(seconds) as (api, url):
        async with Engine(directory, workers=1, limits={"api": RateLimit(QUOTA, per=SECONDS)}) as engine:
            tasks = [PatientCall(number, 0, url) for number in range(STORMED)]
            result = await engine.run(tasks, on_error="continue")
        seen = await _seen(api)
    return (
        f"an API that refuses all for {seconds:.0f} s: {len(seen['refused'])} refused, {len(seen['answered'])} "
        f"answered, {len(result.failures)} of {STORMED} tasks failed (bar: 0)"
    )


@asynccontextmanager
async def _api(storm: float = 0.0) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Start the API. Gives its process, and where it listens."""
    command = sys.executable, "-m", "benchmarks.services.api", str(QUOTA), str(SECONDS), str(storm)
    pipe = asyncio.subprocess.PIPE
    api = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 24)
    assert api.stdout is not None
    yield api, f"127.0.0.1:{int(await api.stdout.readline())}"


async def _seen(api: asyncio.subprocess.Process) -> Any:
    """Let the API end. Returns what it has seen."""
    out, _ = await api.communicate(b"")
    return json.loads(out)


async def _call(directory: Path, engines: int, each: int) -> Any:
    """Let engines call an API so often each. Returns what that has seen."""

    async def work(number: int, url: str) -> None:
        limits = {"api": RateLimit(QUOTA, per=SECONDS)}
        async with Engine(directory, workers=1, limits=limits) as engine:
            await engine.run([Call(n, number, url) for n in range(each)], on_error="continue")

    async with _api() as (api, url):
        await asyncio.gather(*(work(number, url) for number in range(engines)))
        return await _seen(api)
