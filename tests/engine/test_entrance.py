"""Requests that come faster than the engine handles them wait outside."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, MemoryStorage, Output, Task, errors
from alexflow.engine.entrance import LET_IN_PER_TURN, MOST_EVENTS, Entrance

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Held(Task):
    """A task of a tag that another one holds."""

    number: int

    tags = frozenset({"api"})

    def output(self) -> Output[Any]:
        return self.build_output(JSONOutput, key="number.json")

    async def run(self, input: Any, output: Output[Any]) -> None:
        await asyncio.sleep(0 if self.number else 600)
        await output.astore(self.number)


def engine() -> Engine:
    return Engine(MemoryStorage(), limits={"api": 1}, grace=0.1)


async def test_callers_that_leave_early_leave_nothing_behind() -> None:
    async def leaves(number: int) -> None:
        load = asyncio.ensure_future(opened.load(Held(number).output()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        load.cancel()
        await asyncio.wait([load])

    async with engine() as opened:
        holder = asyncio.ensure_future(opened.load(Held(0).output()))
        await asyncio.sleep(0.05)
        most = 0
        for wave in range(8):
            await asyncio.gather(*(leaves(1000 * wave + number) for number in range(1, 1000)))
            most = max(most, opened.stats().runs)
        holder.cancel()
    assert most <= 3 * MOST_EVENTS  # of 8,000: those inside, those about to be, those about to be withdrawn


async def test_all_who_wait_outside_get_their_turn() -> None:
    async with engine() as opened:
        numbers = range(1, 2 * MOST_EVENTS)
        assert await asyncio.gather(*(opened.load(Held(number).output()) for number in numbers)) == list(numbers)


@pytest.mark.parametrize("how", ["close", "kill"])
async def test_who_waits_outside_hears_that_the_engine_has_ended(how: str) -> None:
    async with engine() as opened:
        loads = [asyncio.ensure_future(opened.load(Held(number).output())) for number in range(3 * MOST_EVENTS)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if how == "kill":
            opened.kill()
            await asyncio.wait(loads, timeout=20)
            assert all(load.done() for load in loads)
    results = await asyncio.gather(*loads, return_exceptions=True)
    assert {type(result) for result in results if not isinstance(result, int)} == {errors.EngineClosed}


async def test_all_get_in_though_those_before_them_come_to_nothing() -> None:
    events = [None] * MOST_EVENTS
    entrance = Entrance(events)
    callers = [asyncio.ensure_future(entrance.wait()) for _ in range(3 * LET_IN_PER_TURN)]
    await asyncio.sleep(0)
    assert entrance.count() == MOST_EVENTS + len(callers)
    events.clear()
    entrance.let_in()
    async with asyncio.timeout(20):
        await asyncio.gather(*callers)
    assert entrance.count() == 0
