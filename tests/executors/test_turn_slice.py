"""The slice of a turn: what comes when it is over waits in line, and is let in turn by turn."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from alexflow.executors.turn_slice import TurnSlice

pytestmark = pytest.mark.anyio


class Clock:
    """A loop whose time passes only as said."""

    def __init__(self) -> None:
        self.now = 0.0
        loop = asyncio.get_running_loop()
        self.call_soon, self.create_future = loop.call_soon, loop.create_future

    def time(self) -> float:
        return self.now


def slice_of(clock: Clock) -> TurnSlice:
    return TurnSlice(clock, contextvars.copy_context(), 1.0)  # type: ignore[arg-type]


class Callers:
    """Callers that come together, and use so much time each. Counts the time that each turn took."""

    def __init__(self, clock: Clock, turns: TurnSlice, seconds: float) -> None:
        self.clock, self.turns, self.seconds = clock, turns, seconds
        self.served: list[int] = []
        self.longest = 0.0
        self._before = clock.now

    async def come(self, number: int) -> None:
        if self.turns.must_wait():
            await self.turns.wait()
        self.clock.now += self.seconds
        self.served.append(number)

    async def all_served(self, tasks: list[asyncio.Task[None]]) -> None:
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            self.longest = max(self.longest, self.clock.now - self._before)
            self._before = self.clock.now


@pytest.mark.parametrize("seconds", [0.001, 0.3, 5.0])
async def test_a_thousand_that_come_together_have_a_slice_of_each_turn(seconds: float) -> None:
    clock = Clock()
    callers = Callers(clock, slice_of(clock), seconds)
    await callers.all_served([asyncio.create_task(callers.come(number)) for number in range(1000)])
    assert callers.served == list(range(1000))
    assert callers.longest <= 1.0 + 2 * seconds


async def test_one_that_comes_later_does_not_wait_for_all_of_them() -> None:
    clock = Clock()
    callers = Callers(clock, slice_of(clock), 0.1)
    many = [asyncio.create_task(callers.come(number)) for number in range(1000)]
    for _ in range(3):
        await asyncio.sleep(0)
    late = asyncio.create_task(callers.come(-1))
    await callers.all_served([*many, late])
    assert callers.served.index(-1) < 100


async def test_those_that_leave_hold_nobody_up() -> None:
    clock = Clock()
    callers = Callers(clock, slice_of(clock), 0.1)
    many = [asyncio.create_task(callers.come(number)) for number in range(1000)]
    await asyncio.sleep(0)
    for leaver in many[5:-5]:
        leaver.cancel()
    await callers.all_served(many)
    assert len(callers.served) < 30
    assert callers.served[-5:] == list(range(995, 1000))
    assert not callers.turns.waiting


async def test_few_do_not_wait() -> None:
    turns = slice_of(Clock())
    assert not any(turns.must_wait() for _ in range(1000))
