"""Runs when the program's main thread has ended, where Python lends no threads: they end well, or say so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

PROGRAM = """
import atexit, threading, time
from dataclasses import dataclass
import alexflow
from alexflow import JSONOutput, Task, TaskOptions

@dataclass(frozen=True)
class Waits(Task):
    options = TaskOptions(executor="thread")
    def output(self):
        return self.build_output(JSONOutput, key="n.json")
    def run(self, input, output):
        begun.set()
        threading.main_thread().join()
        time.sleep(0.1)
        output.store(1)

begun = threading.Event()

def work():
    try:
        print(alexflow.run(Waits(), storage="results"))
    except alexflow.errors.EngineClosed as error:
        print(error)

"""
WAYS = {
    "atexit": "atexit.register(work)",
    "a thread that begins": "threading.Thread(target=lambda: (threading.main_thread().join(), work())).start()",
    "a thread under way": "threading.Thread(target=work).start(); begun.wait()",
}


@pytest.mark.parametrize("way", WAYS)
def test_it_is_done_or_told(tmp_path: Path, way: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + WAYS[way]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert "main thread has ended" in done.stdout or "1 ran" in done.stdout, done.stderr  # if it has needed no thread
    if not (3, 12) <= sys.version_info < (3, 13):  # where no thread may be started at all, which the engine logs
        assert not done.stderr
