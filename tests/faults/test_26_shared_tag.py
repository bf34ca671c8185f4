"""26: six root tasks share a tag with limit 1: all six run, never two at once."""

from __future__ import annotations

import asyncio

import pytest

import alexflow
from tests.faults.workflows import Exclusive, ExclusiveOnLoop

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("kind", "executor"),
    [(Exclusive, "process"), (Exclusive, "thread"), (ExclusiveOnLoop, "process")],
    ids=["process", "thread", "loop"],
)
async def test_all_six_run_one_at_a_time(place, log, tmp_path, kind, executor):
    tasks = [kind(n, str(log), str(tmp_path / "lock")) for n in range(6)]
    result = await alexflow.arun(tasks, storage=place, workers=4, executor=executor, limits={"gpu": 1})
    assert (result.ran, result.ok) == (6, True)
    assert [output.load() for output in result.output] == list(range(6))


async def test_through_several_requests(place, log, tmp_path):
    async with alexflow.Engine(place, workers=4, limits={"gpu": 1}) as engine:
        tasks = [Exclusive(n, str(log), str(tmp_path / "lock")) for n in range(6)]
        results = await asyncio.gather(*(engine.run(task) for task in tasks))
    assert [result.ran for result in results] == [1] * 6
    assert sorted(log.read_text().split()) == list("012345")
