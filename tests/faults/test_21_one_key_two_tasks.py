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


class Waits(NamesItsKey):
    """Runs until the other request has been refused."""

    async def run(self, input, output):
        await asyncio.wait_for(refused_one.wait(), 30)
        await output.astore(self.n)


refused_one = asyncio.Event()


async def test_in_two_requests_at_once():
    refused_one.clear()
    async with Engine(MemoryStorage()) as engine:
        both = [asyncio.create_task(engine.run(Waits(n, "model.pkl"))) for n in (1, 2)]
        (first,), _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        assert isinstance(first.exception(), OutputConflict)
        refused_one.set()
        (last,) = set(both) - {first}
        assert (await last).ran == 1


async def refused(storage, log, target, one, two):
    async with Engine(storage, workers=1) as engine:
        with pytest.raises(OutputConflict) as caught:
            await engine.run(target)
        assert set(caught.value.task_ids) == {one.task_id, two.task_id}
        assert one.task_id in str(caught.value)
        assert two.task_id in str(caught.value)
        assert log.read_text() == ""
