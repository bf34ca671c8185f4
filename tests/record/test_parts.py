"""A segment in parts, each an object: how many a large run adds, and what is in them."""

from __future__ import annotations

import asyncio
import time

from alexflow import RemoteStorage, open_record
from alexflow.engine.failed_attempts import FailedAttempts
from alexflow.engine.segment import EngineSegment
from alexflow.executors.interface import Done, Usage
from alexflow.graph.describe import Defaults, describe
from tests.record.parts import Number


def test_a_large_run_adds_few_objects(tmp_path, monkeypatch):
    """At most 20, in all, for 100,000 tasks; here a hundredth of them, and of what belongs into a part."""
    monkeypatch.setattr("alexflow.engine.segment.COMPLETIONS_PER_PART", 50)
    storage = RemoteStorage(f"local://{tmp_path}/storage")
    tasks = [describe(Number(number), Defaults()) for number in range(1_000)]
    segment = EngineSegment(storage, {}, {}, {each.spec.task_id: each for each in tasks})

    async def write() -> None:
        for first, end in ((0, 10), (10, 50), (50, 250), (250, 1_000)):  # as inspections find them
            segment.plan(tasks[first:end])
            await segment.store(can_start=True)
        segment.made_from(tasks, set(), lambda task_ids: [1] * len(task_ids))
        for first in range(0, 1_000, 10):
            usage = Usage(1, 2, 3, {}, time.monotonic())
            done = [Done(each.spec.task_id, 0.1, usage=usage) for each in tasks[first : first + 10]]
            segment.done(done, FailedAttempts())
            segment.write()
        await segment.aclose()

    asyncio.run(write())
    assert len(storage.reserved("record").names()) <= 20
    record = open_record(storage)
    entries = list(record.entries())
    assert len(entries) == 1_000
    assert all(entry.queued <= entry.finished for entry in entries)
