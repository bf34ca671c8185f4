"""The live page of an engine in the same process: what is planned, what runs, and what waits, from its events."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

import pytest

pytest.importorskip("starlette")

from alexflow import Engine, JSONOutput, MemoryStorage, Output, ResourceSpec, Task
from alexflow.events import TaskWaiting, WaitingForEngine
from alexflow.web.live_tasks import LiveTasks

GATE: dict[str, asyncio.Event] = {}


@dataclass(frozen=True)
class Step(Task):
    n: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="x.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        GATE["begun"].set()
        await GATE["open"].wait()
        await output.astore(self.n)


def test_events_say_what_is_left_and_what_runs() -> None:
    async def main() -> None:
        GATE["begun"], GATE["open"] = asyncio.Event(), asyncio.Event()
        live, tasks = LiveTasks(), [Step(n) for n in range(3)]
        async with Engine(MemoryStorage(), max_concurrency=1) as engine:
            engine.broadcast.listen(live.take)
            asked = asyncio.create_task(engine.run(tasks))
            await GATE["begun"].wait()
            live.fold()
            (run,) = {*live.planned.values()}
            assert sum(live.left(run).values()) == 3
            assert len(live.running) == 1
            assert sum(live.reasons().values()) == 2
            assert {why for _, why in live.reasons()} == {"a free place"}
            GATE["open"].set()
            await asked
            live.fold()
            assert (live.running, live.waiting, live.planned, live.dropped) == ({}, {}, {}, 0)

    asyncio.run(main())


@dataclass(frozen=True)
class Limited(Step):
    tags: ClassVar[tuple[str, ...]] = ("db",)


@dataclass(frozen=True)
class Reader(Task):
    read: Output[int]

    def input(self) -> Output[int]:
        return self.read

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="y.json")

    async def run(self, input: Output[int], output: JSONOutput[int]) -> None:
        await output.astore(0)


def test_the_engine_says_what_tasks_wait_for_that_no_event_tells_of() -> None:
    async def main() -> None:
        GATE["begun"], GATE["open"] = asyncio.Event(), asyncio.Event()
        step = Step(1, resource_spec=ResourceSpec(gpus=1))
        tasks: list[Task] = [Limited(1), Limited(2), Limited(3), step, Step(2, resource_spec=ResourceSpec(gpus=1))]
        async with Engine(MemoryStorage(), limits={"db": 1}, devices={"gpu": [0]}) as engine:
            live = LiveTasks(engine.why)
            engine.broadcast.listen(live.take)
            asked = asyncio.create_task(engine.run([*tasks, *(Reader(each.output()) for each in tasks[3:])]))
            while len(live.running) < 2:
                await asyncio.sleep(0)
                live.fold()
            live.ask()
            found = {cls.rpartition(".")[2]: (why, count) for (cls, why), count in live.reasons().items()}
            assert found["Limited"][1] == 2
            assert found["Limited"][0].startswith("the limit of 'db': 1 of 1 are taken: Limited.")
            assert found["Step"] == ("a device that is free: gpu", 1)
            assert found["Reader"][1] == 2
            assert found["Reader"][0].startswith("the input Step.")
            GATE["open"].set()
            await asked
            live.fold()
            live.ask()
            assert not live.reasons()
        live.take(TaskWaiting("a.B.1", "engine"))
        live.take(WaitingForEngine(1, "machine", 17, 0.0))
        live.fold()
        live.ask()  # the engine is closed
        assert dict(live.reasons()) == {("a.B", "another engine on the storage: process 17 on machine"): 1}

    asyncio.run(main())
