"""A small request on a local storage is inspected at once: the engine spends no task of the event loop on it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, Task

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Number(Task):
    number: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="number.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        await output.astore(self.number)


async def test_a_request_makes_one_task_of_the_loop_for_each_task_that_runs(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    made: list[str] = []

    def count(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        made.append(work.__qualname__)
        return asyncio.Task(work, loop=loop, **options)

    async with Engine(tmp_path) as engine:
        await engine.run(Number(1))
        loop.set_task_factory(count)
        try:
            await engine.run(Number(2))
            ran, made[:] = list(made), []
            await engine.run(Number(2))
        finally:
            loop.set_task_factory(None)
    assert len(ran) == 1  # the runner of the task
    assert made == []
