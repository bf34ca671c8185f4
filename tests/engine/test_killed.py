"""``Engine.kill`` in an engine that stays open: nobody waits for what will never come."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from alexflow import Engine, JSONOutput, Task
from alexflow.errors import EngineClosed

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Plain(Task):
    number: int
    seconds: float = 0.0

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="number.json")

    def run(self, input: None, output: JSONOutput[int]) -> None:
        time.sleep(self.seconds)
        output.store(self.number)


@dataclass(frozen=True)
class OnLoop(Plain):
    async def run(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
        await asyncio.sleep(self.seconds)
        await output.astore(self.number)


@pytest.mark.parametrize("kind", [Plain, OnLoop])
async def test_those_who_wait_and_those_who_come_later_are_refused(kind: type[Plain], tmp_path: Path) -> None:
    async with asyncio.timeout(30), Engine(tmp_path, workers=1) as engine:
        assert await engine.load(kind(1).output()) == 1
        waits = asyncio.create_task(engine.load(kind(2, 3600.0).output()))
        await asyncio.sleep(0.05)
        engine.kill()
        with pytest.raises(EngineClosed, match="was killed"):
            await waits
        with pytest.raises(EngineClosed, match="was killed"):
            await engine.load(kind(3).output())


async def test_a_new_engine_goes_on(tmp_path: Path) -> None:
    async with asyncio.timeout(30):
        async with Engine(tmp_path, workers=1) as engine:
            await engine.load(Plain(1).output())
            engine.kill()
        async with Engine(tmp_path, workers=1) as engine:
            assert await engine.load(Plain(2).output()) == 2
