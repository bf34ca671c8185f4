"""37: an engine is left while workers are being born: within a second, whatever ``grace`` is."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import pytest

from alexflow import Engine
from tests.faults.workflows import Number
from tests.kit.processes import descendants_of

pytestmark = pytest.mark.anyio

SECONDS_TO_LEAVE = 1.0


class Left:
    """An engine, which is to be left in time."""

    def __init__(self, place, workers, grace=1_000.0):
        self.engine = Engine(place, workers=workers, grace=grace)

    async def __aenter__(self):
        return await self.engine.__aenter__()

    async def __aexit__(self, *exc_info):
        began = time.monotonic()
        await self.engine.__aexit__(*exc_info)
        assert time.monotonic() - began < SECONDS_TO_LEAVE
        assert descendants_of(os.getpid()) == set()


@pytest.mark.parametrize("grace", [0.0, 1.0, 1_000.0])
@pytest.mark.parametrize("workers", [1, 20])
async def test_at_any_moment(tmp_path, workers, grace):
    """Of the first quarter of a second, in which template and workers come into being."""
    for n in range(26):
        async with Left(str(tmp_path / str(n)), workers, grace) as engine:
            run = asyncio.create_task(engine.run([Number(m) for m in range(workers)]))
            await asyncio.sleep(0.01 * n)
        await asyncio.gather(run, return_exceptions=True)


async def test_while_the_request_is_cancelled(tmp_path):
    for n in range(10):
        async with Left(str(tmp_path / str(n)), 1) as engine:
            run = asyncio.create_task(engine.run(Number(0)))
            await asyncio.sleep(0.01 * n)
            run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def test_while_a_later_worker_is_born(place):
    async with Left(place, 4) as engine:
        await engine.run(Number(0))
        run = asyncio.create_task(engine.run([Number(n) for n in range(1, 100)]))
        await asyncio.sleep(0)
    await asyncio.gather(run, return_exceptions=True)


async def test_while_they_import(place, tmp_path, monkeypatch, fifo):
    """Modules for their tasks are imported before there is a task for them, and with one."""
    monkeypatch.delitem(sys.modules, "takes_its_time", raising=False)
    told, gate = fifo("told"), fifo("gate")
    (tmp_path / "takes_its_time.py").write_text(
        "import os\n"
        "from tests.kit.fifo import send_line_and_wait\n"
        "from tests.faults.workflows import Number\n"
        f"if os.getpid() != {os.getpid()}:\n"
        f"    send_line_and_wait({told.path!r}, os.getpid(), {gate.path!r})\n"
        "class Late(Number): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import takes_its_time

    async with Left(place, 3) as engine:
        run = asyncio.create_task(engine.run([takes_its_time.Late(n) for n in range(3)]))
        await told.receive(3)
    await asyncio.gather(run, return_exceptions=True)


async def test_while_an_interpreter_does_not_start(place, tmp_path, monkeypatch, fifo):
    told, gate = fifo("told"), fifo("gate")
    (tmp_path / "sitecustomize.py").write_text(
        f"with open({told.path!r}, 'w') as told: told.write('here\\n')\nopen({gate.path!r}).read(1)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with Left(place, 2) as engine:
        run = asyncio.create_task(engine.run([Number(n) for n in range(4)]))
        await told.receive()
    await asyncio.gather(run, return_exceptions=True)
