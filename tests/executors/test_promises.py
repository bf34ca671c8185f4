"""Executors of all kinds keep the same promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from alexflow.executors import Executor
from alexflow.executors.interface import JobSource, Outcome, Report
from alexflow.executors.settings import ExecutorSettings
from alexflow.storage import Storage
from alexflow.testing.executors import BrokenPromise, Promise, promises, runs_each_task_once
from tests.kit.agents import OneAgent

pytestmark = pytest.mark.processes

OF_ALL, OF_PROCESSES = promises(leaves_process=False), promises(leaves_process=True)


class Agent(OneAgent):
    """An executor that starts its agent by itself."""

    def __init__(self) -> None:
        super().__init__(None)

    def configure(self, settings: ExecutorSettings | None) -> None:
        if settings is not None:  # the engine's
            super().configure(settings)


@pytest.mark.parametrize("promise", OF_PROCESSES, ids=str)
@pytest.mark.parametrize("make", [lambda: "process", Agent], ids=["process", "agent"])
def test_those_with_processes(make: Callable[[], str | Executor], promise: Promise) -> None:
    promise.check(make)


@pytest.mark.parametrize("promise", OF_ALL, ids=str)
@pytest.mark.parametrize("where", ["thread", "loop"])
def test_those_in_the_engines_process(where: str, promise: Promise) -> None:
    promise.check(lambda: "thread", is_async=where == "loop")


class LosesJobs(Agent):
    """An executor that forgets every third job that it takes."""

    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        def report_some(outcomes: Sequence[Outcome]) -> None:
            report([outcome for outcome in outcomes if hash(outcome.task_id) % 3])

        super().open(storage, report_some, source)


def test_a_broken_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alexflow.testing.executors.CHECK_TIMEOUT", 3.0)
    with pytest.raises(BrokenPromise, match="nothing happens any more after 3 s"):
        Promise(runs_each_task_once).check(LosesJobs)


def test_a_promise_is_a_sentence() -> None:
    assert str(OF_ALL[0]) == "runs_each_task_once"
    assert OF_ALL[0].text == "A graph's tasks run once each, and what they store is there."
