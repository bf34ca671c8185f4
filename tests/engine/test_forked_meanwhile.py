"""A process that code forks while a run lasts is ended by signals, as without the run."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
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


@pytest.mark.processes
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_signals_end_a_process_that_is_forked_while_a_run_lasts(number: signal.Signals) -> None:
    result = alexflow.run(EndsItsFork(int(number)), storage=MemoryStorage(), progress=False)
    assert os.waitstatus_to_exitcode(result.output.load()) == -number
    assert signal.getsignal(number) == signal.SIG_DFL
