"""Real Dask schedulers and workers: Dask finds the places, agents run the jobs."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

pytest.importorskip("distributed")

from distributed import Client

from alexflow import Engine
from alexflow.cluster import DaskExecutor
from alexflow.cluster.piloted import CLUSTER_LOOK_EVERY
from alexflow.events import TaskRetrying
from tests.cluster.dask_processes import start_worker
from tests.cluster.waiting import are_at_work, begun_in, until
from tests.cluster.workflows import Heavy, Leaf, Waits, sum_of
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


async def test_c4_a_worker_whose_allocation_ends_gets_no_other_agent(place, scheduler, monkeypatch, caplog):
    """Its agent leaves a minute before; another one would do so at once, again and again."""
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 68))
    started = []
    real = DaskExecutor.start_pilot

    async def start_pilot(self, node, options):
        started.append(node.name)
        return await real(self, node, options)

    monkeypatch.setattr(DaskExecutor, "start_pilot", start_pilot)
    executor = DaskExecutor(f"tcp://{scheduler}")
    worker = await asyncio.to_thread(start_worker, scheduler)
    try:
        async with Engine(place, executor=executor):
            await until(lambda: started)
            await until(lambda: executor._over, 90.0)
            await asyncio.sleep(2.5 * CLUSTER_LOOK_EVERY)  # in which others would come
            assert len(started) == 1
            assert executor.agents == []
    finally:
        worker.kill()
        await asyncio.to_thread(worker.wait)


async def test_nothing_of_an_engine_is_left_at_the_client_of_the_user(place, scheduler_process, workers):
    address, _ = scheduler_process
    async with Client(address, asynchronous=True, set_as_default=False) as client:
        executor = DaskExecutor(client)
        async with Engine(place, executor=executor) as engine:
            assert (await engine.run(Leaf(1))).ran == 1
            assert executor.topic in await subscriptions(client)
        async with asyncio.timeout(10):
            while executor.topic in await subscriptions(client):  # noqa: ASYNC110  # the scheduler hears of it later
                await asyncio.sleep(0.05)
        assert client.status == "running"


async def subscriptions(client):
    """The topics to which a client has subscribed, as its scheduler has them."""

    def of_client(name, dask_scheduler):
        broker = dask_scheduler._broker
        return [topic for topic, each in broker._topics.items() if name in each.subscribers]

    return await client.run_on_scheduler(of_client, client.id)


async def test_c13_a_worker_that_lacks_alexflow_lives_on_and_gets_its_agent_once_it_has_it(
    place, tmp_path, scheduler, caplog
):
    """A pilot is of alexflow's code, and a worker that reads one without it dies of it, and so does the next one."""
    lacking = tmp_path / "alexflow.py"  # comes before the installed one
    lacking.write_text("raise ModuleNotFoundError(\"No module named 'alexflow'\")")
    worker = start_worker(scheduler, directory=tmp_path)
    try:
        async with Engine(place, executor=f"dask://{scheduler}") as engine:
            run = asyncio.create_task(engine.run(Leaf(1)))
            await until(lambda: "No module named 'alexflow'; install alexflow" in caplog.text)
            assert worker.poll() is None
            lacking.unlink()
            assert (await run).ran == 1
    finally:
        worker.kill()
        worker.wait()
