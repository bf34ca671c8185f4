"""An engine is open for as long as its `async with`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

import alexflow
from alexflow import Engine, MemoryStorage
from alexflow.errors import EngineClosed
from tests.engine.workflows import ProcessStep, Slow, SlowOnLoop, Step

pytestmark = pytest.mark.anyio


async def test_before_and_after():
    engine = Engine(MemoryStorage())
    with pytest.raises(EngineClosed, match="not open; use it inside `async with"):
        await engine.run(Step(1))
    async with engine:
        assert (await engine.run(Step(1))).ran == 1
    with pytest.raises(EngineClosed, match="not open"):
        await engine.load(Step(1).output())


async def test_twice_at_once():
    async with Engine(MemoryStorage()) as engine:
        with pytest.raises(EngineClosed, match="open already; enter it once and share it"):
            await engine.__aenter__()
        assert (await engine.run(Step(1))).ran == 1


async def test_again_after_it_was_closed():
    engine = Engine(MemoryStorage(), executor="thread")
    for expected in (1, 0):
        async with engine:
            events = engine.events()
            assert (await engine.run([Step(1), ProcessStep(1)])).ran == 2 * expected
            assert "RunStarted" in repr(await anext(events))
            await events.aclose()


def test_in_another_loop_after_it_was_closed(place):
    engine = Engine(place, workers=1)

    async def use(n):
        async with engine:
            return (await engine.run([Step(n), ProcessStep(n)])).ran

    assert [asyncio.run(use(n)) for n in range(2)] == [2, 2]


async def test_from_another_loop():
    async with Engine(MemoryStorage()) as engine:
        errors = []

        def elsewhere():
            try:
                asyncio.run(engine.run(Step(1)))
            except EngineClosed as error:
                errors.append(str(error))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert errors == ["the engine belongs to another event loop; open one in this loop"]


async def test_a_run_that_is_under_way_when_the_engine_is_closed(place, fifo):
    """It did not end well, so it must not look so."""
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1) as engine:
        runs = [
            asyncio.create_task(engine.run(task)) for task in (Slow(1, told.path, gate.path), SlowOnLoop(2), Step(3))
        ]
        await told.receive()
    done = await asyncio.gather(*runs, return_exceptions=True)
    assert [type(end) for end in done[:2]] == [EngineClosed, EngineClosed]
    assert "the engine was closed while this ran" in str(done[0])
    assert done[2].ok


async def test_closed_because_of_an_error_inside():
    runs = []

    async def fails():
        async with Engine(MemoryStorage()) as engine:
            runs.append(asyncio.create_task(engine.run(SlowOnLoop(1))))
            await asyncio.sleep(0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    with pytest.raises(EngineClosed):
        await runs[0]


async def test_run_under_a_running_loop():
    """As in a notebook."""
    result = alexflow.run(Step(1), storage=MemoryStorage())
    assert result.output.load() == 1
    with pytest.raises(alexflow.errors.DefinitionError):
        alexflow.run(7, storage=MemoryStorage())


def test_run_without_one():
    assert alexflow.run(Step(1), storage=MemoryStorage()).ran == 1


async def test_load():
    async with Engine(MemoryStorage()) as engine:
        assert await engine.load(Step(3, (Step(1).output(), Step(2).output())).output()) == 6
        assert await engine.load(Step(1).output()) == 1


async def test_concurrent_callers_share(ran):
    async with Engine(MemoryStorage()) as engine:
        shared = Step(0)
        results = await asyncio.gather(*(engine.run(Step(n, (shared.output(),))) for n in range(1, 50)))
        assert sorted(ran) == sorted(f"step-{n}" for n in range(50))
        assert sum(result.ran for result in results) == 50


async def test_left_in_another_loop():
    engine = Engine(MemoryStorage())
    async with engine:
        with pytest.raises(EngineClosed, match="belongs to another event loop; leave it there"):
            await asyncio.to_thread(asyncio.run, engine.__aexit__(None, None, None))
        assert (await engine.run(Step(1))).ran == 1
    assert not engine.healthy


CLOSED_TOO_EARLY = """
import asyncio, sys
from alexflow import Engine
from tests.engine.workflows import Slow, Step
from tests.kit.fifo import Fifo
from tests.kit.processes import still_alive

place, told, gate = sys.argv[1:]
engine, told, gate = Engine(place, workers=1), Fifo(told), Fifo(gate)

async def begin():
    await engine.__aenter__()
    global asking
    asking = asyncio.ensure_future(engine.run(Slow(1, told.path, gate.path)))
    return await told.receive()

async def again():
    async with engine:
        return await engine.load(Step(5).output())

loop = asyncio.new_event_loop()
(pid,) = loop.run_until_complete(begin())
print(engine.healthy)
loop.close()
print(engine.healthy)
asyncio.run(engine.__aexit__(None, None, None))
print(still_alive([int(pid)], 10.0), asyncio.run(again()))
"""


@pytest.mark.processes
def test_its_loop_is_closed_before_it(tmp_path):
    """It is not healthy any more, what it ran is killed, and it can be opened again in another loop."""
    names = [str(tmp_path / name) for name in ("results", "told", "gate")]
    done = subprocess.run([sys.executable, "-c", CLOSED_TOO_EARLY, *names], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:3] == ["True", "False", "set() 5"]
    assert "closed before the engine was" in done.stderr
