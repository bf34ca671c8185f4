"""46: the template is stopped, killed, or its directory removed: work goes on, and tasks are told to end as ever."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from alexflow import Engine
from alexflow.errors import RunFailed, WorkerDied
from tests.faults.families import WAYS, KilledParent
from tests.faults.stubborn import CleansUp
from tests.faults.test_23_interrupted import Script
from tests.faults.workflows import Held, Number
from tests.kit.processes import descendants_of, parent_of, still_alive, wait_until_stopped

pytestmark = pytest.mark.anyio

SECONDS_TO_GO_ON = 2.0
SECONDS_TO_END = 2.0

HOW = {"stopped": signal.SIGSTOP, "killed": signal.SIGKILL}
either = pytest.mark.parametrize("how", HOW)


def strike(worker, how):
    """Stop or kill what a worker was forked from; its process id."""
    template = parent_of(worker)
    os.kill(template, HOW[how])
    if how == "stopped":
        wait_until_stopped(template)
    else:
        assert still_alive({template}, SECONDS_TO_END) == set()
    return template


@either
async def test_another_takes_its_place(place, log, fifo, how):
    """A worker that it has forked works on; a further one comes from another."""
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=2) as engine:
        held = asyncio.create_task(engine.run(Held(0, str(log), told.path, gate.path)))
        worker = int((await told.receive())[0])
        template = strike(worker, how)
        result = await asyncio.wait_for(engine.run([Number(n) for n in range(1, 40)]), SECONDS_TO_GO_ON)
        assert result.ran == 39
        assert still_alive({template}, SECONDS_TO_END) == set()
        assert still_alive({worker}, 0) == {worker}
        gate.open_gate()
        assert (await held).ran == 1
        assert (await engine.run([Number(n) for n in range(40, 80)])).ran == 40
    assert descendants_of(os.getpid()) == set()


@either
async def test_a_worker_that_dies_then(place, log, fifo, how):
    """Its task is tried again, by a worker of another template, and what it had started ends."""
    told = fifo("told")
    async with Engine(place, workers=1, max_deaths=1) as engine:
        gate = fifo("gate")
        run = asyncio.create_task(engine.run(Held(0, str(log), told.path, gate.path)))
        worker = int((await told.receive())[0])
        template = strike(worker, how)
        os.kill(worker, signal.SIGKILL)
        async with asyncio.timeout(SECONDS_TO_GO_ON):
            (again,) = await told.receive()
        assert parent_of(int(again)) != template
        gate.open_gate()
        assert (await run).ran == 1


@either
async def test_what_a_task_had_started_ends_with_its_worker(place, log, fifo, how):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, max_deaths=0) as engine:
        run = asyncio.create_task(
            engine.run([Held(0, str(log), told.path, gate.path), KilledParent(1, told=told.path)])
        )
        strike(int((await told.receive())[0]), how)
        gate.open_gate()
        (family,) = await told.receive()
        with pytest.raises(RunFailed) as caught:
            await asyncio.wait_for(run, SECONDS_TO_GO_ON)
        (error,) = caught.value.exceptions
        assert isinstance(error, WorkerDied)
        assert len(family.split()) == 1 + len(WAYS)
        assert still_alive(map(int, family.split()), SECONDS_TO_END) == set()


@either
@pytest.mark.parametrize("end", ["cancelled", "closed"])
async def test_a_task_is_told_to_end_and_cleans_up(place, log, fifo, how, end):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, grace=1_000.0) as engine:
        run = asyncio.create_task(engine.run(CleansUp(0, str(log), told.path, gate.path)))
        worker = int((await told.receive())[0])
        template = strike(worker, how)
        began = time.monotonic()
        if end == "cancelled":
            run.cancel()
            while not log.read_text():  # its worker goes on
                assert time.monotonic() - began < SECONDS_TO_END
                await asyncio.sleep(0)
            assert log.read_text() == "finally\n"
    assert time.monotonic() - began < SECONDS_TO_END
    assert log.read_text() == "finally\n"
    assert still_alive({worker, template}, 0) == set()
    await asyncio.gather(run, return_exceptions=True)


@either
async def test_one_that_does_not_end_is_killed_after_the_grace(place, log, fifo, how):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, grace=0.2) as engine:
        run = asyncio.create_task(engine.run(CleansUp(0, str(log), told.path, gate.path, "goes on")))
        worker = int((await told.receive())[0])
        strike(worker, how)
        run.cancel()
        assert await told.receive() == ["goes on"]
        assert await asyncio.to_thread(still_alive, {worker}, SECONDS_TO_END) == set()
        assert log.read_text() == ""


@either
async def test_while_it_starts(place, how):
    """It has not answered anything yet."""
    async with Engine(place, workers=2) as engine:
        run = asyncio.create_task(engine.run([Number(n) for n in range(40)]))
        while not (started := descendants_of(os.getpid())):  # noqa: ASYNC110  # a process that begins tells nobody
            await asyncio.sleep(0)
        (template,) = started
        os.kill(template, HOW[how])
        assert (await asyncio.wait_for(run, SECONDS_TO_GO_ON)).ran == 40
        assert template not in descendants_of(os.getpid())
    assert descendants_of(os.getpid()) == set()


async def test_an_idle_engine_is_left(place):
    """The template is stopped, and nothing tells."""
    async with Engine(place, workers=2) as engine:
        await engine.run([Number(n) for n in range(40)])
        (template,) = {parent for pid in descendants_of(os.getpid()) if (parent := parent_of(pid)) != os.getpid()}
        os.kill(template, signal.SIGSTOP)
        wait_until_stopped(template)
        began = time.monotonic()
    assert time.monotonic() - began < SECONDS_TO_END
    assert descendants_of(os.getpid()) == set()


async def test_ctrl_c_beside_a_stopped_template(place, log, fifo):
    told, gate = fifo("told"), fifo("gate")
    script = Script(place, log, told, gate, "")
    worker, _ = await told.receive(2)
    family = descendants_of(script.pid)
    strike(int(worker), "stopped")
    script.signal(signal.SIGINT)
    assert still_alive(family, SECONDS_TO_END) == set()
    exitcode, _, _ = script.end()
    assert exitcode == 130
    assert log.read_text().split() == ["finally"] * 2


@pytest.mark.parametrize("moment", ["before it starts", "afterwards"])
async def test_its_directory_is_removed(place, log, tmp_path, monkeypatch, fifo, moment):
    """Also if the engine is in it."""
    told, gate = fifo("told"), fifo("gate")
    directory = tmp_path / "directory"
    directory.mkdir()
    with monkeypatch.context() as patch:
        patch.chdir(directory)
        if moment == "before it starts":
            directory.rmdir()
        async with Engine(place, workers=1) as engine:
            assert (await engine.run(Number(0))).ran == 1
            if moment == "afterwards":
                directory.rmdir()
            for n in range(1, 3):
                run = asyncio.create_task(engine.run(Held(n, str(log), told.path, gate.path)))
                os.kill(int((await told.receive())[0]), signal.SIGKILL)
                async with asyncio.timeout(SECONDS_TO_GO_ON):
                    await told.receive()
                gate.open_gate()
                assert (await run).ran == 1
                os.chdir("/")
