"""The engine hears of the end of a worker, whatever the system can tell and whatever the program does with signals."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from alexflow import Engine
from alexflow.errors import RunFailed, WorkerDied
from alexflow.executors.process import wait
from tests.faults.families import KilledParent
from tests.faults.stubborn import CleansUp
from tests.kit.processes import descendants_of, parent_of, still_alive
from tests.process.workflows import Ends, Value

pytestmark = pytest.mark.anyio

SECONDS_TO_END = 2.0


@pytest.fixture
def no_pidfd(monkeypatch):
    """As on macOS, an old Linux, or in a sandbox."""
    monkeypatch.setattr(wait, "HAS_PIDFD", False)


async def a_fork_outlives_its_worker(place, told):
    async with Engine(place, workers=1, max_deaths=0) as engine:
        run = asyncio.create_task(engine.run(KilledParent(1, ways=("fork", "ProcessPoolExecutor"), told=told.path)))
        (family,) = await told.receive()
        with pytest.raises(RunFailed) as caught:
            await asyncio.wait_for(run, SECONDS_TO_END)
        (error,) = caught.value.exceptions
        assert isinstance(error, WorkerDied)
        assert error.exitcode == -signal.SIGKILL
        assert await asyncio.to_thread(still_alive, map(int, family.split()), SECONDS_TO_END) == set()
        assert (await engine.run([Value(n) for n in range(20)])).ran == 20
    assert descendants_of(os.getpid()) == set()


@pytest.mark.usefixtures("no_pidfd")
async def test_from_the_fork_server_where_the_system_does_not_tell(place, fifo):
    await a_fork_outlives_its_worker(place, fifo("told"))


async def test_from_the_fork_server_where_descriptors_are_short(place, fifo, monkeypatch):
    told = fifo("told")
    async with Engine(place, workers=1, max_deaths=0) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(os, "pidfd_open", _refuse)
            run = asyncio.create_task(engine.run(KilledParent(1, ways=("fork",), told=told.path)))
            await told.receive()
            with pytest.raises(RunFailed):
                await asyncio.wait_for(run, SECONDS_TO_END)


def _refuse(pid, flags=0):
    raise OSError(24, "Too many open files")


@pytest.mark.usefixtures("no_pidfd")
async def test_nothing_tells(place, fifo, log):
    """The fork server is gone, too: workers go on, and their ends are seen."""
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, max_deaths=1, grace=1_000.0) as engine:
        worker, _ = (await engine.run(Value(0))).output.load()
        os.kill(parent_of(worker), signal.SIGKILL)
        again, _ = (await engine.run(Value(1))).output.load()
        assert again == worker
        result = await engine.run(Ends(0, how="os._exit(7)"), on_error="continue")
        assert result.failed == 1
        run = asyncio.create_task(engine.run(CleansUp(2, str(log), told.path, gate.path, how="leaves a thread")))
        worker = int((await told.receive())[0])
        os.kill(parent_of(worker), signal.SIGKILL)
        run.cancel()
        assert await asyncio.to_thread(still_alive, {worker}, SECONDS_TO_END) == set()
        assert log.read_text() == "finally\n"
    assert descendants_of(os.getpid()) == set()


async def test_the_program_blocks_signals(place, fifo, log):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT})
    try:
        await ends_are_heard(place, fifo, log)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.parametrize("number", [signal.SIGCHLD, signal.SIGTERM])
async def test_the_program_ignores_signals(place, fifo, log, number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        await ends_are_heard(place, fifo, log)
    finally:
        signal.signal(number, before)


async def ends_are_heard(place, fifo, log):
    """A worker that dies, one that ends with a task that is stopped, one that is left when it has nothing to do."""
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, max_deaths=0, grace=1_000.0) as engine:
        result = await engine.run(Ends(0, how="os._exit(7)"), on_error="continue")
        (error,) = result.failures
        assert error.exitcode == 7
        run = asyncio.create_task(engine.run(CleansUp(2, str(log), told.path, gate.path, how="leaves a thread")))
        worker = int((await told.receive())[0])
        run.cancel()
        assert await asyncio.to_thread(still_alive, {worker}, SECONDS_TO_END) == set()
        assert log.read_text() == "finally\n"
        assert (await engine.run([Value(n) for n in range(20)])).ran == 20
    assert descendants_of(os.getpid()) == set()
