"""``Engine.why`` names what a task waits for, and what holds that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest

from alexflow import Engine, JSONOutput, MemoryStorage, Output, Retry, Task
from alexflow.errors import EngineClosed
from alexflow.limits import RateLimit

GATE: dict[str, asyncio.Event] = {}


@pytest.fixture(autouse=True)
def gate() -> Iterator[None]:
    GATE["open"], GATE["begun"] = asyncio.Event(), asyncio.Event()
    yield
    GATE.clear()


@dataclass(frozen=True)
class Held(Task):
    n: int
    tags: ClassVar[tuple[str, ...]] = ("db",)

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="x.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        GATE["begun"].set()
        await GATE["open"].wait()
        await output.astore(self.n)


@dataclass(frozen=True)
class Reader(Task):
    read: Output[int]

    def input(self) -> Output[int]:
        return self.read

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="y.json")

    async def run(self, input: Output[int], output: JSONOutput[int]) -> None:
        await output.astore(0)


@dataclass(frozen=True)
class Fails(Task):
    retry: ClassVar = Retry(1, delay=60.0)

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="z.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        GATE["begun"].set()
        raise ValueError("no")


def test_input_limit_and_running() -> None:
    async def main() -> None:
        first, second = Held(1), Held(2)
        reader = Reader(second.output())
        async with Engine(MemoryStorage(), limits={"db": 1}) as engine:
            asked = asyncio.create_task(engine.run([first, reader]))
            await GATE["begun"].wait()
            running, held = (first, second) if engine.why(first).state == "running" else (second, first)
            assert engine.why(running).obstacles == ()
            found = engine.why(held)
            assert [(each.kind, each.name, each.holders) for each in found.obstacles] == [
                ("limit", "db", (running.task_id,))
            ]
            assert "1 of 1 are taken" in str(found)
            (missing,) = engine.why(reader.output()).obstacles
            assert (missing.kind, missing.name, missing.holders) == ("input", second.output().key, (second.task_id,))
            GATE["open"].set()
            await asked
            assert engine.why(first).state == "unknown"
            assert "done, or was not asked for" in str(engine.why(first.task_id))
        with pytest.raises(EngineClosed):
            engine.why(first)

    asyncio.run(main())


def test_a_rate() -> None:
    async def main() -> None:
        tasks = [Held(1), Held(2)]
        async with Engine(MemoryStorage(), limits={"db": RateLimit(1, per=60.0)}) as engine:
            asked = asyncio.create_task(engine.run(tasks))
            await GATE["begun"].wait()
            kinds = [[each.kind for each in engine.why(task).obstacles] for task in tasks]
            assert sorted(kinds) == [[], ["rate"]]
            asked.cancel()

    asyncio.run(main())


def test_a_place_on_the_loop() -> None:
    async def main() -> None:
        tasks = [Held(1), Held(2)]
        async with Engine(MemoryStorage(), max_concurrency=1) as engine:
            asked = asyncio.create_task(engine.run(tasks))
            await GATE["begun"].wait()
            states = {task: engine.why(task) for task in tasks}
            queued = next(found for found in states.values() if found.state == "queued")
            assert [each.kind for each in queued.obstacles] == ["place"]
            assert "1 tasks run there, 1 are queued" in str(queued)
            GATE["open"].set()
            await asked

    asyncio.run(main())


def test_the_delay_before_a_retry() -> None:
    async def main() -> None:
        task = Fails()
        async with Engine(MemoryStorage()) as engine:
            asked = asyncio.create_task(engine.run(task))
            await GATE["begun"].wait()
            while engine.why(task).state != "delayed":  # noqa: ASYNC110  # nothing else says so
                await asyncio.sleep(0)
            (delay,) = engine.why(task).obstacles
            assert delay.kind == "delay"
            assert "the delay before attempt 2" in delay.text
            assert float(delay.text.rsplit(", ", 1)[1].split()[0]) <= 60
            asked.cancel()

    asyncio.run(main())
