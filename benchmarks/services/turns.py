"""For how long the event loop is held, whatever is asked for: turns over 5 ms of processor time.

Processor time of single turns is that of the machine, too: what is beside it on its cores makes some a few times as
long. So there is a ruler, a fixed work that is as long as a slice; and of each work a tenth is done once more, with its
calls counted: the longest turn in calls, by what one costs in that work, is what it takes of itself.

With ``ALEXFLOW_STACKS=1`` it names what ran in long turns, and with ``ALEXFLOW_WORKS=run_async,closes`` it does only
some.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from benchmarks.ruler import WHERE_BARS_WERE_SET, of_encoding
from benchmarks.services.long_turns import BAR, TurnWatch
from benchmarks.services.long_works import WORKS, do, ends_together
from benchmarks.services.turn_calls import TurnCalls

#: How often the ruler's work is done, which takes so many milliseconds.
RULED, RULE_MS = 2_000, 1.0


async def measure(directory: Path, scale: float) -> Iterator[str]:
    """Measure. Returns the lines of the table."""
    return iter([_ruler(), *[line async for line in _lines(directory, int(100_000 * scale))]])


def _ruler() -> str:
    """Do a fixed work again and again. Returns how long it takes."""
    began = time.thread_time()
    _fixed(100_000)
    steps = int(100_000 * RULE_MS / 1e3 / (time.thread_time() - began))
    took: list[float] = []
    for _ in range(RULED):
        began = time.thread_time()
        _fixed(steps)
        took.append((time.thread_time() - began) * 1e3)
    took.sort()
    return (
        f"ruler: the same work {RULED:,} times: half of them up to {took[RULED // 2]:.1f} ms, 99 % "
        f"{took[RULED * 99 // 100]:.1f}, 99.9 % {took[RULED * 999 // 1000]:.1f}, the longest {took[-1]:.1f}"
    )


def _fixed(steps: int) -> int:
    total = 0
    for step in range(steps):
        total += step * step % 7
    return total


async def _lines(directory: Path, count: int) -> AsyncIterator[str]:
    chosen = os.environ.get("ALEXFLOW_WORKS")
    for work in WORKS:
        name = work.__name__
        if chosen and name not in chosen.split(","):
            continue
        times, calls, counted = TurnWatch(names_stacks="ALEXFLOW_STACKS" in os.environ), TurnCalls(), count // 10
        await do(work, directory / name, count, times)
        await do(work, directory / f"{name}-counted", counted, calls)
        each = times.seconds / count * counted / calls.calls * 1e3
        beside = f", {await _woken(count):.1f} ms where asyncio wakes as many" if work is ends_together else ""
        here = BAR * of_encoding(20_000) / WHERE_BARS_WERE_SET
        too_long = sum(long.milliseconds > here for long in times.long)
        yield (
            f"{name}, {count:,}: of {times.turns:,} turns {len(times.long)} over {BAR:.0f} ms of CPU, {too_long} over "
            f"{here:.1f} ms, which that is by the ruler here (bar: 0), the longest {times.longest:.1f} ms{beside}, "
            f"{times.seconds:.2f} s in all; of {counted:,} the longest has {calls.longest:,} calls, by what they cost "
            f"{calls.longest * each:.1f} ms"
        )
        for long in sorted(times.long, reverse=True)[:6] if times.names_stacks else ():
            yield f"    {long.milliseconds:.1f} ms"
            for stack, seen in long.stacks:
                yield f"        {seen} x {stack}"
        if times.names_stacks:
            yield f"    most calls: {calls.names}"


async def _woken(count: int) -> float:
    """Wake so many plain tasks of asyncio at one moment, as a user's own code may. Returns the longest turn in ms."""
    gate, watch = asyncio.Event(), TurnWatch()

    async def waits() -> None:
        await gate.wait()
        await asyncio.sleep(0)

    tasks = [asyncio.create_task(waits()) for _ in range(min(count, 10_000))]
    await asyncio.sleep(0)
    with watch:
        gate.set()
        await asyncio.wait(tasks)
    return watch.longest
