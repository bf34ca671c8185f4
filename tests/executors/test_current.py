"""``alexflow.current`` says which task is running, wherever it runs."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

import alexflow
from alexflow import DynamicTask, Engine, JSONOutput, MemoryStorage, Task, TaskOptions, current
from alexflow.errors import NotInTask
from alexflow.executors.current import _Devices

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Plain(Task):
    n: int = 0

    def output(self) -> JSONOutput[list[str]]:
        return self.build_output(JSONOutput, key="ids.json")

    def run(self, input: None, output: JSONOutput[list[str]]) -> None:
        output.store([current.task_id])


@dataclass(frozen=True)
class InThread(Plain):
    options = TaskOptions(executor="thread")


@dataclass(frozen=True)
class OnLoop(Plain):
    async def run(self, input: None, output: JSONOutput[list[str]]) -> None:  # type: ignore[override]
        before = current.task_id
        await asyncio.sleep(0)
        in_thread = await asyncio.to_thread(lambda: current.task_id)
        await output.astore([before, in_thread, current.task_id])


@dataclass(frozen=True)
class OwnThread(Plain):
    """Asks in a thread that it starts by itself in its worker process."""

    def run(self, input: None, output: JSONOutput[list[str]]) -> None:
        ids: list[str] = []
        thread = threading.Thread(target=lambda: ids.append(current.task_id))
        thread.start()
        thread.join()
        output.store(ids)


@dataclass(frozen=True)
class Gives(DynamicTask):
    def output(self) -> JSONOutput[list[str]]:
        return self.build_output(JSONOutput, key="ids.json")

    def generate(self, input: None, output: JSONOutput[list[str]]):  # type: ignore[no-untyped-def]
        yield OnLoop(7)
        output.store([current.task_id])


@pytest.mark.parametrize("kind", [Plain, InThread, OnLoop, OwnThread])
async def test_each_task_sees_its_own_id(kind: type[Plain], tmp_path: Path) -> None:
    async with Engine(tmp_path, workers=2) as engine:
        tasks = [kind(n) for n in range(20)]
        values = await asyncio.gather(*(engine.load(task.output()) for task in tasks))
    for task, ids in zip(tasks, values, strict=True):
        assert set(ids) == {task.task_id}


async def test_a_dynamic_task_sees_its_own_id() -> None:
    async with Engine(MemoryStorage()) as engine:
        assert await engine.load(Gives().output()) == [Gives().task_id]


async def test_outside_a_task_it_is_an_error() -> None:
    with pytest.raises(NotInTask, match=r"use it in run\(\) or generate\(\)"):
        _ = current.task_id
    assert repr(alexflow.current) == "<alexflow.current: no task>"
    async with Engine(MemoryStorage()) as engine:
        await engine.run(OnLoop(1))
        with pytest.raises(NotInTask):
            _ = current.task_id


def test_a_kind_of_device_that_a_task_has_not_is_refused_with_those_that_it_has() -> None:
    devices = _Devices({"gpu": [0]})
    assert devices == {"gpu": [0]}
    with pytest.raises(KeyError, match="asks for no 'gpus' in its resource_spec: it has 'gpu'"):
        devices["gpus"]
    with pytest.raises(KeyError, match="it has none"):
        _Devices()["gpu"]
