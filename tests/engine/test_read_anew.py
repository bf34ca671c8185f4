"""What a process has at hand of outputs is never older than the request that it works for."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, LocalStorage, Output, Task
from tests.engine.workflows import ProcessStep, Step, ThreadStep

pytestmark = pytest.mark.anyio

FIVE = gzip.compress(b"5")

KINDS = pytest.mark.parametrize("kind", [Step, ThreadStep, ProcessStep])


@KINDS
async def test_an_output_that_was_replaced_between_two_requests(place, kind):
    first = kind(1)
    async with Engine(place, workers=1) as engine:
        assert await engine.load(kind(10, (first.output(),)).output()) == 11
        await engine.storage.awrite(first.output().key, FIVE, replace=True)
        assert await engine.load(kind(20, (first.output(),)).output()) == 25


@KINDS
async def test_an_output_that_was_removed_and_made_by_another_engine(place, kind):
    first = kind(1)
    async with Engine(place, workers=1) as engine:
        await engine.run(kind(10, (first.output(),)))
        await engine.storage.aremove_many([first.output().key])
        other = await asyncio.to_thread(LocalStorage, place)
        await other.awrite(first.output().key, FIVE)
        assert await engine.load(kind(20, (first.output(),)).output()) == 25


@dataclass(frozen=True)
class Tampers(Task):
    """Puts something else in the place of what it reads, or takes it away."""

    first: Output[int]
    data: bytes

    def input(self) -> Any:
        return self.first

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: Any, output: Any) -> None:
        storage = LocalStorage(input.storage.base_path)
        if self.data:
            storage.write(input.key, self.data, replace=True)
        else:
            storage.remove_many([input.key])
        output.store(0)


@KINDS
async def test_a_task_reads_what_was_made_for_its_own_run(place, kind):
    """Whatever becomes of it meanwhile: nobody has a reason to make it again."""
    first = kind(1)
    tampers = Tampers(first.output(), FIVE if kind is ProcessStep else b"")
    async with Engine(place, workers=1, executor="thread" if kind is ThreadStep else "process") as engine:
        result = await engine.run(kind(10, (first.output(), tampers.output())))
        assert result.output.load() == 11
