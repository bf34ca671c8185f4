"""31: a worker is killed whose task has left a forked child: it is told at once, and the child ends, too."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from alexflow import Engine
from alexflow.errors import RunFailed, WorkerDied
from tests.faults.families import WAYS, KilledParent, Parent
from tests.faults.workflows import Held, Number
from tests.kit.processes import still_alive

pytestmark = pytest.mark.anyio

SECONDS_TO_TELL = 1.0
SECONDS_TO_END = 2.0

#: Those have all descriptors of the worker open: nothing that it held is closed by its death.
FORKS = ("fork", "multiprocessing", "ProcessPoolExecutor")


@pytest.mark.parametrize("way", FORKS)
async def test_the_death_is_told_and_the_child_ends(place, fifo, way):
    told = fifo("told")
    async with Engine(place, workers=1, max_deaths=0) as engine:
        await engine.run(Number(0))
        task = KilledParent(1, ways=(way,), told=told.path)
        run = asyncio.create_task(engine.run(task))
        (family,) = await told.receive()
        with pytest.raises(RunFailed) as caught:
            await asyncio.wait_for(run, SECONDS_TO_TELL)
        (error,) = caught.value.exceptions
        assert isinstance(error, WorkerDied)
        assert (error.task_id, error.exitcode) == (task.task_id, -signal.SIGKILL)
        assert await asyncio.to_thread(still_alive, map(int, family.split()), SECONDS_TO_END) == set()
        assert (await engine.run([Number(n) for n in range(2, 100)])).ran == 98


@pytest.mark.parametrize("way", FORKS)
async def test_a_later_task_is_the_victim_and_the_queue_moves(place, log, fifo, way):
    """The child is an earlier task's."""
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1) as engine:
        await engine.run(Parent(0, ways=(way,), told=told.path))
        family = {int(pid) for pid in (await told.receive())[0].split()}
        await engine.run([Number(n) for n in range(100, 200)])  # known to be quick: they travel together
        run = asyncio.create_task(
            engine.run([Held(1, str(log), told.path, gate.path), *(Number(n, str(log)) for n in range(2, 80))])
        )
        (victim,) = await told.receive()
        assert int(victim) in family
        os.kill(int(victim), signal.SIGKILL)
        async with asyncio.timeout(SECONDS_TO_TELL):
            (second,) = await told.receive()  # it is tried again
        assert int(second) not in family
        gate.open_gate()
        assert (await run).ran == 79
        assert sorted(map(int, log.read_text().split())) == list(range(1, 80))  # each of them once
        assert still_alive(family, SECONDS_TO_END) == set()


async def test_an_idle_worker_is_killed(place, fifo):
    told = fifo("told")
    async with Engine(place, workers=1) as engine:
        await engine.run(Parent(0, ways=FORKS, told=told.path))
        family = [int(pid) for pid in (await told.receive())[0].split()]
        os.kill(family[0], signal.SIGKILL)
        assert (await asyncio.wait_for(engine.run(Number(1)), SECONDS_TO_TELL)).ran == 1
        assert still_alive(family, SECONDS_TO_END) == set()


@pytest.mark.parametrize("end", ["killed", "timeout", "cancelled", "closed"])
async def test_nothing_in_the_session_stays_however_the_worker_ends(place, fifo, end):
    """Children in groups of their own, too, and those that ignore SIGTERM."""
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, grace=0.2, max_deaths=0, timeout=60.0 if end != "timeout" else 2.0) as engine:
        run = asyncio.create_task(engine.run(Parent(0, ways=tuple(WAYS), told=told.path, gate=gate.path)))
        family = [int(pid) for pid in (await told.receive())[0].split()]
        assert len(family) == 1 + len(WAYS)
        if end == "killed":
            os.kill(family[0], signal.SIGKILL)
        elif end == "cancelled":
            run.cancel()
        if end != "closed":
            await asyncio.wait([run])
            assert await asyncio.to_thread(still_alive, family, SECONDS_TO_END) == set()
    assert still_alive(family, SECONDS_TO_END) == set()
    await asyncio.gather(run, return_exceptions=True)


async def test_nothing_that_earlier_tasks_have_left_outlives_the_engine(place, fifo):
    told = fifo("told")
    async with Engine(place, workers=1) as engine:
        assert (await engine.run(Parent(0, told=told.path))).ran == 1
        family = [int(pid) for pid in (await told.receive())[0].split()]
        assert (await engine.run([Number(n) for n in range(1, 20)])).ran == 19
        assert still_alive(family, 0) == set(family)
    assert still_alive(family, SECONDS_TO_END) == set()
