"""However much is asked for, the event loop gets its turns: the longest does not grow with the request."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from blockbuster import BlockBuster

from alexflow import Engine, JSONOutput, Task
from alexflow.engine.subjects import MOST_GIVEN
from benchmarks.services import long_works
from benchmarks.services.long_works import Place, do
from benchmarks.services.tasks import StoredInProcess
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


class FreedBlocks:
    """The most blocks of memory that one turn of the event loop has freed: freeing is no call. A context manager.

    Garbage in cycles is not collected meanwhile: that of the tests before would count for the turn that finds it.
    """

    def __enter__(self) -> Self:
        gc.collect()
        gc.disable()
        self._loop, self.most, self._last = asyncio.get_running_loop(), 0, sys.getallocatedblocks()
        self._next = self._loop.call_soon(self._turn)
        return self

    def __exit__(self, *_: object) -> None:
        self._next.cancel()
        self._look()
        gc.enable()

    def _turn(self) -> None:
        self._look()
        self._next = self._loop.call_soon(self._turn)

    def _look(self) -> None:
        now = sys.getallocatedblocks()
        self.most, self._last = max(self.most, self._last - now), now


def test_what_a_cancelled_run_held_is_freed_in_slices(tmp_path: Path) -> None:
    freed = FreedBlocks()
    asyncio.run(do(long_works.cancels_run, tmp_path, 4 * MANY, freed))
    assert freed.most < 2 * 4 * MANY  # of a task with its output there are nine


@pytest.mark.anyio
async def test_what_was_looked_at_is_freed_in_slices(tmp_path: Path) -> None:
    tasks = [StoredInProcess(number) for number in range(MOST_GIVEN + MANY)]
    async with Engine(tmp_path) as engine:
        await engine.plan([StoredInProcess(-1)])  # what is imported for it is there then
        with (freed := FreedBlocks()):
            await engine.plan(tasks)
    assert freed.most < 2 * len(tasks)  # of a task and what is known of it there are ten


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
