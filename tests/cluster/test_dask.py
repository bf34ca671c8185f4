"""Real Dask schedulers and workers: Dask finds the places, agents run the jobs."""

from __future__ import annotations

import asyncio
import signal

import pytest

pytest.importorskip("distributed")

from alexflow import Engine
from alexflow.cluster import DaskExecutor
from alexflow.events import TaskRetrying
from tests.cluster.waiting import are_at_work, begun_in, until
from tests.cluster.workflows import Heavy, Waits, sum_of
from tests.kit.processes import still_alive

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


async def test_a_graph_and_a_role(place, scheduler, workers):
    async with Engine(place, executors={"heavy": f"dask://{scheduler}"}) as engine:
        assert (await engine.run([Heavy(n) for n in range(40)])).ran == 40
    async with Engine(place, executor=f"dask://{scheduler}") as engine:
        result = await engine.run(sum_of(100))
        assert result.output.load() == sum(range(100))


async def test_c2_a_worker_that_is_killed(place, tmp_path, scheduler, workers):
    retries = []
    executor = DaskExecutor(f"tcp://{scheduler}")
    async with Engine(place, executor=executor) as engine:
        engine.broadcast.listen(lambda event: retries.append(event) if isinstance(event, TaskRetrying) else None)
        run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(4)]))
        begun = await begun_in(tmp_path, 2)
        await until(lambda: are_at_work(executor, 2))
        workers[0].send_signal(signal.SIGKILL)
        await until(lambda: len(executor.agents) == 1)
        await until(lambda: len(still_alive(set(begun), 0.0)) == 1)
        (tmp_path / "go").touch()
        assert (await run).ran == 4
    assert len(retries) == 1
