"""A graph at agents, those of Dask and those of Ray, with its storage in a bucket: one of them is killed on the way.

All rows of faults run so with ``pytest tests/cluster -k test_c --in=seaweedfs``.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from alexflow import Engine, open_record, open_storage
from alexflow.cluster import AgentExecutor, DaskExecutor, RayExecutor
from alexflow.storage import Storage
from tests.cluster.agents import agent
from tests.cluster.dask_processes import running_dask
from tests.cluster.ray_nodes import OF_RAY, two_nodes
from tests.cluster.test_faults import retries_of
from tests.cluster.waiting import are_at_work, begun_in, until
from tests.cluster.workflows import Waits, sum_of
from tests.kit.processes import parent_of
from tests.kit.servers.s3 import Server

pytestmark = [pytest.mark.anyio, pytest.mark.processes, pytest.mark.filterwarnings(*OF_RAY)]

PARTS = 60


@pytest.fixture
def storage(server: Callable[[str], Server]) -> Storage:
    behind = server("seaweedfs")
    return open_storage(behind.url(), **behind.options)


@asynccontextmanager
async def engine_at(kind: str, storage: Storage) -> AsyncIterator[tuple[Engine, AgentExecutor]]:
    """Have an engine, and two places that do not end together."""
    executor: AgentExecutor = AgentExecutor()
    async with AsyncExitStack() as stack:
        if kind == "dask":
            pytest.importorskip("distributed")
            executor = DaskExecutor(f"tcp://{stack.enter_context(running_dask(2))}")
        elif kind == "ray":
            pytest.importorskip("ray")
            executor = RayExecutor(stack.enter_context(two_nodes()).address)
        engine = await stack.enter_async_context(Engine(storage, executor=executor))
        for _ in range(2 if kind == "agents" else 0):
            await stack.enter_async_context(agent(executor, places=1))
        yield engine, executor


@pytest.mark.parametrize("kind", ["agents", "dask", "ray"])
async def test_a_graph_whose_storage_is_a_bucket_survives_a_kill(kind, storage, tmp_path):
    waits = [Waits(number, str(tmp_path)) for number in range(4)]
    target = [sum_of(PARTS), *waits]
    async with engine_at(kind, storage) as (engine, executor):
        charged = retries_of(engine)
        run = asyncio.create_task(engine.run(target))
        begun = await begun_in(tmp_path, 2)
        await until(lambda: are_at_work(executor, 2))
        lost = executor.agents[0]
        at_it = {process.pid for process in lost.workers.values()} & set(begun)
        os.kill(lost.pid if kind == "agents" else parent_of(lost.pid), signal.SIGKILL)
        await until(lambda: lost not in executor.agents)
        (tmp_path / "go").touch()
        assert (await run).ran == PARTS + 1 + len(waits)
        assert await engine.load(target[0].output()) == sum(range(PARTS))
        assert not at_it & {await engine.load(task.output()) for task in waits}
    assert len(charged) == len(at_it) == 1
    async with Engine(storage) as later:
        assert (await later.run(target)).ran == 0
    entries = await asyncio.to_thread(lambda: list(open_record(storage).entries()))
    assert len(entries) == PARTS + 1 + len(waits)
    assert all(entry.is_intact for entry in entries)
    assert {entry.attempts for entry in entries if entry.task_id in charged} == {2}
