"""Outputs that are invalidated are made again, with all that was made from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from alexflow import Engine, MemoryStorage
from alexflow.errors import DefinitionError, NotRecorded
from alexflow.events import OutputsRemoved
from alexflow.storage import MemoryCache
from tests.engine.workflows import Step

pytestmark = pytest.mark.anyio

FIRST = Step(1)
SECOND = Step(2, (FIRST.output(),))
THIRD = Step(3, (SECOND.output(),))
OTHER = Step(4)


async def test_an_output_alone(tmp_path: Path) -> None:
    async with Engine(tmp_path / "results", memory_cache=MemoryCache()) as engine:
        await engine.load([THIRD.output(), OTHER.output()])
        assert await engine.invalidate(SECOND) == [SECOND.output().key]
        assert await engine.invalidate([SECOND.output(), SECOND]) == []
        assert (await engine.run([THIRD, OTHER])).ran == 0
        assert (await engine.run(SECOND)).ran == 1


@pytest.mark.parametrize("cache", [None, MemoryCache()])
async def test_all_that_was_made_from_it(tmp_path: Path, cache: MemoryCache | None) -> None:
    heard: list[OutputsRemoved] = []
    async with Engine(tmp_path / "results", memory_cache=cache) as engine:
        engine.broadcast.listen(lambda event: heard.append(event) if isinstance(event, OutputsRemoved) else None)
        await engine.load([THIRD.output(), OTHER.output(), SECOND.output()])
        removed = await engine.invalidate(FIRST.output(), downstream=True)
        assert removed == [step.output().key for step in (FIRST, SECOND, THIRD)]
        assert [event.keys for event in heard] == [tuple(removed)]
        assert not await engine.storage.aexists_many(removed)
        assert (await engine.run([THIRD, OTHER])).ran == 3


async def test_without_a_record_nothing_is_removed(tmp_path: Path) -> None:
    async with Engine(tmp_path / "results", record=False) as engine:
        await engine.load(SECOND.output())
        with pytest.raises(NotRecorded, match=r"is not known; invalidate without downstream=True"):
            await engine.invalidate(FIRST, downstream=True)
        assert FIRST.output().assign_storage(engine.storage).exists()
        assert await engine.invalidate(FIRST) == [FIRST.output().key]


async def test_what_is_no_target() -> None:
    async with Engine(MemoryStorage()) as engine:
        with pytest.raises(DefinitionError, match=r"^None is no target"):
            await engine.invalidate(None)


async def test_what_does_not_exist() -> None:
    async with Engine(MemoryStorage()) as engine:
        assert await engine.invalidate(FIRST, downstream=True) == []
