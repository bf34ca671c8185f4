"""A real Ray cluster of two nodes on this machine: Ray finds the places, agents run the jobs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

pytest.importorskip("ray")

import ray
from ray.cluster_utils import Cluster

from alexflow import Engine
from alexflow.cluster import RayExecutor
from alexflow.errors import NoAgents, RunFailed
from alexflow.events import TaskRetrying
from tests.cluster.ray_nodes import OF_RAY, two_nodes
from tests.cluster.waiting import are_at_work, begun_in, until
from tests.cluster.workflows import Heavy, Leaf, Waits, sum_of
from tests.kit.processes import parent_of, still_alive

pytestmark = [pytest.mark.anyio, pytest.mark.processes, pytest.mark.filterwarnings(*OF_RAY)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with two_nodes() as started:
        yield started


async def test_a_graph_and_a_role(place, cluster, caplog):
    executor = RayExecutor(cluster.address)
    async with Engine(place, executors={"heavy": executor}) as engine:
        assert (await engine.run([Heavy(n) for n in range(40)])).ran == 40
        await until(lambda: len(executor.agents) == 2)
        assert [agent.places for agent in executor.agents] == [1, 1]
    assert not ray.is_initialized()
    assert "SIGTERM handler" not in caplog.text  # of which Ray warns in a thread


async def test_a_cluster_that_is_reached_through_its_head(place, cluster):
    async with Engine(place, executor=cluster.client_address) as engine:
        result = await engine.run(sum_of(100))
        assert result.output.load() == sum(range(100))


async def test_c2_an_actor_that_is_killed(place, tmp_path, cluster):
    """Its job loses an attempt and runs elsewhere, and the node gets another agent."""
    retries = []
    executor = RayExecutor(cluster.address)
    async with Engine(place, executor=executor) as engine:
        engine.broadcast.listen(lambda event: retries.append(event) if isinstance(event, TaskRetrying) else None)
        run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(4)]))
        begun = await begun_in(tmp_path, 2)
        await until(lambda: are_at_work(executor, 2))
        lost, *_ = agents = executor.agents
        hosted = {process.pid for process in lost.workers.values()} & set(begun)
        os.kill(parent_of(lost.pid), signal.SIGKILL)
        await until(lambda: lost not in executor.agents)
        assert await asyncio.to_thread(still_alive, hosted, 5.0) == set()
        await until(lambda: len(executor.agents) == len(agents))
        (tmp_path / "go").touch()
        assert (await run).ran == 4
    assert len(retries) == 1


async def test_a_node_is_given_back_and_another_one_asked_for(place, tmp_path, cluster):
    """Idle actors end where ``idle`` is given: with an autoscaler the actors that wait would be its demand."""
    executor = RayExecutor(cluster.address, idle=0.5)
    async with Engine(place, executor=executor) as engine:
        run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(3)]))
        await begun_in(tmp_path, 2)
        await until(lambda: len(executor._asked) == 1)
        (tmp_path / "go").touch()
        assert (await run).ran == 3
        await until(lambda: not (executor._asked or executor.agents or executor._pilots))
        assert (await engine.run(Waits(9, str(tmp_path)))).ran == 1


class Unreachable(RayExecutor):
    """Tells its agents an address where nothing listens."""

    async def _dialled_address(self) -> str:
        return "127.0.0.1:1"


async def test_lines_through_actors(place, cluster, caplog):
    """As where agents cannot dial the engine."""
    executor = Unreachable(cluster.address)
    async with Engine(place, executor=executor) as engine:
        assert (await engine.run(sum_of(300))).output.load() == sum(range(300))
    assert caplog.text.count("cannot dial this engine; their lines go through the cluster") == 1


@pytest.mark.parametrize("confused", ["the control service as a server for clients", "the other way round"])
async def test_the_address_of_another_server_of_ray(place, cluster, confused):
    """Ray itself would try for as long as it is let."""
    if confused.startswith("the control"):
        address, said = f"ray://{cluster.address}", "something else than Ray's server for clients answers"
    else:
        address = cluster.client_address.removeprefix("ray://")
        said = f"Ray's server for clients answers: write ray://{address}"
    async with asyncio.timeout(60), Engine(place, executor=RayExecutor(address)) as engine:
        for number in range(2):  # the second one when that is known
            with pytest.raises(RunFailed) as failed:
                await engine.run(Leaf(number))
            (error,) = failed.value.exceptions
            assert isinstance(error, NoAgents)
            assert said in str(error)
