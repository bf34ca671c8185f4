"""Engines on one storage share the limits of rates: each has a part, and together they keep the window."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from alexflow import Engine, JSONOutput, Task
from alexflow.limits import RateLimit
from alexflow.scheduler import Scheduler
from alexflow.scheduler.events import SharedBy

pytestmark = pytest.mark.anyio

BEGUN: list[float] = []


@dataclass(frozen=True)
class Call(Task):
    number: int
    engine: int

    @property
    def tags(self) -> set[str]:
        return {"api"}

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="call.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        BEGUN.append(asyncio.get_running_loop().time())
        await output.astore(self.number)


def most_in(seconds: float) -> int:
    return max(sum(first <= at < first + seconds for at in BEGUN) for first in BEGUN)


async def test_several_engines_together_keep_the_window(tmp_path: Path) -> None:
    BEGUN.clear()
    limit = RateLimit(40, per=2.0)  # the window is 40 ms longer: so late a task may begin on a busy machine

    async def work(number: int) -> None:
        async with Engine(tmp_path, workers=1, limits={"api": limit}) as engine:
            await engine.run([Call(n, number) for n in range(20)])

    await asyncio.gather(*(work(number) for number in range(4)))
    assert len(BEGUN) == 80
    assert most_in(2.0) <= 40


async def test_each_engine_has_its_part(tmp_path: Path) -> None:
    told: Counter[int] = Counter()
    handle = Scheduler.handle

    def watched(self: Scheduler, event: object, now: float = 0.0) -> object:
        if isinstance(event, SharedBy):
            told[event.parts] += 1
        return handle(self, event, now)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scheduler, "handle", watched)
        limits = {"api": RateLimit(20, per=0.2)}
        async with Engine(tmp_path, limits=limits) as one, Engine(tmp_path, limits=limits) as two:
            await asyncio.gather(
                one.run([Call(n, 1) for n in range(20)]),
                two.run([Call(n, 2) for n in range(20)]),
            )
    assert told[2] >= 2
