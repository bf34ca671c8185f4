"""20: a chain of 100,000 tasks completes; a cycle is listed, and nothing runs."""

from __future__ import annotations

import pytest

from alexflow import Engine, MemoryStorage
from alexflow.errors import CycleError
from tests.faults.workflows import InCircle, Link, ProcessLink, Sum

pytestmark = pytest.mark.anyio


def chain(length, kind):
    link = kind()
    for place in range(1, length):
        link = kind(link.output(), place)
    return link


async def test_a_chain_on_the_loop():
    async with Engine(MemoryStorage()) as engine:
        last = chain(100_000, Link)
        result = await engine.run(last)
        assert (result.ran, await result.output.aload()) == (100_000, 100_000)
        assert (await engine.run(last)).cached == 1
        assert str(last.task_id) in repr(last.output())


async def test_a_chain_in_processes(place):
    async with Engine(place, workers=2) as engine:
        result = await engine.run(chain(1_500, ProcessLink))
        assert (result.ran, await result.output.aload()) == (1_500, 1_500)


@pytest.mark.parametrize("size", [1, 2, 3, 5_000])
@pytest.mark.parametrize("behind", [False, True], ids=["target", "behind"])
async def test_a_cycle(place, log, size, behind):
    async with Engine(place, workers=1) as engine:
        await circle_is_listed(engine, log, size, behind)


async def test_a_cycle_leaves_nothing_behind(place, log):
    async with Engine(place, workers=1) as engine:
        await circle_is_listed(engine, log, 3, behind=False)
        await circle_is_listed(engine, log, 3, behind=True)


async def circle_is_listed(engine, log, size, behind):
    circle = InCircle(0, size, str(log))
    with pytest.raises(CycleError) as caught:
        await engine.run(Sum((circle.output(),), log=str(log)) if behind else circle)
    ids = [InCircle(n, size).task_id for n in range(size)]
    listed = list(caught.value.task_ids)
    first = listed.index(ids[0])
    assert listed[first:] + listed[:first] == ids
    assert all(task_id in str(caught.value) for task_id in ids)
    assert log.read_text() == ""
