"""``engine.map``: a stream of items to a stream of values, beside a load of a list; and its memory."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from alexflow import Engine
from benchmarks.ruler import bar_here
from benchmarks.services.tasks import Stored, StoredInProcess

ROUNDS = 3

#: Microseconds of CPU an item.
BARS = {Stored: 50, StoredInProcess: 25}


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure rounds of both in turn. Returns the lines of the table."""
    lines = []
    async with Engine(directory, workers=2) as engine:
        await engine.run([cls(-1) for cls in BARS])
        for cls, bar in BARS.items():
            count, at = int(10_000 * scale), 0
            listed: list[float] = []
            mapped: list[float] = []
            first = 0.0
            for _ in range(ROUNDS):
                began = _cpu()
                await engine.load([cls(n).output() for n in range(at, at + count)])
                listed.append((_cpu() - began) / count * 1e6)
                at += count
                began, started, first = _cpu(), time.perf_counter(), 0.0
                async for _ in engine.map(cls, range(at, at + count)):
                    first = first or time.perf_counter() - started
                mapped.append((_cpu() - began) / count * 1e6)
                at += count
            one, other = statistics.median(mapped), statistics.median(listed)
            lines.append(
                f"{cls.__name__}: {one:.0f} us of CPU an item ({bar_here(bar)}) = {one / other:.2f} x a load of a "
                f"list, whose values come at the end; first value after {first * 1e3:.0f} ms (bar: 100)"
            )
        lines.append(await _memory(engine, int(200_000 * scale)))
    return iter(lines)


async def measure_million(directory: Path, scale: float) -> Iterator[str]:
    """Measure what a million items add to memory, which takes minutes. Returns the lines of the table."""
    async with Engine(directory, workers=2) as engine:
        await engine.run([StoredInProcess(-1)])
        return iter([await _memory(engine, int(count * scale)) for count in (100_000, 1_000_000)])


async def _memory(engine: Engine, count: int) -> str:
    """Map so many items. Returns by how much memory grows."""
    seen, before, grown = 0, _resident(), 0.0
    async for _ in engine.map(StoredInProcess, range(-2 * count, -count)):
        seen += 1
        if seen % 1000 == 0:
            grown = max(grown, _resident() - before)
    return f"{seen:,} items: memory {grown:+.1f} MiB (bar: 10)"


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
