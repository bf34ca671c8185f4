"""What befalls agents: the rows of faults on clusters that need no cluster."""

from __future__ import annotations

import asyncio
import signal

import pytest

from alexflow import Engine
from alexflow.cluster import AgentExecutor
from alexflow.events import TaskRetrying
from tests.cluster.agents import agent
from tests.cluster.waiting import are_at_work, until
from tests.cluster.workflows import Leaf, Waits, attempts
from tests.kit.processes import still_alive

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


def retries_of(engine: Engine) -> list[str]:
    """The tasks of which attempts are charged, as it happens."""
    found: list[str] = []
    engine.broadcast.listen(lambda event: found.append(event.task_id) if isinstance(event, TaskRetrying) else None)
    return found


async def test_c3_c10_an_agent_that_falls_silent_is_given_up_and_ends_when_it_goes_on(place, tmp_path, monkeypatch):
    """As a machine whose packets are dropped, or a process that is stopped: nothing is said, nothing is closed."""
    monkeypatch.setattr("alexflow.cluster.executor.SILENT_FOR", 0.9)
    executor = AgentExecutor()
    async with Engine(place, executor=executor) as engine:
        charged = retries_of(engine)
        async with agent(executor, places=1) as stopped:
            run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(3)]))
            await until(lambda: attempts(tmp_path, 0) and are_at_work(executor, 1))
            (first,) = attempts(tmp_path, 0)
            stopped.send_signal(signal.SIGSTOP)
            await until(lambda: not executor.agents)
            async with agent(executor, places=3):
                await until(lambda: len(attempts(tmp_path, 0)) == 2)  # it runs elsewhere
                assert await asyncio.to_thread(still_alive, {first}, 0.0) == {first}
                stopped.send_signal(signal.SIGCONT)
                assert await asyncio.to_thread(still_alive, {first}, 10.0) == set()
                assert await asyncio.to_thread(stopped.wait, 10) == 0
                (tmp_path / "go").touch()
                assert (await run).ran == 3
    assert charged == [Waits(0, str(tmp_path)).task_id]  # it was at work, and might be what silenced the machine
    assert [len(attempts(tmp_path, number)) for number in range(3)] == [2, 1, 1]


async def test_c4_an_allocation_ends_and_nothing_is_charged(place, tmp_path):
    """What runs when the time is over runs again elsewhere."""
    executor = AgentExecutor()
    async with Engine(place, executor=executor) as engine:
        charged = retries_of(engine)
        run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(3)]))
        async with agent(executor, "--time-left", "62", places=1) as leaves:  # it leaves a minute before
            await until(lambda: executor.agents and executor.agents[0].is_leaving)
            async with agent(executor, places=1):
                await until(lambda: sum(len(attempts(tmp_path, number)) for number in range(3)) == 2)
                leaves.kill()  # the minute is over
                await until(lambda: len(executor.agents) == 1)
                (tmp_path / "go").touch()
                assert (await run).ran == 3
    assert charged == []


async def test_c16_two_engines_on_one_storage_share_the_work(place, tmp_path):
    """Each task runs once, and an engine that is closed ends no worker of the other."""
    first, second = AgentExecutor(), AgentExecutor()
    tasks = [Leaf(number) for number in range(300)]
    async with Engine(place, executor=first) as other, agent(first):
        async with Engine(place, executor=second) as engine, agent(second):
            results = await asyncio.gather(other.run(tasks), engine.run(tasks))
            assert sum(result.ran for result in results) == 300
            waits = asyncio.create_task(other.run(Waits(0, str(tmp_path))))
            await until(lambda: attempts(tmp_path, 0))
        assert await asyncio.to_thread(still_alive, set(attempts(tmp_path, 0)), 0.0)
        (tmp_path / "go").touch()
        assert (await waits).ran == 1
    assert len(attempts(tmp_path, 0)) == 1
