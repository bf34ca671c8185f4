"""An API over HTTP on loopback that enforces its window; one engine and sixteen on one directory call it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alexflow import Engine
from alexflow.limits import RateLimit
from benchmarks.services.tasks import Call

QUOTA, SECONDS = 320, 2.0


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    lines = []
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


async def _call(directory: Path, engines: int, each: int) -> Any:
    """Let engines call an API so often each. Returns what that has seen."""
    command = sys.executable, "-m", "benchmarks.services.api", str(QUOTA), str(SECONDS)
    pipe = asyncio.subprocess.PIPE
    api = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 24)
    assert api.stdout is not None
    url = f"127.0.0.1:{int(await api.stdout.readline())}"

    async def work(number: int) -> None:
        limits = {"api": RateLimit(QUOTA, per=SECONDS)}
        async with Engine(directory, workers=1, limits=limits) as engine:
            await engine.run([Call(n, number, url) for n in range(each)], on_error="continue")

    await asyncio.gather(*(work(number) for number in range(engines)))
    out, _ = await api.communicate(b"")
    return json.loads(out)
