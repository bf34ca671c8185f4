"""Long lists: what an output of ``load([…])`` costs, and for how long the event loop is held by a run of 100,000."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from alexflow import Engine
from benchmarks.ruler import bar_here
from benchmarks.services.tasks import Stored, StoredInProcess

ROUNDS = 5
LOADED = 1_000


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    async with Engine(directory, workers=2) as engine:
        outputs = [Stored(n).output() for n in range(LOADED)]
        await engine.load(outputs)
        took = []
        for _ in range(ROUNDS):
            began = time.thread_time()
            await engine.load(outputs)
            took.append((time.thread_time() - began) / LOADED * 1e6)
        lines = [f"load of {LOADED:,} that exist: {statistics.median(took):.1f} us of CPU each ({bar_here(12)})"]
        for cls in (Stored, StoredInProcess):
            tasks = [cls(n) for n in range(LOADED, LOADED + int(100_000 * scale))]
            turns = _Turns()
            await engine.run(tasks)
            longest = turns.end()
            over = sum(turn > 5 for turn in longest)
            shown = ", ".join(f"{turn:.0f}" for turn in longest[:5])
            lines.append(f"run of {len(tasks):,} x {cls.__name__}: {over} turns over 5 ms of CPU (bar: 0): {shown} …")
    return iter(lines)


class _Turns:
    """The CPU time of each turn of the event loop, but for collections of garbage: these follow from all objects."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._took: list[float] = []
        self._collected = self._began = 0.0
        gc.callbacks.append(self._collects)
        self._last = time.thread_time()
        self._next = self._loop.call_soon(self._turn)

    def _collects(self, phase: str, _: object) -> None:
        if phase == "start":
            self._began = time.thread_time()
        else:
            self._collected += time.thread_time() - self._began

    def _turn(self) -> None:
        now = time.thread_time()
        self._took.append((now - self._last - self._collected) * 1e3)
        self._last, self._collected = now, 0.0
        self._next = self._loop.call_soon(self._turn)

    def end(self) -> list[float]:
        """Return the milliseconds, from the longest."""
        self._next.cancel()
        gc.callbacks.remove(self._collects)
        return sorted(self._took, reverse=True)
