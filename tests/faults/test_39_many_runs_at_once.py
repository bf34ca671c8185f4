"""39: 1,000 ``arun`` at once on one directory: below 3 × the time without leases; the loop is never away for 0.5 s."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest

import alexflow
from tests.faults.workflows import WaitsForEvent, gates

pytestmark = pytest.mark.anyio

RUNS = 1000


class Turns:
    """The longest turn of the event loop, in seconds of its thread's CPU: whatever else the machine does."""

    longest = 0.0

    async def watch(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest = max(self.longest, now - last)
            last = now


async def cpu_of(place: str, lease_ttl: float | None) -> tuple[float, float]:
    """Seconds of CPU that the runs take together, and the longest turn."""
    turns = Turns()
    watching = asyncio.create_task(turns.watch())
    await asyncio.sleep(0)
    gc.collect()
    began = time.thread_time()
    tasks = [WaitsForEvent(n, event="open") for n in range(RUNS)]
    results = await asyncio.gather(
        *(alexflow.arun(task, storage=place, lease_ttl=lease_ttl, workers=1) for task in tasks)
    )
    took = time.thread_time() - began
    watching.cancel()
    assert [result.ran for result in results] == [1] * RUNS
    return took, turns.longest


async def test_leases_cost_less_than_twice_the_run_itself(tmp_path):
    gates["open"] = asyncio.Event()
    gates["open"].set()
    without, turn = await cpu_of(str(tmp_path / "without"), None)
    with_leases, longest = await cpu_of(str(tmp_path / "with"), 30.0)
    assert with_leases < 3 * without
    assert longest < 2 * turn  # in which all of them begin


async def test_of_a_thousand_that_want_the_same_one_makes_it(tmp_path):
    gates["open"] = asyncio.Event()
    gates["open"].set()
    place = str(tmp_path / "results")
    task = WaitsForEvent(7, event="open")
    results = await asyncio.gather(*(alexflow.arun(task, storage=place, workers=1) for _ in range(200)))
    assert sum(result.ran for result in results) == 1
    assert all(result.ok for result in results)
