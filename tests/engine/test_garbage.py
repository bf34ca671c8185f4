"""``run`` has Python look for cyclic garbage less often, and leaves no trace of that; ``arun`` does not touch it.

Worker processes are our own, and look seldom, too."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import BinaryOutput, MemoryStorage, Output, RunFailed, Task
from alexflow.engine.garbage import RUN_GC_THRESHOLD
from alexflow.executors.process.worker import main as worker


@dataclass(frozen=True)
class Thresholds(Task):
    """Stores how often Python looks for garbage."""

    sets: tuple[int, int, int] | None = None
    fails: bool = False

    def output(self) -> Output[Any]:
        return self.build_output(BinaryOutput[Any], key="thresholds")

    async def run(self, input: Any, output: Output[Any]) -> None:
        await output.astore(gc.get_threshold())
        if self.sets:
            gc.set_threshold(*self.sets)
        if self.fails:
            raise ValueError


@dataclass(frozen=True)
class InAWorker(Task):
    def output(self) -> Output[Any]:
        return self.build_output(BinaryOutput[Any], key="thresholds")

    def run(self, input: Any, output: Output[Any]) -> None:
        output.store(gc.get_threshold())


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield before
    gc.set_threshold(*before)


def test_while_it_lasts() -> None:
    assert alexflow.run(Thresholds(), storage=MemoryStorage()).output.load() == (RUN_GC_THRESHOLD, 10, 10)
    assert gc.get_threshold() == (700, 10, 10)


def test_when_it_fails() -> None:
    with pytest.raises(RunFailed):
        alexflow.run(Thresholds(fails=True), storage=MemoryStorage())
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("own", [(0, 10, 10), (200_000, 5, 5)])
def test_who_has_chosen_otherwise(own: tuple[int, int, int]) -> None:
    gc.set_threshold(*own)
    assert alexflow.run(Thresholds(), storage=MemoryStorage()).output.load() == own
    assert gc.get_threshold() == own


def test_what_a_task_sets_stays() -> None:
    alexflow.run(Thresholds(sets=(1234, 5, 6)), storage=MemoryStorage())
    assert gc.get_threshold() == (1234, 5, 6)


def test_in_a_worker(tmp_path: Path) -> None:
    result = asyncio.run(alexflow.arun(InAWorker(), storage=str(tmp_path / "results"), workers=1))
    assert result.output.load()[0] == worker.WORKER_GC_THRESHOLD


def test_arun_is_a_guest() -> None:
    result = asyncio.run(alexflow.arun(Thresholds(), storage=MemoryStorage()))
    assert result.output.load() == (700, 10, 10)
