"""Agents on machines of their own: network namespaces."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from alexflow import Engine, open_record
from alexflow.cluster import AgentExecutor
from alexflow.errors import RunFailed
from alexflow.events import TaskStarted
from tests.cluster.latency import slow_way_to
from tests.cluster.namespaces import Machine, system
from tests.cluster.test_faults import retries_of
from tests.cluster.waiting import are_at_work, until
from tests.cluster.workflows import Fails, Leaf, Waits, attempts, sum_of
from tests.kit.processes import still_alive

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


@asynccontextmanager
async def agent_on(
    machine: Machine, executor: AgentExecutor, places: int = 1, port: int | None = None
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """An agent there, for as long as the block."""
    address = f"{machine.ours}:{port or executor.address.rpartition(':')[2]}"
    command = [*machine.prefix, sys.executable, "-m", "alexflow", "agent", "--connect", address, "--name", machine.name]
    environment = {**os.environ, "ALEXFLOW_AGENT_TOKEN": executor.token}
    process = await asyncio.to_thread(
        subprocess.Popen, [*command, "--places", str(places)], env=environment, stdin=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


async def test_a_graph_on_machines_a_millisecond_away(place, machines):
    executor = AgentExecutor("0.0.0.0:0")
    first, second = machines
    async with (
        Engine(place, executor=executor) as engine,
        slow_way_to(executor.address) as port,
        agent_on(first, executor, port=port),
        agent_on(second, executor, port=port),
    ):
        await until(lambda: len(executor.agents) == 2)
        assert (await engine.run(sum_of(300))).output.load() == sum(range(300))
        assert {agent.name for agent in executor.agents} == {first.name, second.name}


async def test_the_record_names_the_machine(place, machines):
    """The namespace has a name of its own, as machines have."""
    executor = AgentExecutor("0.0.0.0:0")
    first, _ = machines
    named = first._replace(prefix=["unshare", "--uts", "sh", "-c", 'hostname far-away; exec "$@"', "sh", *first.prefix])
    began = []
    async with Engine(place, executor=executor) as engine, agent_on(named, executor):
        engine.broadcast.listen(lambda event: began.append(event.host) if isinstance(event, TaskStarted) else None)
        key = (await engine.run(Leaf(1))).output.key
        with pytest.raises(RunFailed) as caught:
            await engine.run(Fails(2))
    (failed,) = caught.value.exceptions[0].history
    assert f", worker {failed.worker} on far-away: " in str(failed)
    record = await asyncio.to_thread(open_record, place)
    assert await asyncio.to_thread(lambda: record.entry(key).host) == "far-away"
    assert await asyncio.to_thread(lambda: [each.host for run in record.runs() for each in run.attempts]) == [
        "far-away"
    ]
    assert began == ["far-away", "far-away"]


async def test_c3_a_machine_from_which_nothing_is_heard(place, tmp_path, machines, monkeypatch):
    """Its packets are dropped, nothing is closed: its job runs elsewhere, and its workers end by themselves."""
    monkeypatch.setattr("alexflow.cluster.executor.SILENT_FOR", 4.0)
    executor = AgentExecutor("0.0.0.0:0")
    first, second = machines
    async with Engine(place, executor=executor) as engine:
        charged = retries_of(engine)
        async with agent_on(first, executor) as cut_off:
            run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(3)]))
            await until(lambda: attempts(tmp_path, 0) and are_at_work(executor, 1))
            async with agent_on(second, executor, places=3):
                await until(lambda: len(executor.agents) == 2)
                await asyncio.to_thread(system, "ip", "link", "set", first.link, "down")
                try:
                    await until(lambda: len(executor.agents) == 1)
                    lost = attempts(tmp_path, 0)[0]
                    assert await asyncio.to_thread(still_alive, {lost}, 20.0) == set()
                    assert cut_off.poll() is None
                finally:
                    await asyncio.to_thread(system, "ip", "link", "set", first.link, "up")
                await until(lambda: len(executor.agents) == 2)  # it dials on until it is heard
                (tmp_path / "go").touch()
                assert (await run).ran == 3
    assert charged == [Waits(0, str(tmp_path)).task_id]
