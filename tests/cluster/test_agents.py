"""Engines whose workers are hosted by agents: real processes, dialled in over TCP."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from alexflow import Engine, LocalStorage
from alexflow.cluster import AgentExecutor
from alexflow.cluster.agent import Agent
from alexflow.errors import DefinitionError, NoAgents, RunFailed, WorkerDied
from alexflow.events import TaskPrinted, TaskReported, TaskRetrying
from tests.cluster.agents import agent
from tests.cluster.waiting import are_at_work, until
from tests.cluster.workflows import AsksWhetherToStop, Heavy, Leaf, Talks, Waits, attempts, sum_of
from tests.kit.agents import start_agent
from tests.kit.processes import still_alive

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


async def test_a_graph(place):
    executor = AgentExecutor()
    async with Engine(place, executor=executor) as engine, agent(executor):
        result = await engine.run(sum_of(300))
        assert (result.ran, result.output.load()) == (301, sum(range(300)))
        (found,) = executor.agents
        assert found.places == 2
    assert os.listdir(f"{place}/.alexflow/agents") == []  # the file by which agents know the storage is removed


async def test_agents_end_with_their_engine_and_say_why(place, capfd):
    executor = AgentExecutor()
    async with agent_of_engine(executor, place) as (engine, process):
        address = executor.address
        await engine.run(sum_of(3))
    assert await asyncio.to_thread(process.wait, 30) == 0
    assert f"alexflow: the engine at {address} is closed" in capfd.readouterr().err


async def test_agents_know_the_storage_also_after_its_file_was_removed(place):
    """As by an engine whose clock is days ahead, which takes it for one that was left behind."""
    executor = AgentExecutor()
    async with Engine(place, executor=executor) as engine:
        for number in range(2):
            async with agent(executor, places=1):
                assert (await engine.run(Leaf(number))).ran == 1
            (file,) = os.listdir(f"{place}/.alexflow/agents")
            os.unlink(f"{place}/.alexflow/agents/{file}")


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::1", "::"])
async def test_an_engine_listens_on_ipv6(place, host):
    executor = AgentExecutor(f"[{host}]:0")
    async with Engine(place, executor=executor) as engine, agent(executor):
        assert executor.address.startswith(f"[{host}]:")
        assert (await engine.run(Leaf(1))).ran == 1


async def test_who_listens_everywhere_is_dialled_by_its_name(place, caplog):
    caplog.set_level(logging.INFO, "alexflow")
    executor = AgentExecutor("0.0.0.0:0")
    async with Engine(place, executor=executor):
        await until(lambda: "agents of this engine connect to" in caplog.text)
    assert f"connect to {socket.gethostname()}:" in caplog.text


async def test_workers_can_be_started_ahead_and_are_counted(place):
    executor = AgentExecutor()
    async with Engine(place, executor=executor) as engine, agent(executor, places=3):
        await until(lambda: executor.agents)
        await engine.start_workers()
        assert engine.stats().workers.alive == 3


async def test_a_task_at_an_agent_is_pruned(place):
    """It asks whether it is to end, and what it has stored is its result."""
    executor = AgentExecutor()
    async with Engine(place, executor=executor, grace=60.0) as engine, agent(executor):
        events = engine.events()
        run = asyncio.create_task(engine.run(AsksWhetherToStop(1)))
        async for event in events:
            if isinstance(event, TaskReported) and event.step > 100:  # it has been at work for a while
                assert engine.prune(event.task_id, reason="enough")
                break
        assert (await run).output.load() == "pruned"


@asynccontextmanager
async def agent_of_engine(executor: AgentExecutor, place: str) -> AsyncIterator[tuple[Engine, subprocess.Popen]]:
    async with Engine(place, executor=executor) as engine:
        process = await asyncio.to_thread(start_agent, executor)
        yield engine, process


async def test_an_agent_that_is_not_taken_in_ends(monkeypatch):
    """As when the network is cut right after it has dialled."""
    monkeypatch.setattr("alexflow.cluster.agent.WELCOME_TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        agent = Agent("token", 1)
        await asyncio.get_running_loop().create_connection(agent.line, *silent.getsockname())
        with pytest.raises(TimeoutError, match=r"it did not take this agent in within 0.1 s"):
            await agent.over
        await agent.aclose()


async def test_jobs_wait_for_an_agent_and_for_more_of_them(place, tmp_path):
    executor = AgentExecutor()
    async with Engine(place, executor=executor) as engine:
        tasks = [Waits(number, str(tmp_path)) for number in range(4)]
        run = asyncio.create_task(engine.run(tasks))
        await until(lambda: sum(each.queued for each in engine.stats().executors.values()) == 4)
        async with agent(executor, places=1), agent(executor, places=3):
            await until(lambda: all(attempts(tmp_path, number) for number in range(4)))  # all four at once
            (tmp_path / "go").touch()
            assert (await run).ran == 4


async def test_what_tasks_print_and_log_arrives(place, caplog):
    executor = AgentExecutor()
    printed = []
    async with Engine(place, executor=executor) as engine, agent(executor, ALEXFLOW_AGENT_MARK="over there"):
        engine.broadcast.listen(lambda event: printed.append(event) if isinstance(event, TaskPrinted) else None)
        assert await engine.load(Talks().output()) == "over there"  # workers have the agent's environment
    assert [event.stdout for event in printed] == ["printed far away\n"]
    assert ("far.away", logging.WARNING, "logged far away") in caplog.record_tuples


async def test_c2_an_agent_that_is_killed_costs_an_attempt_of_what_it_was_at(place, tmp_path):
    executor = AgentExecutor()
    retries = []
    async with Engine(place, executor=executor) as engine:
        engine.broadcast.listen(lambda event: retries.append(event) if isinstance(event, TaskRetrying) else None)
        async with agent(executor) as first:
            run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(6)]))
            await until(lambda: attempts(tmp_path, 0) and attempts(tmp_path, 1))
            await until(lambda: are_at_work(executor, 2))
            first.kill()
            workers = {*attempts(tmp_path, 0), *attempts(tmp_path, 1)}
            assert await asyncio.to_thread(still_alive, workers, 10.0) == set()
        (tmp_path / "go").touch()
        async with agent(executor):
            assert (await run).ran == 6
    assert sorted({event.task_id for event in retries}) == sorted(Waits(n, str(tmp_path)).task_id for n in (0, 1))
    assert [len(attempts(tmp_path, number)) for number in range(6)] == [2, 2, 1, 1, 1, 1]


def has_begun(place: Path, times: int) -> bool:
    return len(attempts(place, 0)) == times


async def test_a_task_that_ends_its_agents_fails(place, tmp_path):
    executor = AgentExecutor()
    async with Engine(place, executor=executor, max_deaths=1) as engine:
        task = Waits(0, str(tmp_path))
        run = asyncio.create_task(engine.run(task))
        for expected in (1, 2):
            async with agent(executor, places=1) as process:
                await until(partial(has_begun, Path(task.place), expected))
                await until(lambda: are_at_work(executor, 1))
                process.kill()
        with pytest.raises(RunFailed) as caught:
            await run
    (error,) = caught.value.exceptions
    assert type(error) is WorkerDied
    assert "was lost" in str(error)


async def test_c4_an_agent_that_leaves_costs_nothing(place, tmp_path):
    executor = AgentExecutor()
    retries = []
    async with Engine(place, executor=executor) as engine:
        engine.broadcast.listen(lambda event: retries.append(event) if isinstance(event, TaskRetrying) else None)
        async with agent(executor, places=1) as leaves:
            run = asyncio.create_task(engine.run([Waits(number, str(tmp_path)) for number in range(3)]))
            await until(lambda: attempts(tmp_path, 0))
            leaves.send_signal(signal.SIGTERM)
            await until(lambda: executor.agents and executor.agents[0].is_leaving)
            async with agent(executor, places=1):
                await until(lambda: attempts(tmp_path, 1) or attempts(tmp_path, 2))  # the new one has it
                (tmp_path / "go").touch()  # what the first one was at ends there
                assert (await run).ran == 3
                assert await asyncio.to_thread(leaves.wait, 30) == 0
    assert retries == []
    assert [len(attempts(tmp_path, number)) for number in range(3)] == [1, 1, 1]


@asynccontextmanager
async def agent_of_killed(
    place: Path, tmp_path: Path, wait: str, stderr: int | None = None
) -> AsyncIterator[tuple[str, subprocess.Popen]]:
    """An agent whose engine was killed while a task ran, and the engine's address."""
    script = f"""
import asyncio, sys
from alexflow import Engine
from alexflow.cluster import AgentExecutor
from alexflow.cluster.agent import Agent
from tests.cluster.workflows import Waits
async def main():
    executor = AgentExecutor(token="known")
    async with Engine({str(place)!r}, executor=executor) as engine:
        print(executor.address, flush=True)
        await engine.run(Waits(0, {str(tmp_path)!r}))
asyncio.run(main())
"""
    start = partial(subprocess.Popen, [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    engine = await asyncio.to_thread(start)
    address = (await asyncio.to_thread(engine.stdout.readline)).strip()
    command = [sys.executable, "-m", "alexflow", "agent", "--connect", address, "--places=1", f"--wait={wait}"]
    environment = {**os.environ, "ALEXFLOW_AGENT_TOKEN": "known"}
    process = await asyncio.to_thread(partial(subprocess.Popen, command, env=environment, stderr=stderr))
    if stderr is not None:
        process.stderr.close()
    try:
        await until(lambda: attempts(tmp_path, 0))
        engine.kill()
        assert await asyncio.to_thread(still_alive, set(attempts(tmp_path, 0)), 10.0) == set()
        yield address, process
    finally:
        for each in (engine, process):
            each.kill()
            await asyncio.to_thread(each.wait)
        engine.stdout.close()


async def test_c6_the_workers_end_when_the_engine_is_killed(place, tmp_path, capfd):
    async with agent_of_killed(place, tmp_path, "1") as (address, process):
        assert await asyncio.to_thread(process.wait, 30) == 0
    assert f"alexflow: the engine at {address} has not come back" in capfd.readouterr().err


async def test_c6_an_engine_that_is_started_again_has_its_agents(place, tmp_path, capfd):
    async with agent_of_killed(place, tmp_path, "60") as (address, process):
        async with Engine(place, executor=AgentExecutor(address, token="known")) as engine:
            assert (await engine.run(sum_of(20))).ran == 21
        assert await asyncio.to_thread(process.wait, 30) == 0
    said = capfd.readouterr().err
    assert f"alexflow: the engine at {address} is gone: " in said
    assert f"alexflow: the engine at {address} is closed" in said


async def test_an_agent_dials_on_though_nobody_reads_what_it_says(place, tmp_path):
    """As one that was started through ssh, once that has ended."""
    async with agent_of_killed(place, tmp_path, "60", subprocess.PIPE) as (address, process):
        async with Engine(place, executor=AgentExecutor(address, token="known")) as engine:
            assert (await engine.run(sum_of(20))).ran == 21
        assert await asyncio.to_thread(process.wait, 30) == 0


async def test_a_wrong_token_is_refused(place, capfd, caplog):
    executor = AgentExecutor()
    async with Engine(place, executor=executor), agent(executor, ALEXFLOW_AGENT_TOKEN="guessed") as stranger:
        assert await asyncio.to_thread(stranger.wait, 30) == 1
        assert executor.agents == []
    said = capfd.readouterr().err
    assert "its token is not that of this engine; set ALEXFLOW_AGENT_TOKEN to the engine's" in said
    assert "at 127.0.0.1 does not have the token" in caplog.text
    assert "start it with the engine's ALEXFLOW_AGENT_TOKEN; set it for this engine, too, which has made" in caplog.text


async def test_c11_another_storage_under_the_same_path_is_seen_before_any_task(tmp_path, capfd, caplog):
    """As a directory that only the engine's machine has: here the agent's working directory is another one."""
    executor = AgentExecutor()
    storage = await asyncio.to_thread(HiddenElsewhere, tmp_path / "results", str(os.getpid()))
    async with Engine(storage, executor=executor), agent(executor) as elsewhere:
        assert await asyncio.to_thread(elsewhere.wait, 30) == 1
    assert "is not the engine's storage" in capfd.readouterr().err
    assert "takes no jobs" in caplog.text


async def test_a_storage_may_take_longer_to_open_than_an_introduction(tmp_path, monkeypatch):
    monkeypatch.setattr("alexflow.cluster.executor.INTRODUCTION_TIMEOUT", 2.0)
    storage = await asyncio.to_thread(SlowElsewhere, tmp_path / "results", str(os.getpid()))
    executor = AgentExecutor(wait_for_agents=30)
    async with Engine(storage, executor=executor) as engine, agent(executor):
        assert (await engine.run(Leaf(1))).ran == 1


class HiddenElsewhere(LocalStorage):
    """A directory that is there in one process only."""

    def __init__(self, base_path, process: str):
        super().__init__(base_path)
        object.__setattr__(self, "process", process)

    def __reduce__(self):
        return _open_elsewhere, (str(self.base_path), self.process)


def _open_elsewhere(base_path: str, process: str) -> LocalStorage:
    return LocalStorage(base_path if str(os.getpid()) == process else f"{base_path}-of-another-machine")


class SlowElsewhere(HiddenElsewhere):
    """A directory that takes long to open in all processes but one."""

    def __reduce__(self):
        return _open_slowly, (str(self.base_path), self.process)


def _open_slowly(base_path: str, process: str) -> LocalStorage:
    if str(os.getpid()) != process:
        time.sleep(4.0)
    return LocalStorage(base_path)


async def test_c7_without_an_agent_jobs_fail_after_a_while_if_that_is_asked_for(place):
    async with Engine(place, executor=AgentExecutor(wait_for_agents=0.1)) as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(Leaf(1))
    (error,) = caught.value.exceptions
    assert type(error) is NoAgents
    assert "alexflow agent --connect" in str(error)


async def test_c7_what_waits_for_an_agent_is_said_long_before_it_fails(place, caplog):
    async with Engine(place, executor=AgentExecutor(wait_for_agents=7)) as engine:
        with pytest.raises(RunFailed):
            await engine.run(Leaf(1))
    (said,) = (text for text in caplog.messages if "jobs have waited" in text)
    assert "start one: alexflow agent --connect 127.0.0.1:" in said


async def test_a_class_names_a_role_and_the_engine_says_what_it_means(place):
    executor = AgentExecutor()
    async with Engine(place, executors={"heavy": executor}) as engine, agent(executor, places=1):
        result = await engine.run([Heavy(1), Leaf(2)])
        assert result.ran == 2
        (found,) = executor.agents
        assert len(found.workers) == 1
    async with Engine(place, executors={"heavy": "thread"}) as engine:
        assert (await engine.run(Heavy(3))).ran == 1
    async with Engine(place) as engine:
        with pytest.raises(
            DefinitionError, match=r"Heavy runs on the executor 'heavy', which this engine does not have"
        ):
            await engine.run(Heavy(4))


@pytest.mark.parametrize("wrong", ["nowhere://x", "proces", 3, None])
def test_an_executor_that_is_none(place, wrong):
    with pytest.raises(DefinitionError, match="executor"):
        Engine(place, executor=wrong)
    with pytest.raises(DefinitionError, match="executor"):
        Engine(place, executors={"heavy": wrong})


@pytest.mark.parametrize("listen", ["nowhere", "host:", "host:99999", 3])
def test_an_address_that_is_none(listen):
    with pytest.raises(DefinitionError, match="listen must be an address"):
        AgentExecutor(listen)
