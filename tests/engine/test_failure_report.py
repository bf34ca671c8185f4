"""Reports of failures, for people and for programs."""

from __future__ import annotations

import pickle
import time

import pytest

from alexflow import Engine, MemoryStorage, Retry
from alexflow.errors import RunFailed, TaskFailed
from alexflow.failures import FailureReport
from tests.engine.workflows import Flaky
from tests.faults.workflows import KillsItself, Number, Sum
from tests.process.workflows import says

pytestmark = pytest.mark.anyio


async def test_nothing_failed(place):
    async with Engine(MemoryStorage(), executor="thread") as engine:
        result = await engine.run(Number(1))
    assert result.report == FailureReport()
    assert str(result.report) == "no task failed"


async def test_attempts_output_and_what_did_not_run(place):
    failing = says(3, "print", "raise")
    middle = Sum((failing.output(),), "middle")
    last = Sum((middle.output(), Number(1).output()), "last")
    before = time.time()
    async with Engine(place, workers=1, retry=Retry(2, delay=0.001)) as engine:
        result = await engine.run(last, on_error="continue")
    (failed,) = result.report.failures
    assert failed.task_id == failing.task_id
    assert failed.kind == "TaskFailed"
    assert failed.message == "ValueError: raise 3"
    assert "Says(n=3" in failed.task
    assert set(failed.skipped) == {middle.task_id, last.task_id}
    assert result.report.skipped == tuple(failed.skipped)
    assert result.report.not_started == ()
    assert len(failed.attempts) == 3
    for attempt in failed.attempts:
        assert attempt.error == "ValueError: raise 3"
        assert before <= attempt.ended <= time.time()
        assert attempt.seconds > 0
        assert attempt.worker > 0
    assert result.failures[0].history == failed.attempts
    text = str(result.report)
    assert text.startswith(f"1 task failed, 2 that need it or came later did not run\n\n{failing.task_id}: ValueError")
    assert text.count("ValueError: raise 3") == 5  # in the first line, the traceback, and for each attempt
    assert "\n  stdout:\n    print 3\n  attempts:\n" in text
    assert "\n  did not run because of it: " in text
    assert pickle.loads(pickle.dumps(result.report)) == result.report


def test_a_message_that_holds_data_stands_below_the_traceback_alone():
    error = TaskFailed("a.B.c", error_type="OSError", error_message="x" * 2_000, traceback=f"OSError: {'x' * 2_000}")
    first, *rest = str(error).splitlines()
    assert first == f"a.B.c: OSError: {'x' * 991} …"
    assert rest == [f"OSError: {'x' * 2_000}"]


async def test_each_has_its_own(place):
    failing = [says(n, "raise") for n in range(2)]
    readers = [Sum((task.output(),)) for task in failing]
    async with Engine(place, workers=2) as engine:
        result = await engine.run(readers, on_error="continue")
    told = {failed.task_id: failed.skipped for failed in result.report.failures}
    pairs = zip(failing, readers, strict=True)
    assert told == {task.task_id: (reader.task_id,) for task, reader in pairs}


async def test_deaths_are_attempts(place):
    async with Engine(place, workers=1, max_deaths=1) as engine:
        result = await engine.run(KillsItself(1), on_error="continue")
    first, second = result.report.failures[0].attempts
    assert first.kind == second.kind == "WorkerDied"
    assert first.worker != second.worker
    assert f"its worker process {first.worker} was killed by SIGKILL" in str(first)


async def test_a_run_that_stops(place):
    failing = says(3, "raise")
    reader = Sum((failing.output(),))
    async with Engine(place, workers=1) as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(reader)
    report = caught.value.report
    assert report.failures[0].task_id == failing.task_id
    assert report.skipped == report.not_started == (reader.task_id,)
    part = caught.value.subgroup(lambda error: True)
    assert part is not None
    assert part.report is report
    assert pickle.loads(pickle.dumps(caught.value)).report == report


async def test_many_of_a_kind_are_told_once(place):
    kinds = [says(n, "raise") for n in range(50)] + [says(n, "exit") for n in range(3)]
    async with Engine(place, workers=2, max_deaths=0) as engine:
        result = await engine.run(kinds, on_error="continue")
    text = str(result.report)
    assert len(result.report.failures) == 53
    assert text.count("Traceback") == 1
    assert "\n49 more of this kind: " in text
    assert " and 46 more" in text
    assert "\n2 more of this kind: " in text
    assert len(text.splitlines()) < 30


async def test_what_succeeds_in_the_end_is_forgotten(tmp_path, place):
    flaky = [Flaky(2 + n, str(tmp_path / f"attempts-{n}")) for n in range(3)]
    async with Engine(place, workers=1, retry=Retry(5, delay=0.001)) as engine:
        result = await engine.run(flaky)
        assert result.ok
        assert engine._driver is not None
        assert engine._driver._outcomes._failed._attempts == {}
