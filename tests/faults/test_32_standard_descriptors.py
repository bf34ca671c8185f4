"""32: a task closes or replaces descriptors 0, 1, 2: the next task prints and streams right."""

from __future__ import annotations

import asyncio

import pytest

from alexflow import Engine
from alexflow.events import TaskPrinted
from tests.faults.changing_tasks import PIECES, STREAMS, Changes, Prints, printed_by

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("way", STREAMS)
async def test_the_next_task_prints_and_streams_right(way, place):
    printed: dict[str, tuple[str, str]] = {}

    def hear(event: object) -> None:
        if isinstance(event, TaskPrinted):
            printed[event.task_id] = (event.stdout, event.stderr)

    async with Engine(place, workers=1) as engine:
        engine.broadcast.listen(hear)
        for n in range(3):  # some need it more than once
            assert (await engine.run(Changes(way, n))).ok
            task = Prints(n)
            result = await engine.run(task)
            assert result.output.load() == PIECES
            assert printed[task.task_id] == printed_by(n)
        assert (await asyncio.to_thread(engine.storage.verify)).damaged == ()


async def test_tasks_of_one_batch(place):
    """With a worker at once: what one has closed is there for the next."""
    later = (
        "close 0",
        "close all",
        "file at 0",
    )  # descriptor 0 is looked at when the worker reports, not after each task
    ways = [way for way in STREAMS if "pipes" not in way and way not in later]
    tasks = [task for n, way in enumerate(ways) for task in (Changes(way, n), Prints(n))]
    printed: dict[str, str] = {}
    async with Engine(place, workers=1) as engine:
        engine.broadcast.listen(
            lambda event: printed.__setitem__(event.task_id, event.stdout) if isinstance(event, TaskPrinted) else None
        )
        result = await engine.run(tasks)
    assert result.ok
    assert [output.load() for output in result.output[1::2]] == [PIECES] * len(ways)
    assert [printed[task.task_id] for task in tasks[1::2]] == [printed_by(n)[0] for n in range(len(ways))]
