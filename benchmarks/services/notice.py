"""Two processes that want the same: how long after the one that makes it the other has it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexflow import Engine, Storage, open_storage
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
    found = await noticed([json.dumps(str(directory)), "{}"], max(2, int(KEYS * scale)), EVERY)
    return iter(found("bars: 5, 20"))


async def noticed(storage: list[str], keys: int, every: float) -> Callable[[str], list[str]]:
    """Let two processes want the same. Returns what makes lines of the table, given the bars.

    Args:
        storage: its place and its options, in JSON.
        keys: how many.
        every: seconds between them.
    """
    begins = time.time() + 3
    children = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.services.notice", *storage, str(keys), str(every), str(begins + late)),
            stdout=asyncio.subprocess.PIPE,
        )
        for late in (0.0, LATER)
    ]
    first, second = [json.loads((await child.communicate())[0]) for child in children]
    later = sorted((other - one) * 1e3 for one, other in zip(first["had"], second["had"], strict=True))
    probe = sorted([*first["late"], *second["late"]])
    return lambda bars: [
        f"{keys} keys of {TAKES * 1e3:.0f} ms, made by one process: the other has them after {_summary(later)} "
        f"({bars})",
        f"idle probe, how late a timer is: {_summary(probe)}",
    ]


def _summary(times: list[float]) -> str:
    return f"p50 {times[len(times) // 2]:.1f} ms, p99 {times[len(times) * 99 // 100]:.1f} ms"


async def load(storage: Storage, keys: int, every: float, begins: float) -> None:
    """Load keys at certain times, and print when each was there."""
    had, late = [], []
    async with Engine(storage) as engine:
        await engine.load(Waits(-os.getpid()).output())
        for number in range(keys):
            at = begins + number * every
            await asyncio.sleep(at - time.time())
            late.append((time.time() - at) * 1e3)
            await engine.load(Waits(number).output())
            had.append(time.time())
    print(json.dumps({"had": had, "late": late}))


if __name__ == "__main__":
    place, options, *numbers = sys.argv[1:]
    opened = open_storage(json.loads(place), **json.loads(options))
    asyncio.run(load(opened, int(numbers[0]), float(numbers[1]), float(numbers[2])))
