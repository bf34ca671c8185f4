"""Times of tasks: by the clock of where they ran, not when the engine had word of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, LocalStorage, Task, TaskOptions
from alexflow.events import EngineEvent, TaskSucceeded
from alexflow.record import Record

LINKS = 200


@dataclass(frozen=True)
class Link(Task):
    number: int

    def input(self) -> Any:
        return type(self)(self.number - 1).output() if self.number else None

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="link.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(0 if input is None else input.load() + 1)


@dataclass(frozen=True)
class LinkInThread(Link):
    options = TaskOptions(executor="thread")


@dataclass(frozen=True)
class LinkOnLoop(Link):
    async def run(self, input: Any, output: Any) -> None:  # type: ignore[override]
        await output.astore(0 if input is None else await input.aload() + 1)


def too_early(times: dict[int, tuple[float, float]]) -> list[int]:
    """Return the links that began before the one that they read had ended."""
    return [number for number in range(1, LINKS) if times[number][0] < times[number - 1][1]]


@pytest.mark.processes
@pytest.mark.parametrize("kind", [Link, LinkInThread, LinkOnLoop])
def test_a_task_begins_when_what_it_reads_is_there(tmp_path: Path, kind: type[Link]) -> None:
    storage = LocalStorage(tmp_path / "results")
    numbers = {kind(number).task_id: number for number in range(LINKS)}
    told: dict[int, tuple[float, float]] = {}

    def listen(event: EngineEvent) -> None:
        if isinstance(event, TaskSucceeded):
            told[numbers[event.task_id]] = event.time - event.seconds, event.time

    async def run() -> None:
        async with Engine(storage, workers=2) as engine:
            engine.broadcast.listen(listen)
            await engine.run(kind(LINKS - 1))

    asyncio.run(run())
    recorded: dict[int, tuple[float, float]] = {}
    for entry in Record(storage).entries(kind):
        assert entry.started
        assert entry.finished
        recorded[entry.fields["number"]] = entry.started.timestamp(), entry.finished.timestamp()
    assert too_early(recorded) == too_early(told) == []
