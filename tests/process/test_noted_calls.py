"""Functions that change a process are noted in workers, and stay what they are to the code of tasks."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from dataclasses import dataclass
from os import chdir as imported_early
from typing import Any

import pytest

from alexflow import BinaryOutput, Engine, Output, Task

pytestmark = pytest.mark.anyio


class Shell:
    """Has a function of the system's as an attribute, which is no method."""

    change_directory = os.chdir


@dataclass(frozen=True)
class Uses(Task):
    way: str

    def output(self) -> Output[Any]:
        return self.build_output(BinaryOutput[Any], key="found")

    def run(self, input: None, output: Output[Any]) -> None:
        if self.way == "attribute":
            Shell().change_directory("/")
            output.store(os.getcwd())
        elif self.way == "imported":
            imported_early("/")
            output.store(os.getcwd())
        elif self.way == "pickled":
            output.store(pickle.loads(pickle.dumps(os.chdir)) is os.chdir)
        elif self.way == "descriptor":
            output.store(os.chdir in os.supports_fd)
        elif self.way == "handler":
            before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
            output.store((before, signal.getsignal(signal.SIGUSR2)))
        else:
            output.store(os.getcwd())


EXPECTED = {
    "attribute": "/",
    "imported": "/",
    "pickled": True,
    "descriptor": True,
    "handler": (signal.SIG_DFL, signal.SIG_IGN),
}


@pytest.mark.processes
@pytest.mark.parametrize("way", EXPECTED)
async def test_noted_functions_are_what_they_were(way, place):
    async with Engine(place, workers=1) as engine:
        assert await engine.load(Uses(way).output()) == EXPECTED[way]
        assert await engine.load(Uses("nothing").output()) == os.getcwd()


def test_the_engines_process_is_left_alone():
    import alexflow.executors.process.worker.main  # noqa: F401

    assert type(os.chdir) is type(len)


LOOKS = """
from alexflow.executors.process.worker.noted_calls import noted
from alexflow.executors.process.worker.settings import ProcessSettings

noted.watch()
settings = ProcessSettings()
assert settings.look_closer() == ""
print(noted.changed)
noted.changed = True  # as if a task had called something
assert settings.put_back() == ""
print(noted.changed)
"""


def test_a_closer_look_is_no_change_itself():
    found = subprocess.run([sys.executable, "-c", LOOKS], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]
