"""An engine that is closed in the middle of a large request, whose tasks leave the scheduler in slices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from alexflow import Engine
from alexflow.cluster import AgentExecutor
from alexflow.errors import EngineClosed
from alexflow.executors.interface import Executor, Job, JobSource, NotDone, Report
from alexflow.storage import Storage
from tests.cluster.workflows import Leaf

pytestmark = pytest.mark.anyio


class TakesOne(Executor):
    """Has one place, and cannot be used once it is closed, as the pool of a library."""

    def __init__(self) -> None:
        self.running: list[Job] = []
        self._is_closed = False

    @property
    def places(self) -> int:
        return 1

    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        self._report, self._source = report, source

    def offer(self, task_ids: Sequence[str]) -> None:
        taken = self._source.take(1 - len(self.running))
        if taken and self._is_closed:
            raise RuntimeError("cannot run anything after shutdown")
        self.running += taken

    def cancel(self, task_ids: Sequence[str]) -> None:
        ended = [job for job in self.running if job.task_id in task_ids]
        self.running = [job for job in self.running if job not in ended]
        self._report([NotDone(job.task_id, "cancelled") for job in ended])
        self.offer(())

    async def aclose(self) -> None:
        self._is_closed = True
        self.cancel([job.task_id for job in self.running])


async def closed_with_much_waiting(place: Path, executor: Any) -> None:
    async with Engine(place, executor=executor) as engine:
        asked = asyncio.create_task(engine.run([Leaf(number) for number in range(3000)]))
        while not any(each.queued for each in engine.stats().executors.values()):  # noqa: ASYNC110  # the engine discovers the graph
            await asyncio.sleep(0)
    with pytest.raises(EngineClosed):
        await asked


@pytest.mark.parametrize("make", [TakesOne, AgentExecutor])
async def test_nothing_more_is_run_and_nothing_is_said(make, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    await closed_with_much_waiting(tmp_path / "results", make())
    assert caplog.text == ""
