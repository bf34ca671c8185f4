"""25: a task hangs in C code, with a timeout: its process group dies, grandchildren too, and its place is free."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from alexflow import Engine
from alexflow.errors import RunFailed, TaskTimeout
from tests.faults.stubborn import HangsInC
from tests.faults.workflows import Number
from tests.kit.processes import still_alive

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("how", ["holding the interpreter lock", "a deadlock", "a regular expression", "sleeping"])
async def test_the_whole_process_group_dies(place, fifo, how):
    told = fifo("told")
    async with Engine(place, workers=1, grace=0.2) as engine:
        task = HangsInC(0, told=told.path, how=how)
        with pytest.raises(RunFailed) as caught:
            await engine.run(task)
        (error,) = caught.value.exceptions
        assert type(error) is TaskTimeout
        assert (error.task_id, error.attempts) == (task.task_id, 1)
        family = {int(pid) for pid in told.received()[0].split()}
        assert len(family) == 3
        assert still_alive(family, 2.0) == set()
        assert (await engine.run([Number(n) for n in range(50)])).ran == 50


async def test_its_place_is_free_while_it_is_being_ended(place, fifo):
    told = fifo("told")
    async with Engine(place, workers=1, grace=1_000.0) as engine:
        hangs = HangsInC(0, told=told.path, how="a deadlock")
        run = asyncio.create_task(engine.run(hangs))
        (family,) = await told.receive()
        assert (await engine.run([Number(n) for n in range(50)])).ran == 50
        assert not run.done()  # what it holds is free when it has ended
        os.kill(int(family.split()[0]), signal.SIGKILL)
        with pytest.raises(RunFailed):
            await run
