"""Two processes that want the same: how long after the one that makes it the other has it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexflow import Engine
from benchmarks.services.tasks import Stored

KEYS = 100

#: Seconds that a task takes, that the other process comes later, and between two keys.
TAKES, LATER, EVERY = 0.05, 0.01, 0.1


@dataclass(frozen=True)
class Waits(Stored):
    """One that takes its time."""

    async def run(self, input: Any, output: Any) -> None:
        await asyncio.sleep(TAKES)
        await output.astore(self.number)


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    keys = max(2, int(KEYS * scale))
    begins = time.time() + 3
    arguments = [str(directory), str(keys)]
    children = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.services.notice", *arguments, str(begins + late)),
            stdout=asyncio.subprocess.PIPE,
        )
        for late in (0.0, LATER)
    ]
    first, second = [json.loads((await child.communicate())[0]) for child in children]
    later = sorted((other - one) * 1e3 for one, other in zip(first["had"], second["had"], strict=True))
    probe = sorted([*first["late"], *second["late"]])
    return iter(
        [
            f"{keys} keys of {TAKES * 1e3:.0f} ms, made by one process: the other has them after {_summary(later)} "
            f"(bars: 5, 20)",
            f"idle probe, how late a timer is: {_summary(probe)}",
        ]
    )


def _summary(times: list[float]) -> str:
    return f"p50 {times[len(times) // 2]:.1f} ms, p99 {times[len(times) * 99 // 100]:.1f} ms"


async def load(directory: str, keys: int, begins: float) -> None:
    """Load keys at certain times, and print when each was there."""
    had, late = [], []
    async with Engine(directory) as engine:
        await engine.load(Waits(-os.getpid()).output())
        for number in range(keys):
            at = begins + number * EVERY
            await asyncio.sleep(at - time.time())
            late.append((time.time() - at) * 1e3)
            await engine.load(Waits(number).output())
            had.append(time.time())
    print(json.dumps({"had": had, "late": late}))


if __name__ == "__main__":
    asyncio.run(load(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
