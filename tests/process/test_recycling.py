"""A worker that has served long enough is replaced between two tasks, and none of them is lost."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, Output, Recycle, Workers
from alexflow.errors import DefinitionError
from alexflow.executors.process.worker.memory import rss
from tests.kit.processes import descendants_of
from tests.process.workflows import Chained, Value

pytestmark = pytest.mark.anyio

leaked = []

MIB = 1024**2


@dataclass(frozen=True)
class Leaks(Value):
    """Leaks some memory, and stores in which process it ran, and how much memory that had."""

    size: int = 0

    def run(self, input: Any, output: Output[Any]) -> None:
        before = rss()
        leaked.append(b"x" * self.size)
        output.store((os.getpid(), before))


async def test_after_so_many_tasks(place):
    async with Engine(place, workers=Workers(2, recycle=Recycle(tasks=7))) as engine:
        for count in (50, 100):  # quick ones travel together once they are known
            result = await engine.run([Value(n, value=count) for n in range(count)])
            assert result.ran == count
            served = Counter(output.load()[0] for output in result.output)
            assert max(served.values()) <= 7
    assert descendants_of(os.getpid()) == set()


async def test_also_in_a_chain_that_is_sent_ahead(place):
    link = None
    for n in range(40):
        link = Chained(n, link.output() if link else None)
    async with Engine(place, workers=Workers(1, recycle=Recycle(tasks=3))) as engine:
        result = await engine.run(link)
        assert result.ran == 40
        assert result.output.load() == list(range(40))


async def test_after_some_time(place):
    async with Engine(place, workers=Workers(2, recycle=Recycle(seconds=1e-6))) as engine:
        result = await engine.run([Value(n) for n in range(30)])
        assert result.ran == 30
        assert len({output.load()[0] for output in result.output}) > 2


async def test_one_that_leaks(place):
    """Row 25, second half."""
    limit, size = 120 * MIB, 20 * MIB
    async with Engine(place, workers=Workers(1, recycle=Recycle(memory=limit))) as engine:
        result = await engine.run([Leaks(n, size=size) for n in range(40)])
        assert result.ran == 40
        seen = [output.load() for output in result.output]
        assert len({pid for pid, _ in seen}) > 2
        assert max(memory for _, memory in seen) < limit + size
    assert descendants_of(os.getpid()) == set()


async def test_failures_are_told_too(place):
    async with Engine(place, workers=Workers(2, recycle=Recycle(tasks=2))) as engine:
        links = [Chained(n, fails_at=n if n % 3 == 0 else -1) for n in range(30)]
        result = await engine.run(links, on_error="continue")
        assert (result.ran, result.failed) == (20, 10)


@pytest.mark.parametrize("limits", [{"tasks": 0}, {"tasks": 1.5}, {"seconds": 0}, {"memory": -1}, {"memory": "1 GB"}])
async def test_limits_that_are_none(limits):
    meant = r"a (whole )?number( of seconds)? (above 0|of at least 1)"
    with pytest.raises(DefinitionError, match=rf"Recycle\.{next(iter(limits))} must be {meant}"):
        Recycle(**limits)
