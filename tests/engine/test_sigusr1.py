"""SIGUSR1, as batch systems send it before the time is over, stops a script's run in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.fifo import Fifo

SCRIPT = """
import time
from dataclasses import dataclass
from pathlib import Path
import alexflow
from alexflow import current
from tests.kit.fifo import send_line

@dataclass(frozen=True)
class Saves(alexflow.Task):
    pipe: str
    said: str
    def output(self):
        return self.build_output(alexflow.JSONOutput, key="x.json")
    def run(self, input, output):
        current.should_stop
        send_line(self.pipe, "started")
        while not current.should_stop:
            time.sleep(0.001)
        Path(self.said).write_text("saved")

alexflow.run(Saves({pipe!r}, {said!r}), storage={storage!r}, workers=1, grace=60)
"""


@pytest.mark.anyio
@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
async def test_a_task_that_asks_saves_before_the_script_ends(number: signal.Signals, tmp_path: Path) -> None:
    said, pipe = tmp_path / "said", Fifo(tmp_path / "pipe")
    script = SCRIPT.format(pipe=pipe.path, said=str(said), storage=str(tmp_path / "results"))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, env=environment)  # noqa: ASYNC220
    await pipe.receive()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert said.read_text() == "saved"
    assert f"{number.name} again kills them".encode() in errors
