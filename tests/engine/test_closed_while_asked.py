"""The engine is closed from another task while requests wait: each is told so, and none hangs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, Output, Task
from alexflow.errors import EngineClosed

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class OnLoop(Task):
    n: int

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: Any, output: Output[int]) -> None:
        await asyncio.sleep(600)


@dataclass(frozen=True)
class InThread(OnLoop):
    def run(self, input: Any, output: Output[int]) -> None:  # type: ignore[override]
        time.sleep(0.2)
        output.store(self.n)


async def closed_soon(engine: Engine, turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    await engine.__aexit__(None, None, None)


@pytest.mark.parametrize("kind", [OnLoop, InThread])
@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 20])
async def test_all_that_wait_are_told(place, kind, turns):
    engine = Engine(place, max_concurrency=2, workers=1, executor="thread", grace=0.1)
    await engine.__aenter__()
    asking = [asyncio.ensure_future(engine.load(kind(n).output())) for n in range(50)]
    closing = asyncio.ensure_future(closed_soon(engine, turns))
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*asking, return_exceptions=True)
        await closing
    assert {type(answer) for answer in answers} == {EngineClosed}
    with pytest.raises(EngineClosed, match="not open"):
        await engine.load(kind(1).output())


async def test_callers_that_leave_while_it_is_closed_are_cancelled(place):
    engine = Engine(place, max_concurrency=2, grace=0.1)
    await engine.__aenter__()
    asking = [asyncio.ensure_future(engine.load(OnLoop(n).output())) for n in range(50)]
    for _ in range(5):
        await asyncio.sleep(0)
    closing = asyncio.ensure_future(engine.__aexit__(None, None, None))
    for each in asking[::2]:
        each.cancel()
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*asking, return_exceptions=True)
        await closing
    assert {type(answer) for answer in answers[::2]} <= {asyncio.CancelledError, EngineClosed}
    assert {type(answer) for answer in answers[1::2]} == {EngineClosed}


async def test_it_can_be_opened_again(place):
    engine = Engine(place, max_concurrency=2, grace=0.1, executor="thread")
    for n in range(3):
        async with engine:
            waits = asyncio.ensure_future(engine.load(OnLoop(n).output()))
            await asyncio.sleep(0)
        with pytest.raises(EngineClosed):
            await waits
        async with engine:
            assert await engine.load(InThread(n).output()) == n
