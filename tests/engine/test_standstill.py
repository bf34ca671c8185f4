"""Runs that are started in an event loop whose own engine has work: the loop stands still until they are over."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import Engine, JSONOutput, Task, TaskOptions

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Number(Task):
    n: int
    options = TaskOptions(executor="thread")

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(self.n)


@dataclass(frozen=True)
class Waits(Number):
    options = TaskOptions()

    async def run(self, input: Any, output: Any) -> None:
        await asyncio.Event().wait()


@dataclass(frozen=True)
class RunsAnother(Number):
    """Its run blocks the loop in which it is."""

    where: str = ""
    options = TaskOptions()

    async def run(self, input: Any, output: Any) -> None:
        await output.astore(alexflow.run(Number(self.n), storage=self.where, lease_ttl=5.0).output.load())


@dataclass(frozen=True)
class RunsAnotherInBetween(RunsAnother):
    """The same in a plain run on the loop."""

    options = TaskOptions(executor="loop")

    def run(self, input: Any, output: Any) -> None:
        output.store(alexflow.run(Number(self.n), storage=self.where, lease_ttl=5.0).output.load())


@pytest.fixture(autouse=True)
def nobody_waits_for_another_engine(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.WARNING, "alexflow")
    yield
    assert not [record.getMessage() for record in caplog.get_records("call")]


@pytest.mark.parametrize("kind", [RunsAnother, RunsAnotherInBetween])
async def test_a_task_on_the_loop_runs_another(tmp_path: Path, kind: type[RunsAnother]) -> None:
    result = await alexflow.arun(kind(7, where=str(tmp_path)), storage=tmp_path)
    assert await result.output.aload() == 7


async def test_a_cell_runs_a_task_while_an_engine_of_the_loop_has_work(tmp_path: Path) -> None:
    async with Engine(tmp_path) as engine:
        behind = [Number(n) for n in range(5)]
        waiting = asyncio.create_task(engine.run([Waits(0), *behind]))
        await asyncio.sleep(0)
        await engine.load(Number(5).output())  # the engine is at work
        assert alexflow.run(Number(6), storage=tmp_path, lease_ttl=5.0).output.load() == 6
        assert await engine.load([number.output() for number in behind]) == [0, 1, 2, 3, 4]
        waiting.cancel()
