"""Outputs that are removed once everything that reads them is done."""

from __future__ import annotations

import asyncio

import pytest

from alexflow import Engine, MemoryStorage
from alexflow.errors import RunFailed
from alexflow.testing import Simulation, SlowAnswer
from tests.engine.workflows import BreaksOnLoop, ReadsEphemeral, Step

pytestmark = pytest.mark.anyio


async def test_removed_when_all_readers_are_done(ran):
    storage = MemoryStorage()
    sources = [Step(n) for n in range(5)]
    readers = [ReadsEphemeral(n, tuple(source.output() for source in sources)) for n in range(3)]
    async with Engine(storage) as engine:
        result = await engine.run(readers)
        assert [await output.aload() for output in result.output] == [10, 11, 12]
    assert sorted(storage.list()) == sorted(reader.output().key for reader in readers)
    async with Engine(storage) as engine:
        again = await engine.run(readers)
        assert (again.ran, again.cached) == (0, 3)  # they are not missed


async def test_kept_where_somebody_wants_them_to_last():
    storage = MemoryStorage()
    source = Step(1)
    async with Engine(storage) as engine:
        await engine.run([ReadsEphemeral(2, (source.output(),)), Step(3, (source.output(),))])
        assert source.output().key in set(storage.list())
        other = Step(4)
        await engine.run([ReadsEphemeral(5, (other.output(),)), other])
        assert other.output().key in set(storage.list())


async def test_kept_where_an_earlier_run_has_stored_it():
    """It was removed by whoever read it as ephemeral, though somebody had asked for it before."""
    storage = MemoryStorage()
    sources = [Step(n) for n in range(3)]
    async with Engine(storage) as engine:
        await engine.run(sources[:2])
    async with Engine(storage) as engine:
        result = await engine.run(ReadsEphemeral(9, tuple(source.output() for source in sources)))
        assert await result.output.aload() == 12
    assert set(storage.list()) == {*(source.output().key for source in sources[:2]), result.output.key}


async def test_kept_where_another_request_asks_for_its_task_meanwhile():
    storage = MemoryStorage()
    source, gate = Step(1), Step(2)
    async with Engine(storage) as engine:
        reader = ReadsEphemeral(9, (source.output(), gate.output()))
        await asyncio.gather(engine.run(source), engine.run(reader))
    assert source.output().key in set(storage.list())


async def test_kept_for_who_asks_for_the_task_that_made_it_earlier():
    """It was found done, and then removed as soon as it had been read: the run went well without its target."""
    storage = MemoryStorage()
    source = Step(1)
    async with Engine(storage) as engine:
        await engine.run(source)
        result = await engine.run([source, ReadsEphemeral(2, (source.output(),))])
        assert result.ok
        assert await result.output[0].aexists()


def test_what_is_being_removed_is_not_taken_for_there():
    """It was found while a slow storage removed it: the run went well, and its target was gone."""
    source = Step(1)

    async def scene(engine):
        await engine.run(ReadsEphemeral(2, (source.output(),)))
        result = await engine.run(source)
        await asyncio.sleep(60)
        return result

    result = Simulation([SlowAnswer("remove", seconds=10)]).play(scene)
    assert result.output.exists()


def test_removed_before_the_engine_closes():
    """A slow storage was told to, and then not waited for."""
    source = Step(1)
    simulation = Simulation([SlowAnswer("remove", seconds=3)])
    result = simulation.run(ReadsEphemeral(2, (source.output(),)))
    assert list(simulation.storage.list()) == [result.output.key]


async def test_a_chain_of_them_leaves_the_last():
    storage = MemoryStorage()
    link = Step(1)
    for n in range(2, 50):
        link = ReadsEphemeral(n, (link.output(),))
    async with Engine(storage) as engine:
        result = await engine.run(link)
        assert await result.output.aload() == sum(range(50))
    assert list(storage.list()) == [link.output().key]


async def test_when_a_reader_fails_the_others_get_it():
    storage = MemoryStorage()
    source = Step(1)
    reader = ReadsEphemeral(2, (source.output(),))
    async with Engine(storage) as engine:
        with pytest.raises(RunFailed):
            await engine.run([ReadsEphemeral(3, (BreaksOnLoop(1).output(), source.output()))])
        assert (await engine.run(reader)).ok
        assert await reader.output().assign_storage(storage).aload() == 3
