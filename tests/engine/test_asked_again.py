"""A run is cancelled while the storage is being asked; what it asked about is asked for again at once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pytest

from alexflow import Engine, JSONOutput, MemoryStorage, Output, Task


class Slow(MemoryStorage):
    """A storage whose answers take a while, as those of a remote one."""

    answers_at_once: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        self.asked.set()
        await self.may_answer.wait()
        return self.exists_many(keys)


@dataclass(frozen=True)
class Number(Task):
    n: int

    def output(self):
        return self.build_output(JSONOutput, key="n.json")

    async def run(self, input, output):
        await output.astore(self.n)


@dataclass(frozen=True)
class Twice(Task):
    of: Output[int]

    def input(self):
        return self.of

    def output(self):
        return [self.build_output(JSONOutput, key=name) for name in ("a.json", "b.json")]

    async def run(self, input, output):
        for place in output:
            await place.astore(2 * await input.aload())


@pytest.mark.anyio
@pytest.mark.parametrize("as_output", [False, True])
async def test_cancelled_while_asking(as_output):
    storage = Slow()
    task = Twice(Number(1).output())
    target = task.output()[0] if as_output else task
    async with Engine(storage) as engine:
        first = asyncio.create_task(engine.run(target))
        await storage.asked.wait()
        first.cancel()
        await asyncio.wait([first])
        again = asyncio.create_task(engine.run(target))
        other = asyncio.create_task(engine.run(Number(2)))
        await asyncio.sleep(0)
        storage.may_answer.set()
        assert (await again).ran == 2
        assert (await other).ran == 1


@pytest.mark.anyio
async def test_a_task_with_several_outputs_is_found_once():
    storage = MemoryStorage()
    twice = Twice(Number(1).output())
    async with Engine(storage) as engine:
        await engine.run(twice)
        first, second = twice.output()
        result = await engine.run([first, Twice(second), Twice(first)])
    assert (result.ran, result.cached) == (2, 1)
