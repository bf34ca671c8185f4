"""A significant field that is made by a factory has the instance's value in a worker, too."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest

from alexflow import BinaryOutput, Engine, Output, Task

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


def _name() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Draws(Task):
    n: int
    label: Any = None
    drawn: str = field(default_factory=_name, init=False)
    lock: Any = field(default_factory=threading.Lock, init=False, compare=False)

    def output(self) -> Output[Any]:
        return self.build_output(BinaryOutput[Any], key="drawn")

    def run(self, input: None, output: Output[Any]) -> None:
        with self.lock:
            output.store((self.drawn, self.label.drawn if isinstance(self.label, Draws) else self.label))


@pytest.mark.parametrize("label", [None, "a", {1, 2}], ids=["left out", "plain", "pickled"])
async def test_it_is_the_instances(label, place):
    tasks = [Draws(n, label) for n in range(5)]
    async with Engine(place, workers=1) as engine:
        result = await engine.run(tasks)
    assert [output.load() for output in result.output] == [(task.drawn, label) for task in tasks]


async def test_it_is_that_of_a_nested_task(place):
    task = Draws(1, Draws(2))
    async with Engine(place, workers=1) as engine:
        assert await engine.load(task.output()) == (task.drawn, task.label.drawn)
