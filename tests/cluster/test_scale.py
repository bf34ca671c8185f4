"""Calls of the engine for a job at many agents, which are simulated."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from alexflow import Engine
from benchmarks.cluster.quick_agents import QuickAgents
from benchmarks.cluster.tasks import joined
from tests.cluster.waiting import begun_in, until
from tests.cluster.workflows import Waits

pytestmark = pytest.mark.anyio


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the calls of the package's functions."""
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and "/alexflow/" in frame.f_code.co_filename:
            calls[frame.f_code.co_qualname] += 1

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)


async def calls_at(agents: int, place: Path) -> tuple[float, float]:
    """Calls for a job that comes with a worker at its agent, and for one that finds a worker."""
    executor = QuickAgents(agents, 0.5)  # so that hardly any gets a second job before all have one
    async with Engine(place, executor=executor, record=False) as engine:
        found = []
        for round in range(2):
            target = executor.last = joined(round, agents)
            with counted() as calls:
                await engine.run(target)
            found.append(calls.total() / agents)
    return found[0], found[1]


async def test_a_worker_and_a_job_cost_the_same_with_four_times_the_agents(tmp_path):
    few, many = await calls_at(100, tmp_path / "few"), await calls_at(400, tmp_path / "many")
    assert many[0] < 1.2 * few[0]
    assert many[1] < 1.2 * few[1]


async def test_more_than_a_thousand_places_have_work_beside_another_engine(place, tmp_path):
    """Each place gets its job, though all that an engine has in company is leased."""
    executor = QuickAgents(1_200, 3600)
    async with Engine(place, workers=1) as other, Engine(place, executor=executor) as engine:
        waits = asyncio.create_task(other.run(Waits(0, str(tmp_path))))
        await begun_in(tmp_path, 1)
        executor.last = joined(0, 1_200)
        run = asyncio.create_task(engine.run(executor.last))
        await until(lambda: sum(line.jobs for line in executor.lines) == 1_200)
        run.cancel()
        (tmp_path / "go").touch()
        assert (await waits).ran == 1
