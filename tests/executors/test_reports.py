"""Reports of running tasks: events at once, kept in the record, and the reason to prune some."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alexflow import DynamicTask, Engine, JSONOutput, MemoryStorage, Retry, RunFailed, Task, TaskOptions, current
from alexflow.engine.report_lines import WRITTEN_IN_ANY_CASE, ReportLines
from alexflow.errors import DefinitionError, Pruned
from alexflow.events import TaskPruned, TaskReported
from alexflow.executors.task_report import SECONDS_BETWEEN_REPORTS, Reports, TaskReport, make_report
from alexflow.record import open_record
from tests.kit.fifo import Fifo, send_line_and_wait

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Reporting(Task):
    n: int = 0

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="n.json")

    def run(self, input: None, output: JSONOutput[int]) -> None:
        for step in range(1, 1001):
            current.report(step=step, of=1000, loss=1 / step, n=self.n)
        output.store(self.n)


@dataclass(frozen=True)
class ReportingThread(Reporting):
    options = TaskOptions(executor="thread")


@dataclass(frozen=True)
class ReportingOnLoop(Reporting):
    async def run(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
        super().run(None, output)


@dataclass(frozen=True)
class ReportingDynamic(DynamicTask):
    n: int = 0

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="n.json")

    def generate(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
        Reporting.run(self, None, output)  # type: ignore[arg-type]


KINDS = [Reporting, ReportingThread, ReportingOnLoop, ReportingDynamic]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_first_and_the_last_report_arrive_and_are_kept(kind: Any, tmp_path: Path) -> None:
    reported: list[TaskReported] = []
    ended = 0
    async with Engine(tmp_path, workers=1) as engine:

        def listen(event: object) -> None:
            nonlocal ended
            if isinstance(event, TaskReported):
                reported.append(event)
            ended += type(event).__name__ == "TaskSucceeded"
            assert not (ended and isinstance(event, TaskReported))

        engine.broadcast.listen(listen)
        result = await engine.run(kind())
    assert [reported[0].step, reported[-1].step] == [1, 1000]
    assert len(reported) < 1000
    assert reported[-1].values == {"loss": 0.001, "n": 0}
    assert {(event.task_id, event.of, event.run_id) for event in reported} == {(kind().task_id, 1000, result.run_id)}
    record = open_record(tmp_path)
    kept = await asyncio.to_thread(record.reports, kind())
    assert (kept[0].step, kept[-1].step, kept[-1].values) == (1, 1000, reported[-1].values)
    assert {each.attempt for each in kept} == {1}


# -- what is passed on


def test_a_report_that_waits_is_replaced_and_goes_out_in_time() -> None:
    sent: list[int | None] = []
    reports = Reports(lambda report: sent.append(report.step))
    for step in range(100):
        reports.add(make_report(step, None, {}))
    assert sent == [0]
    deadline = time.monotonic() + 20
    while len(sent) < 2:
        assert time.monotonic() < deadline
    assert sent == [0, 99]
    reports.add(make_report(100, None, {}))
    reports.flush()
    reports.flush()
    assert sent == [0, 99, 100]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (1, 1),
        (0.5, 0.5),
        (True, True),
        (None, None),
        ("x" * 1000, "x" * 1000),
        ("\ud800", "\\ud800"),
        (2**70, float(2**70)),
        (-(10**400), -float(2**1023)),
    ],
)
def test_values(value: Any, kept: Any) -> None:
    assert make_report(None, None, {"value": value}).values == {"value": kept}


def test_a_name_that_utf8_cannot_write_is_escaped() -> None:
    assert make_report(None, None, {"a\ud800": 1}).values == {"a\\ud800": 1}


def test_numbers_of_numpy_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    report = make_report(numpy.int64(3), 10, {"loss": numpy.float32(0.5)})
    assert (report.step, report.values) == (3, {"loss": 0.5})
    with pytest.raises(DefinitionError, match=r"current\.report\(loss=…\) takes a number"):
        make_report(None, None, {"loss": [1]})
    with pytest.raises(DefinitionError, match=r"loss=…\) takes one number, not a numpy\.ndarray of several; reduce it"):
        make_report(None, None, {"loss": numpy.ones(3)})
    with pytest.raises(DefinitionError, match=r"step=…\) takes a whole number, not 0\.5"):
        make_report(0.5, None, {})
    with pytest.raises(DefinitionError, match="at most 100 values, not 101"):
        make_report(None, None, {str(n): n for n in range(101)})


def test_a_long_training_has_some_hundred_lines() -> None:
    written: list[float] = []
    lines = ReportLines(lambda task_id, attempt, report: written.append(report.at))
    for second in range(200_000):
        lines.add("m.T.1", 1, TaskReport(second / 2, second, None, {}))
    lines.ended("m.T.1")
    assert WRITTEN_IN_ANY_CASE < len(written) < 400
    assert written[-1] == 199_999 / 2
    assert not lines.attempts


def test_each_attempt_has_its_last_line() -> None:
    written: list[tuple[int, int | None]] = []
    lines = ReportLines(lambda task_id, attempt, report: written.append((attempt, report.step)))
    for attempt in (1, 2):
        for step in range(1000):
            lines.add("m.T.1", attempt, TaskReport(step, step, None, {}))
    lines.ended("m.T.1")
    assert (1, 999) in written
    assert written[-1] == (2, 999)


# -- pruning


@dataclass(frozen=True)
class Trial(Task):
    """Trains until it is pruned, or for ever."""

    n: int
    stores: str = "all"

    def output(self) -> dict[str, JSONOutput[Any]]:
        return {name: self.build_output(JSONOutput, key=f"{name}.json") for name in ("metrics", "model")}

    def run(self, input: None, output: dict[str, JSONOutput[Any]]) -> None:
        step = 0
        while not current.should_stop:
            step += 1
            current.report(step=step, loss=self.n)
            time.sleep(0.001)
        if self.stores in ("all", "some"):
            output["metrics"].store({"steps": step, "pruned": current.pruned})
        if self.stores == "all":
            output["model"].store("model")


@dataclass(frozen=True)
class TrialInThread(Trial):
    options = TaskOptions(executor="thread")


@dataclass(frozen=True)
class TrialOnLoop(Trial):
    async def run(self, input: None, output: dict[str, JSONOutput[Any]]) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        await asyncio.to_thread(Trial.run, self, None, output)


TRIALS = [Trial, TrialInThread, TrialOnLoop]


async def prune_what_reports(engine: Engine, events: AsyncIterator[Any]) -> TaskPruned:
    async for event in events:
        if isinstance(event, TaskReported) and event.step and event.step > 1:
            engine.prune(event.task_id, reason=f"loss {event.values['loss']}")
        if isinstance(event, TaskPruned):
            return event
    raise AssertionError


@pytest.mark.parametrize("kind", TRIALS)
async def test_a_pruned_task_that_stores_all_is_done(kind: type[Trial], tmp_path: Path) -> None:
    async with Engine(tmp_path, workers=1, grace=60) as engine:
        task = kind(3)
        run = asyncio.create_task(engine.run(task))
        event = await prune_what_reports(engine, engine.events())
        result = await run
        assert (event.task_id, event.reason) == (task.task_id, "loss 3")
        assert await engine.load(result.output["model"]) == "model"
        assert (await engine.load(result.output["metrics"]))["pruned"] is True
        assert not engine.prune(task)
        with pytest.raises(DefinitionError, match=r"engine\.prune\(\) takes a task or the id of one, not <class '"):
            engine.prune(kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", TRIALS)
async def test_a_pruned_task_that_stores_some_fails_and_keeps_it(kind: type[Trial], tmp_path: Path) -> None:
    async with Engine(tmp_path, workers=1, grace=60, retry=Retry(3)) as engine:
        task = kind(3, "some")
        run = asyncio.create_task(engine.run(task))
        await prune_what_reports(engine, engine.events())
        with pytest.raises(RunFailed) as failed:
            await run
        (error,) = failed.value.exceptions
        assert isinstance(error, Pruned)
        assert error.attempts == 1
        metrics = task.output()["metrics"].assign_storage(engine.storage)
        assert (await metrics.aload())["pruned"] is True


@dataclass(frozen=True)
class DoesNotAsk(Task):
    pipe: str
    gate: str

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput, key="n.json")

    def run(self, input: None, output: JSONOutput[int]) -> None:
        output.store(1)
        send_line_and_wait(self.pipe, os.getpid(), self.gate)


async def test_a_task_that_does_not_ask_is_stopped_after_its_grace(tmp_path: Path) -> None:
    pipe, gate = Fifo(tmp_path / "pipe"), Fifo(tmp_path / "gate")
    async with Engine(tmp_path / "results", workers=1, grace=0.1) as engine:
        task = DoesNotAsk(pipe.path, gate.path)
        run = asyncio.create_task(engine.run(task))
        await pipe.receive()
        assert engine.prune(task)
        with pytest.raises(RunFailed) as failed:
            await run
        assert isinstance(failed.value.exceptions[0], Pruned)
        assert not await engine.storage.aexists_many([task.output().key])


async def test_what_does_not_run_is_not_pruned() -> None:
    async with Engine(MemoryStorage()) as engine:
        assert not engine.prune(Trial(1))
        assert not engine.prune("m.Trial.0")
    assert SECONDS_BETWEEN_REPORTS > 0


def test_values_without_a_name_are_refused_with_what_to_write() -> None:
    report: Any = current.report
    with pytest.raises(DefinitionError, match=r"by name: current\.report\(step=3, of=10"):
        report(3, 10)
