"""21: two different tasks claim one output key: an error naming both, before anything runs."""

from __future__ import annotations

import asyncio

import pytest

from alexflow import Engine, LocalStorage, MemoryStorage
from alexflow.errors import OutputConflict
from tests.faults.workflows import NamesItsKey, Number, Sum

pytestmark = pytest.mark.anyio


class CaseInsensitive(LocalStorage):
    """As on the disks of most Macs."""

    @property
    def case_sensitive(self):
        return False


@pytest.fixture
def case_insensitive(place):
    return CaseInsensitive(place)


async def test_two_targets(place, log):
    one, two = NamesItsKey(1, "model.pkl", str(log)), NamesItsKey(2, "model.pkl", str(log))
    await refused(place, log, [Number(0, str(log)), one, two], one, two)


async def test_two_inputs(place, log):
    one, two = NamesItsKey(1, "model.pkl", str(log)), NamesItsKey(2, "model.pkl", str(log))
    await refused(place, log, Sum((one.output(), two.output())), one, two)


async def test_far_apart(place, log):
    one, two = NamesItsKey(1, "model.pkl", str(log)), NamesItsKey(2, "model.pkl", str(log))
    left, right = Sum((one.output(),), "left", str(log)), Sum((two.output(), Number(0, str(log)).output()), "right")
    await refused(place, log, Sum((left.output(), right.output())), one, two)


async def test_an_input_and_a_target(place, log):
    one, two = NamesItsKey(1, "model.pkl", str(log)), NamesItsKey(2, "model.pkl", str(log))
    await refused(place, log, [Sum((one.output(),), "reads one", str(log)), two], one, two)
    await refused(place, log, [two.output(), Sum((one.output(),), "reads one", str(log))], one, two)


async def test_only_by_case(place, log, case_insensitive):
    one, two = NamesItsKey(1, "Model.pkl", str(log)), NamesItsKey(2, "model.pkl", str(log))
    await refused(case_insensitive, log, [one, two], one, two)
    await refused(case_insensitive, log, Sum((one.output(), two.output())), one, two)
    async with Engine(place, workers=1) as engine:  # a disk that tells them apart
        assert [output.load() for output in (await engine.run([one, two])).output] == [1, 2]


async def test_in_two_requests_at_once(log):
    one, two = NamesItsKey(1, "model.pkl", str(log)), NamesItsKey(2, "model.pkl", str(log))
    async with Engine(MemoryStorage(), executor="thread") as engine:
        first = asyncio.create_task(engine.run(one))
        second = asyncio.create_task(engine.run(two))
        done = await asyncio.gather(first, second, return_exceptions=True)
        assert sum(isinstance(end, OutputConflict) for end in done) == 1
        assert len(log.read_text().split()) == 1


async def refused(storage, log, target, one, two):
    async with Engine(storage, workers=1) as engine:
        with pytest.raises(OutputConflict) as caught:
            await engine.run(target)
        assert set(caught.value.task_ids) == {one.task_id, two.task_id}
        assert one.task_id in str(caught.value)
        assert two.task_id in str(caught.value)
        assert log.read_text() == ""
