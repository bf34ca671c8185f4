"""The record has a task's definition before the task can run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import AbstractTask, BinaryOutput, Engine, LocalStorage, Task
from alexflow.executors import ExecutorKind, Job, JobSource, Report, register_executor, unregister_executor
from alexflow.executors.event_loop import LoopExecutor
from alexflow.executors.settings import ExecutorSettings
from alexflow.executors.thread import InThreads
from alexflow.record import Record
from alexflow.storage import Storage


@dataclass(frozen=True)
class Looks(Task):
    """Stores whether the record has its id."""

    n: int
    root: str

    def output(self) -> Any:
        return self.build_output(BinaryOutput[bool], key="known")

    def run(self, input: Any, output: Any) -> None:
        segments = Path(self.root, ".alexflow", "record").glob("*.segment")
        output.store(any(bytes.fromhex(self.task_id[-40:]) in segment.read_bytes() for segment in segments))


class Hasty(LoopExecutor):
    """Takes jobs as soon as it hears that there will be some."""

    kind = ExecutorKind("hasty", prefetches=True)

    def __init__(self, settings: ExecutorSettings):
        super().__init__(2, how=InThreads(None))
        self.taken: list[Job] = []
        self.expected = 0

    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        self._jobs = source
        super().open(storage, report, source)

    def expect(self, tasks: Sequence[AbstractTask]) -> None:
        self.expected += len(tasks)
        taken = self._jobs.take(len(tasks))
        self._jobs.put_back(taken)
        self.taken += taken
        super().expect(tasks)


@pytest.fixture
def made() -> Iterator[list[Hasty]]:
    """The executors that engines make."""
    executors: list[Hasty] = []

    def make(settings: ExecutorSettings) -> Hasty:
        executors.append(Hasty(settings))
        return executors[-1]

    register_executor(Hasty.kind, make)
    yield executors
    unregister_executor(Hasty.kind.name)


@pytest.mark.anyio
async def test_an_executor_gets_nothing_before(made: list[Hasty], tmp_path: Path) -> None:
    async with Engine(tmp_path, executor="hasty") as engine, asyncio.timeout(60):
        assert await engine.load([Looks(n, str(tmp_path)).output() for n in range(5)]) == [True] * 5
    assert [(executor.expected, executor.taken) for executor in made] == [(5, [])]


@pytest.mark.processes
def test_a_worker_that_is_just_started_begins_after_it(tmp_path: Path) -> None:
    tasks = [Looks(n, str(tmp_path)) for n in range(4)]
    storage = LocalStorage(tmp_path)
    alexflow.run(tasks, storage=storage, workers=2, progress=False)
    assert all(task.output().assign_storage(storage).load() for task in tasks)
    for entry in Record(storage).entries():
        assert entry.queued is not None
        assert entry.started is not None
        assert entry.queued <= entry.started
