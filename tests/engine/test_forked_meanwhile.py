"""A process that code forks while a run lasts is ended by signals, as without the run."""

from __future__ import annotations

import importlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import JSONOutput, MemoryStorage, Task, TaskOptions, TaskStopped, Workers
from alexflow.errors import RunFailed


@dataclass(frozen=True)
class EndsItsFork(Task):
    number: int

    options = TaskOptions(executor="thread")

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="status.json")

    def run(self, input: Any, output: JSONOutput[int]) -> None:
        child = os.fork()
        if child == 0:
            time.sleep(20)
            os._exit(0)  # where the signal was handled
        os.kill(child, self.number)
        output.store(os.waitpid(child, 0)[1])


@dataclass(frozen=True)
class EndsForksInAWorker(Task):
    """Each child is signalled at once, mostly before it has come out of the fork."""

    number: int

    def output(self) -> JSONOutput[list[int]]:
        return self.build_output(JSONOutput[list[int]], key="statuses.json")

    def run(self, input: Any, output: JSONOutput[list[int]]) -> None:
        statuses = []
        for _ in range(8):
            child = os.fork()
            if child == 0:
                time.sleep(1)
                os._exit(0)  # where the signal was forgotten, or handled
            os.kill(child, self.number)
            statuses.append(os.waitpid(child, 0)[1])
        output.store(statuses)


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_signals_end_a_process_that_has_just_been_forked_in_a_worker(number: signal.Signals, tmp_path: Path) -> None:
    result = alexflow.run(EndsForksInAWorker(int(number)), storage=tmp_path / "s", workers=1, progress=False)
    assert {os.waitstatus_to_exitcode(status) for status in result.output.load()} == {-number}


HOOKED = """
import os, signal

armed = []

def terminate():
    if armed:
        armed.clear()
        os.kill(os.getpid(), signal.SIGTERM)

os.register_at_fork(before=terminate)  # before the worker's own, so it is called when that holds signals back
"""


@dataclass(frozen=True)
class IsStoppedWhileItForks(Task):
    note: str

    options = TaskOptions(timeout=30)

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: Any, output: JSONOutput[int]) -> None:
        importlib.import_module("hooked_forks").armed.append(True)
        try:
            if os.fork() == 0:
                os._exit(0)
            time.sleep(20)
        except TaskStopped:
            Path(self.note).write_text("stopped")
            raise


@pytest.mark.processes
def test_a_task_that_is_stopped_while_it_forks_is_interrupted_after_it(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "hooked_forks.py").write_text(HOOKED)
    monkeypatch.syspath_prepend(tmp_path)
    task = IsStoppedWhileItForks(str(tmp_path / "note"))
    workers = Workers(1, preload=["hooked_forks"])
    with pytest.raises(RunFailed):
        alexflow.run(task, storage=tmp_path / "s", workers=workers, max_deaths=0, progress=False)
    assert (tmp_path / "note").read_text() == "stopped"


@pytest.mark.processes
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_signals_end_a_process_that_is_forked_while_a_run_lasts(number: signal.Signals) -> None:
    result = alexflow.run(EndsItsFork(int(number)), storage=MemoryStorage(), progress=False)
    assert os.waitstatus_to_exitcode(result.output.load()) == -number
    assert signal.getsignal(number) == signal.SIG_DFL
