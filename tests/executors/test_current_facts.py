"""``alexflow.current``: the attempt, its run, its deadline, and whether it is to stop, wherever a task runs."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alexflow import DynamicTask, Engine, JSONOutput, MemoryStorage, Retry, RunFailed, Task, TaskOptions, current
from alexflow.errors import NotInTask, TaskTimeout
from alexflow.record import open_record
from tests.kit.fifo import Fifo, send_line

pytestmark = pytest.mark.anyio


def facts() -> list[Any]:
    left = None if current.deadline is None else current.deadline - time.monotonic()
    return [current.attempt, current.run_id, left, current.should_stop]


@dataclass(frozen=True)
class Second(Task):
    """Succeeds at the second attempt."""

    n: int = 0
    retry = Retry(1)
    options = TaskOptions(timeout=60)

    def output(self) -> JSONOutput[list[Any]]:
        return self.build_output(JSONOutput, key="facts.json")

    def run(self, input: None, output: JSONOutput[list[Any]]) -> None:
        if current.attempt == 1:
            raise OSError("not yet")
        output.store(facts())


@dataclass(frozen=True)
class InThread(Second):
    options = TaskOptions(executor="thread", timeout=60)


@dataclass(frozen=True)
class OnLoop(Second):
    async def run(self, input: None, output: JSONOutput[list[Any]]) -> None:  # type: ignore[override]
        if current.attempt == 1:
            raise OSError("not yet")
        await output.astore(facts())


@dataclass(frozen=True)
class Gives(DynamicTask):
    options = TaskOptions(timeout=60)

    def output(self) -> JSONOutput[list[Any]]:
        return self.build_output(JSONOutput, key="facts.json")

    async def generate(self, input: None, output: JSONOutput[list[Any]]) -> None:  # type: ignore[override]
        value = await current.engine.load(InThread(5).output())
        await output.astore([value[0] - 1, *facts()[1:]])


@pytest.mark.parametrize("task", [Second(), InThread(), OnLoop()])
async def test_an_attempt_knows_its_number_its_run_and_its_deadline(task: Second, tmp_path: Path) -> None:
    async with Engine(tmp_path, workers=1) as engine:
        attempt, run_id, left, should_stop = await engine.load(task.output())
    assert attempt == 2
    assert 0 < left <= 60
    assert not should_stop
    record = open_record(tmp_path)
    assert record.entry(task.output()).run_id == run_id


async def test_generate_knows_as_much_and_waits_for_what_it_makes_up() -> None:
    async with Engine(MemoryStorage(), workers=1) as engine:
        attempt, run_id, left, should_stop = await engine.load(Gives().output())
    assert attempt == 1
    assert run_id
    assert 0 < left <= 60
    assert not should_stop


async def test_there_is_a_run_id_without_a_record() -> None:
    async with Engine(MemoryStorage(), record=False) as engine:
        assert (await engine.load(OnLoop().output()))[1]


@dataclass(frozen=True)
class AsksForTheEngine(Task):
    def output(self) -> JSONOutput[str]:
        return self.build_output(JSONOutput, key="text.json")

    def run(self, input: None, output: JSONOutput[str]) -> None:
        try:
            _ = current.engine
        except NotInTask as error:
            output.store(str(error))


async def test_a_worker_process_has_no_engine(tmp_path: Path) -> None:
    async with Engine(tmp_path, workers=1) as engine:
        assert "executor='thread'" in await engine.load(AsksForTheEngine().output())


@dataclass(frozen=True)
class Stoppable(Task):
    """Goes on until it is to stop, and says so in a file that is no output."""

    said: str
    started: str
    options = TaskOptions(timeout=0.5)

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="steps.json")

    def run(self, input: None, output: JSONOutput[int]) -> None:
        assert not current.should_stop  # one that has never asked would be interrupted
        send_line(self.started, str(os.getpid()))
        while not current.should_stop:
            time.sleep(0.001)
        Path(self.said).write_text("saved")


@dataclass(frozen=True)
class StoppableThread(Stoppable):
    options = TaskOptions(executor="thread", timeout=0.5)


@dataclass(frozen=True)
class StoppableOnLoop(Stoppable):
    async def run(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
        assert not current.should_stop
        await asyncio.to_thread(send_line, self.started, str(os.getpid()))
        while not current.should_stop:  # noqa: ASYNC110  # as a training asks between two steps
            await asyncio.sleep(0.001)
        await asyncio.to_thread(Path(self.said).write_text, "saved")


@dataclass(frozen=True)
class WithoutLimit(Stoppable):
    options = TaskOptions()


KINDS = [Stoppable, StoppableThread, StoppableOnLoop]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_task_that_asks_saves_after_its_timeout(kind: type[Stoppable], tmp_path: Path) -> None:
    said, started = tmp_path / "said", Fifo(tmp_path / "started")
    async with Engine(tmp_path / "results", workers=1, grace=60) as engine:
        task = kind(str(said), started.path)
        with pytest.raises(RunFailed) as failed:
            await engine.run(task)
    assert isinstance(failed.value.exceptions[0], TaskTimeout)
    assert said.read_text() == "saved"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_task_that_asks_saves_when_it_is_cancelled(kind: type[Stoppable], tmp_path: Path) -> None:
    said, started = tmp_path / "said", Fifo(tmp_path / "started")
    async with Engine(tmp_path / "results", workers=1, grace=60) as engine:
        run = asyncio.create_task(engine.run(kind(str(said), started.path)))
        await started.receive()
        run.cancel()
        await asyncio.wait([run])
    assert said.read_text() == "saved"


async def test_sigusr1_asks_a_worker_to_stop(tmp_path: Path) -> None:
    said, started = tmp_path / "said", Fifo(tmp_path / "started")
    async with Engine(tmp_path / "results", workers=1, grace=60) as engine:
        run = asyncio.create_task(engine.run(WithoutLimit(str(said), started.path)))
        os.kill(int((await started.receive())[0]), signal.SIGUSR1)
        with pytest.raises(RunFailed) as failed:
            await run
    assert "without storing" in str(failed.value.exceptions[0])
    assert said.read_text() == "saved"
