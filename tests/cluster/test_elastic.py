"""Nodes that come when there is work and go when there is none."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("distributed")

from distributed import LocalCluster

from alexflow import Engine
from alexflow.cluster import AgentExecutor, DaskExecutor
from alexflow.cluster.idle_agents import IdleAgents, nodes_lacking
from alexflow.errors import DefinitionError
from tests.cluster.agents import agent
from tests.cluster.waiting import begun_in, until
from tests.cluster.workflows import Leaf, Waits, attempts

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


async def test_an_adaptive_cluster_of_dask(place, tmp_path, caplog):
    """It has no worker at first, gets as many as jobs need, and has none when they are done."""
    nothing_shown = {"dashboard_address": None, "n_workers": 0, "threads_per_worker": 1}
    async with LocalCluster(asynchronous=True, host="127.0.0.1", **nothing_shown) as cluster:
        cluster.adapt(minimum=0, maximum=2, interval="200ms", wait_count=2)
        executor = DaskExecutor(cluster, idle=1.0)
        async with Engine(place, executor=executor) as engine:
            await asyncio.sleep(0.5)
            assert not cluster.scheduler.workers  # nothing has been asked for
            run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(4)]))
            await begun_in(tmp_path, 2)
            assert len(cluster.scheduler.workers) == 2
            (tmp_path / "go").touch()
            assert (await run).ran == 4
            await until(lambda: not executor.agents and not cluster.scheduler.workers)
            assert not cluster.scheduler.tasks
            assert (await engine.run(Leaf(1))).ran == 1  # another one comes
    assert [len(attempts(tmp_path, number)) for number in range(4)] == [1] * 4
    assert "is lost" not in caplog.text


async def test_an_agent_is_let_go_when_it_has_had_nothing_for_a_while(place):
    executor, idle = AgentExecutor(), IdleAgents(10.0)
    async with Engine(place, executor=executor) as engine, agent(executor) as process:
        await engine.run(Leaf(1))
        (there,) = agents = executor.agents
        assert idle.found(agents, has_work=False, now=0.0) == []
        assert idle.found(agents, has_work=False, now=9.0) == []
        await engine.run(Leaf(2))  # between two looks
        assert idle.found(agents, has_work=False, now=11.0) == []
        assert idle.found(agents, has_work=True, now=20.9) == []
        assert idle.found(agents, has_work=False, now=30.8) == []
        assert idle.found(agents, has_work=False, now=31.0) == [there]
        there.release()
        assert await asyncio.to_thread(process.wait, 30) == 0


@pytest.mark.parametrize(
    ("jobs", "places", "usual", "expected"),
    [(0, [], 1, 0), (3, [], 1, 3), (3, [], 2, 2), (3, [2, 1], 2, 0), (5, [2], 2, 2), (10**6, [], 4, 100)],
)
def test_how_many_nodes_are_lacking(jobs, places, usual, expected):
    assert nodes_lacking(jobs, places, usual) == expected


@pytest.mark.parametrize("idle", [-1, "soon"])
def test_an_idle_time_that_is_none(idle):
    with pytest.raises(DefinitionError, match="idle must be a number of seconds"):
        DaskExecutor("tcp://127.0.0.1:1", idle=idle)
