"""The live page of an engine in the same process: what is planned, what runs, and what waits, from its events."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

pytest.importorskip("starlette")

from alexflow import Engine, JSONOutput, MemoryStorage, Task
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
