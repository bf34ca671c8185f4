"""However much is asked for, the event loop gets its turns: the longest does not grow with the request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster

from alexflow import Engine, JSONOutput, Task
from benchmarks.services import long_works
from benchmarks.services.long_works import Place, do
from benchmarks.services.turn_calls import TurnCalls

#: Each is more than any slice holds.
FEW, MANY = 512, 2048

#: Calls that are no long turn, such as those of what an engine does once: some milliseconds.
SHORT = 10_000

#: All but those in worker processes, which wait for these; and but one whose tasks asyncio itself wakes in one turn.
OTHERS = long_works.run_process, long_works.map_process, long_works.ends_together
WORKS = [work for work in long_works.WORKS if work not in OTHERS]

begun: list[int] = []  # of those that wait


@dataclass(frozen=True)
class Waits(Task):
    number: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="number.json")

    async def run(self, input: Any, output: Any) -> None:
        begun.append(self.number)
        await asyncio.Event().wait()


@pytest.fixture
def is_not_watched(event_loop_is_watched: BlockBuster) -> Iterator[None]:
    """Nothing looks for calls that block: that is more calls."""
    event_loop_is_watched.deactivate()
    yield
    event_loop_is_watched.activate()


@pytest.mark.usefixtures("is_not_watched")
@pytest.mark.parametrize("work", WORKS)
def test_no_turn_is_as_long_as_the_request(work: Callable[[Place], Awaitable[None]], tmp_path: Path) -> None:
    def longest(count: int) -> TurnCalls:
        calls = TurnCalls()
        asyncio.run(do(work, tmp_path / str(count), count, calls))
        return calls

    few, many = longest(FEW), longest(MANY)
    assert many.longest < max(2 * few.longest, SHORT), many.names


@pytest.mark.anyio
async def test_nothing_begins_for_callers_that_have_all_left(tmp_path: Path) -> None:
    begun.clear()
    async with Engine(tmp_path, max_concurrency=1) as engine:
        callers = [asyncio.create_task(engine.load(Waits(number).output())) for number in range(1_000)]
        while not begun or engine.stats().runs < 1_000:  # noqa: ASYNC110
            await asyncio.sleep(0)
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
        while engine.stats().runs:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert begun == [0]
