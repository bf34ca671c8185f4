"""``load`` while others remove what it looks for: the value comes all the same."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, MemoryStorage, Output, Task, open_record
from alexflow.errors import OutputNotFound

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Number(Task):
    n: int

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: Any, output: Output[int]) -> None:
        await output.astore(self.n)


@pytest.mark.parametrize("on_disk", [True, False])
async def test_loads_beside_a_service_that_invalidates(place, on_disk):
    async with Engine(place if on_disk else MemoryStorage()) as engine:
        stored = Number(7).output().assign_storage(engine.storage)

        async def read() -> list[int]:
            values = []
            for _ in range(100):
                values.append(await engine.load(Number(7).output()))
                await asyncio.sleep(0)
            return values

        async def remove() -> None:
            while True:
                began = time.perf_counter()
                await stored.aremove()
                await asyncio.sleep(0)
                # on a busy machine a turn of the loop takes longer than a millisecond, and one removal a turn lets
                # nothing through, however often it is tried
                await asyncio.sleep(max(0.001, 3 * (time.perf_counter() - began)))

        removing = asyncio.create_task(remove())
        found = await asyncio.gather(*(read() for _ in range(20)))
        removing.cancel()
    assert found == [[7] * 100] * 20


class Counts(MemoryStorage):
    """Counts how often it is asked whether something exists, and how often it is read."""

    looks = reads = 0

    def exists_many(self, keys: Any) -> set[str]:
        self.looks += 1
        return super().exists_many(keys)

    def read(self, key: str) -> bytes:
        self.reads += 1
        return super().read(key)


async def test_what_has_been_made_is_read_without_another_look():
    storage = Counts()
    async with Engine(storage) as engine:
        await engine.run(Number(1))
        of_run, storage.looks = storage.looks, 0
        assert await engine.load(Number(2).output()) == 2
        assert (storage.looks, storage.reads) == (of_run, 2)  # the second read is the value
        storage.looks = 0
        assert await engine.load([Number(n).output() for n in range(3, 7)]) == [3, 4, 5, 6]
        assert storage.looks <= of_run + 3


class Asked(MemoryStorage):
    """Notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[set[str]] = []

    def exists_many(self, keys: Any) -> set[str]:
        self.questions.append(set(keys))
        return super().exists_many(keys)


@dataclass(frozen=True)
class Double(Task):
    of: Output[int]

    def input(self) -> Output[int]:
        return self.of

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="double.json")

    async def run(self, input: Output[int], output: Output[int]) -> None:
        await output.astore(2 * await input.aload())


async def test_targets_are_looked_for_in_the_end_but_for_those_that_were_made_last():
    storage = Asked()
    one, two = Number(1).output(), Number(2).output()
    async with Engine(storage) as engine:
        await engine.run(one)
        assert storage.questions == [{one.key}]
        await engine.run([two, Double(two)])
        assert storage.questions[-1] == {two.key}


class Forgets(MemoryStorage):
    """Says that everything is there, and has nothing."""

    def exists_many(self, keys: Any) -> set[str]:
        return set(keys)


class Loses(MemoryStorage):
    """Takes what is stored, and has nothing."""

    def exists_many(self, keys: Any) -> set[str]:
        return set()

    def read(self, key: str) -> bytes:
        raise OutputNotFound(key, "nowhere")


@pytest.mark.parametrize("storage", [Forgets, Loses])
async def test_a_storage_that_never_has_it_is_told_in_the_end(storage):
    async with Engine(storage()) as engine:
        with pytest.raises(OutputNotFound):
            await engine.load(Number(7).output())


async def test_what_runs_after_the_storage_was_removed_has_a_record(place, caplog):
    async with Engine(place) as engine:
        await engine.run(Number(1))
        shutil.rmtree(place)
        await asyncio.sleep(0.5)  # the engine is idle, and has let go of its files
        await engine.run([Number(2), Number(3)])
        await engine.run(Number(4))
    assert {entry.fields["n"] for entry in open_record(place).entries()} == {2, 3, 4}
    assert caplog.text.count("was removed while it was in use; it is made again") == 1
    assert "no leases" not in caplog.text
