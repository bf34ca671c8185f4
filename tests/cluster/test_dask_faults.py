"""Faults of Dask's own processes, while agents run jobs on their machines."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("distributed")

import dask
from distributed import Client

from alexflow import Engine
from alexflow.cluster import DaskExecutor
from tests.cluster.dask_processes import start_dask, start_scheduler, start_worker
from tests.cluster.test_faults import retries_of
from tests.cluster.waiting import are_at_work, begun_in, until
from tests.cluster.workflows import Leaf, Waits
from tests.kit.processes import parent_of, still_alive

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


async def test_c2_a_worker_that_its_nanny_replaces(place, tmp_path, scheduler):
    """The job under way is charged, and the new worker gets an agent and work."""
    nanny = start_dask("dask_worker", f"tcp://{scheduler}", "--nthreads", "1", "--host", "127.0.0.1")
    executor = DaskExecutor(f"tcp://{scheduler}")
    try:
        async with Engine(place, executor=executor) as engine:
            charged = retries_of(engine)
            run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(3)]))
            (first,) = await begun_in(tmp_path, 1)
            await until(lambda: are_at_work(executor, 1))
            (lost,) = executor.agents
            os.kill(parent_of(lost.pid), signal.SIGKILL)
            assert await asyncio.to_thread(still_alive, {first}, 10.0) == set()
            await until(lambda: executor.agents and lost not in executor.agents)
            (tmp_path / "go").touch()
            assert (await run).ran == 3
    finally:
        nanny.terminate()  # it ends its worker
        await asyncio.to_thread(nanny.wait)
    assert len(charged) == 1


async def test_c6_an_engine_that_is_killed_leaves_nothing(place, tmp_path, scheduler, workers):
    """No worker of its, and nothing that the scheduler would run; the next engine runs what is missing."""
    tasks = [*(Leaf(number) for number in range(20)), *(Waits(number, str(tmp_path)) for number in range(4))]
    code = f"""
import alexflow
from tests.cluster.workflows import Leaf, Waits
from tests.kit.processes import parent_of, still_alive
tasks = [*map(Leaf, range(20)), *(Waits(number, {str(tmp_path)!r}) for number in range(4))]
alexflow.run(tasks[:20], storage={str(place)!r}, executor="thread", progress=False)
alexflow.run(tasks, storage={str(place)!r}, executor="dask://{scheduler}", progress=False)
"""
    first = await asyncio.to_thread(subprocess.Popen, [sys.executable, "-c", code])
    try:
        begun = await begun_in(tmp_path, 2)
    finally:
        first.kill()
        await asyncio.to_thread(first.wait)
    assert await asyncio.to_thread(still_alive, set(begun), 10.0) == set()
    async with Client(f"tcp://{scheduler}", asynchronous=True, set_as_default=False) as client:
        async with asyncio.timeout(60):
            while any((await client.processing()).values()):  # noqa: ASYNC110  # the scheduler does not say when
                await asyncio.sleep(0.05)
    (tmp_path / "go").touch()
    async with Engine(place, executor=f"dask://{scheduler}") as engine:
        result = await engine.run(tasks)
        assert (result.ran, result.cached) == (4, 20)


async def test_c4_a_worker_that_is_retired_costs_nothing(place, tmp_path, scheduler, workers):
    """Jobs that had not begun move at once; those that run end there, or run again without a charge."""
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
