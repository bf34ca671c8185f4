"""A process that code forks while a run lasts is ended by signals, as without the run."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import JSONOutput, MemoryStorage, Task, TaskOptions


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


@pytest.mark.processes
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_signals_end_a_process_that_is_forked_while_a_run_lasts(number: signal.Signals) -> None:
    result = alexflow.run(EndsItsFork(int(number)), storage=MemoryStorage(), progress=False)
    assert os.waitstatus_to_exitcode(result.output.load()) == -number
    assert signal.getsignal(number) == signal.SIG_DFL
