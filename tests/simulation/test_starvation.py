"""A task that needs two tags, while others that need one of them keep coming."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from alexflow import JSONOutput, Output, Task
from alexflow.testing import Simulation


@dataclass(frozen=True)
class Tagged(Task):
    n: int
    needs: tuple[str, ...]
    seconds: float = 1.0

    @property
    def tags(self) -> set[str]:
        return set(self.needs)

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        await asyncio.sleep(self.seconds)
        await output.astore(self.n)


@pytest.mark.parametrize("limits", [{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 1, "c": 1}], ids=str)
@pytest.mark.parametrize("leaves", [False, True], ids=["", "another one leaves"])
def test_it_starts_soon(limits: dict[str, int], leaves: bool) -> None:
    numbers = count(1)
    done: list[int] = []

    async def scene(engine: Any) -> int:
        async def client(tag: str) -> None:
            while True:
                task = Tagged(next(numbers), (tag,), 1.0 + next(numbers) % 7 / 10)
                await engine.run(task)
                done.append(task.n)

        async with asyncio.TaskGroup() as clients:
            keep_coming = [clients.create_task(client(tag)) for tag in limits for _ in range(3)]
            await asyncio.sleep(5.0)
            if leaves:  # slots may be reserved for it by then
                other = clients.create_task(engine.run(Tagged(-1, tuple(limits))))
                await asyncio.sleep(3.0)
                other.cancel()
            before = len(done)
            await engine.run(Tagged(0, tuple(limits)))
            for task in keep_coming:
                task.cancel()
        return len(done) - before

    assert Simulation(limits=limits).play(scene) < 30
