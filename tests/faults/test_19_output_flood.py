"""19: 1 GB on standard output, raw writes to descriptor 1, a child that echoes: a capped log, and nothing breaks."""

from __future__ import annotations

import asyncio

import pytest

from alexflow import Engine
from alexflow.events import TaskPrinted
from tests.faults.bulky_tasks import Floods
from tests.kit.processes import peak_memory

pytestmark = pytest.mark.anyio

MEGABYTES = {"raw": 1000, "child": 200, "print": 50, "C": 100}

#: What memory may grow by, in kB.
ROOM = 64_000


@pytest.mark.parametrize("how", MEGABYTES)
@pytest.mark.parametrize("echo", [False, True], ids=["captured", "echoed"])
async def test_a_flood(how, echo, place, capfd):
    megabytes = MEGABYTES[how] if not echo else min(MEGABYTES[how], 50)
    printed = []
    async with Engine(place, workers=2, echo=echo) as engine:
        engine.broadcast.listen(lambda event: printed.append(event) if isinstance(event, TaskPrinted) else None)
        quiet = (await engine.run(Floods(0))).output.load()
        before = peak_memory()
        result = await engine.run([Floods(n, megabytes=megabytes, how=how) for n in (1, 2)])
        after = peak_memory()
        later = await engine.run([Floods(n) for n in range(100, 200)])
    assert result.ok
    assert later.ran == 100
    assert after - before < ROOM
    assert all(output.load() - quiet < ROOM for output in result.output)
    assert len(printed) == 2
    for event in printed:
        assert len(event.stdout) < 40_000
        assert f"\n… {megabytes * 1_000_000 - 32 * 1024:,} bytes left out …\n" in event.stdout
    if echo:
        assert len(capfd.readouterr().out) == 2 * megabytes * 1_000_000


async def test_the_loop_has_its_turns(place):
    turns = 0
    async with Engine(place, workers=1) as engine:
        run = asyncio.ensure_future(engine.run(Floods(1, megabytes=200)))
        while not run.done():
            await asyncio.sleep(0)
            turns += 1
        await run
    assert turns > 200  # the flood comes in pieces that are much smaller than a megabyte
