"""Faults of agents: the rows of faults on clusters that need no cluster."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from alexflow import Engine
from alexflow.cluster import AgentExecutor
from alexflow.cluster.agent import PYTHON
from alexflow.cluster.executor import _version_trouble
from alexflow.cluster.messages import Introduction
from alexflow.events import TaskRetrying
from alexflow.version import __version__
from tests.cluster.agents import agent
from tests.cluster.waiting import are_at_work, until
from tests.cluster.workflows import Computes, Leaf, Timed, Waits, attempts
from tests.kit.processes import still_alive

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


def retries_of(engine: Engine) -> list[str]:
    """The tasks of which attempts are charged, as it happens."""
    found: list[str] = []
    engine.broadcast.listen(lambda event: found.append(event.task_id) if isinstance(event, TaskRetrying) else None)
    return found


async def test_c1_a_worker_that_is_killed_costs_its_own_task(place, tmp_path):
    executor = AgentExecutor()
    async with Engine(place, executor=executor) as engine, agent(executor):
        charged = retries_of(engine)
        tasks = [Waits(0, str(tmp_path)), *(Leaf(number) for number in range(400))]
        run = asyncio.create_task(engine.run(tasks))
        await until(lambda: attempts(tmp_path, 0))
        os.kill(attempts(tmp_path, 0)[0], signal.SIGKILL)
        await until(lambda: len(attempts(tmp_path, 0)) == 2)
        (tmp_path / "go").touch()
        assert (await run).ran == 401
        assert (await engine.run([Leaf(number) for number in range(400, 500)])).ran == 100
    assert charged == [Waits(0, str(tmp_path)).task_id]


@pytest.mark.parametrize("in_c", [False, True], ids=["python", "C"])
async def test_c5_a_task_that_is_cancelled_while_it_computes(place, tmp_path, in_c):
    """It holds nothing any more, its agent lives, and its only place is used again."""
    executor = AgentExecutor()
    task = Computes(0, str(tmp_path), in_c)
    async with Engine(place, executor=executor, grace=0.5) as engine, agent(executor, places=1) as process:
        run = asyncio.create_task(engine.run(task))
        await until(lambda: attempts(tmp_path, 0) and are_at_work(executor, 1))
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert (await engine.run([Leaf(number) for number in range(20)])).ran == 20
        if in_c:
            assert await asyncio.to_thread(still_alive, set(attempts(tmp_path, 0)), 10.0) == set()
        assert process.poll() is None
    assert len(attempts(tmp_path, 0)) == 1


async def test_c12_an_agent_of_another_version_is_refused(place, caplog, capfd):
    """Both versions are named, at both ends, and the engine goes on with the other agents."""
    executor = AgentExecutor()
    code = "import runpy, alexflow.cluster.agent as agent; agent.__version__ = '0.9'; "
    code += "runpy.run_module('alexflow', run_name='__main__')"
    async with Engine(place, executor=executor) as engine:
        command = [sys.executable, "-c", code, "agent", "--connect", executor.address]
        environment = {**os.environ, "ALEXFLOW_AGENT_TOKEN": executor.token}
        other = await asyncio.to_thread(subprocess.Popen, command, env=environment)
        await asyncio.to_thread(other.wait, 60)
        assert executor.agents == []
        async with agent(executor):
            assert (await engine.run(Leaf(1))).ran == 1
    for text in (caplog.text, capfd.readouterr().err):
        assert f"it has alexflow 0.9, and the engine {__version__}; install the same version on" in text


def test_c12_another_python_is_refused():
    other = Introduction(b"", b"", "far", "far", 1, 1, __version__, "3.9", 1, 0, {})
    assert _version_trouble(other).startswith(f"it has Python 3.9, and the engine {PYTHON}; ")


async def test_c3_c10_an_agent_that_falls_silent_is_given_up_and_comes_anew(place, tmp_path, monkeypatch):
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
                await until(lambda: len(executor.agents) == 2)
                (tmp_path / "go").touch()
                assert (await run).ran == 3
            assert stopped.poll() is None
    assert charged == [Waits(0, str(tmp_path)).task_id]  # it was at work, and might be what silenced the machine
    assert [len(attempts(tmp_path, number)) for number in range(3)] == [2, 1, 1]


@asynccontextmanager
async def agent_that_leaves_at_work(executor: AgentExecutor, place: Path) -> AsyncIterator[subprocess.Popen]:
    """An agent of one place whose time is over while its worker is at a task; it leaves a minute before the end.

    How long it takes until a worker is at work depends on the machine and the storage: it gets more time if it had too
    little.
    """
    for seconds in (2, 5, 15, 45):
        async with agent(executor, "--time-left", str(60 + seconds), places=1) as process:
            await until(lambda: process.poll() is not None or (attempts(place, 0) and executor.agents[0].is_leaving))
            if process.poll() is None:
                yield process
                return
    raise AssertionError("no worker was at work after 45 s")


async def test_c4_an_allocation_ends_and_nothing_is_charged(place, tmp_path):
    """A task that runs when the time is over runs again on another agent."""
    executor = AgentExecutor()
    async with Engine(place, executor=executor) as engine:
        charged = retries_of(engine)
        run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(3)]))
        async with agent_that_leaves_at_work(executor, tmp_path) as leaves, agent(executor, places=1):
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


async def test_c4_a_task_that_takes_longer_than_an_agent_has_goes_to_another(place, tmp_path, caplog, monkeypatch):
    """One that fits goes on there meanwhile, and the log says what waits for an agent with more time."""
    monkeypatch.setattr("alexflow.cluster.misfits.SAY_AFTER", 0.2)
    executor = AgentExecutor()
    long, short = Timed(0, str(tmp_path)), [Leaf(number) for number in range(50)]
    async with Engine(place, executor=executor) as engine:
        waits = asyncio.create_task(engine.run(long))
        async with agent(executor, SLURM_JOB_END_TIME=str(int(time.time()) + 590)):
            assert (await engine.run(short)).ran == 50
            await until(lambda: "may take 3600 s, and no agent has that long (5" in caplog.text)
            assert attempts(tmp_path, 0) == []
            (tmp_path / "go").touch()
            async with agent(executor):
                assert (await waits).ran == 1
    assert len(attempts(tmp_path, 0)) == 1


async def test_c4_an_agent_whose_time_is_over_takes_nothing(place, capfd):
    executor = AgentExecutor()
    async with Engine(place, executor=executor):
        async with agent(executor, "--time-left", "30") as late:
            assert await asyncio.to_thread(late.wait, 30) == 0
        assert executor.agents == []
    assert "this machine is taken away in 30 s: no jobs are taken" in capfd.readouterr().err


async def test_an_agent_that_waits_for_its_engine_leaves_on_a_signal():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it answers, and says nothing
        command = [sys.executable, "-m", "alexflow", "agent", "--connect", f"127.0.0.1:{silent.getsockname()[1]}"]
        environment = {**os.environ, "ALEXFLOW_AGENT_TOKEN": "known"}
        process = await asyncio.to_thread(subprocess.Popen, command, env=environment)
        try:
            line, _ = await asyncio.to_thread(silent.accept)
            with line:
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(process.wait, 30) == 0
        finally:
            process.kill()
            await asyncio.to_thread(process.wait)
