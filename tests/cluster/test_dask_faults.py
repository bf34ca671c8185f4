"""What befalls Dask's own processes, while agents run jobs on their machines."""

from __future__ import annotations

import asyncio
import signal
import subprocess

import pytest

pytest.importorskip("distributed")

import dask
from distributed import Client

from alexflow import Engine
from alexflow.cluster import DaskExecutor
from tests.cluster.dask_processes import start_scheduler, start_worker
from tests.cluster.test_faults import retries_of
from tests.cluster.waiting import are_at_work, begun_in, until
from tests.cluster.workflows import Leaf, Waits

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


async def test_c4_a_worker_that_is_retired_costs_nothing(place, tmp_path, scheduler, workers):
    """What had not begun moves at once; what runs ends there, or runs again without a charge."""
    executor = DaskExecutor(f"tcp://{scheduler}")
    async with Engine(place, executor=executor) as engine:
        charged = retries_of(engine)
        run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(5)]))
        await begun_in(tmp_path, 2)
        await until(lambda: are_at_work(executor, 2))
        async with Client(f"tcp://{scheduler}", asynchronous=True, set_as_default=False) as client:
            first, *_ = (await client.scheduler.identity(n_workers=-1))["workers"]
            retiring = asyncio.create_task(client.retire_workers([first]))
            await until(lambda: any(agent.is_leaving for agent in executor.agents) or len(executor.agents) == 1)
            (tmp_path / "go").touch()
            assert (await run).ran == 5
            await retiring
            await until(lambda: len(executor.agents) == 1)
    assert charged == []


async def test_c7_another_scheduler_on_the_same_address(place, tmp_path, monkeypatch, scheduler_process, workers):
    """Workers end with their scheduler, once what they run has ended; those of the next one go on with what is left."""
    address, process = scheduler_process
    executor = DaskExecutor(f"tcp://{address}")
    others: list[subprocess.Popen[bytes]] = []
    monkeypatch.setitem(
        dask.config.config["distributed"]["comm"]["timeouts"], "connect", "1s"
    )  # then a client gives up
    async with Engine(place, executor=executor) as engine:
        charged = retries_of(engine)
        run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(4)]))
        await begun_in(tmp_path, 2)
        await until(lambda: are_at_work(executor, 2))
        process.kill()
        await asyncio.to_thread(process.wait)
        await until(lambda: all(agent.is_leaving for agent in executor.agents))
        (tmp_path / "go").touch()  # what runs ends there, and the workers by themselves after that
        await until(lambda: not executor.agents and executor._client.status == "closed")
        try:
            others += [start_scheduler(address), start_worker(address), start_worker(address)]
            assert (await run).ran == 4
        finally:
            for other in others:
                other.kill()
                await asyncio.to_thread(other.wait)
    assert charged == []


async def test_c9_a_scheduler_that_does_not_answer_for_a_while(place, scheduler_process, workers):
    """Lines of agents are their own: tasks begin and end meanwhile."""
    address, process = scheduler_process
    executor = DaskExecutor(f"tcp://{address}")
    async with Engine(place, executor=executor) as engine:
        charged = retries_of(engine)
        await engine.run([Leaf(number) for number in range(20)])
        await until(lambda: len(executor.agents) == 2)
        process.send_signal(signal.SIGSTOP)
        try:
            assert (await engine.run([Leaf(number) for number in range(100, 300)])).ran == 200
            await asyncio.sleep(2.0)  # as long as the connection is cut
            assert (await engine.run([Leaf(number) for number in range(300, 400)])).ran == 100
        finally:
            process.send_signal(signal.SIGCONT)
        assert len(executor.agents) == 2
    assert charged == []
