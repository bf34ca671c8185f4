"""The tasks of ``benchmarks.devices``. Workers import this module."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexflow import JSONOutput, Task, TaskOptions, current
from alexflow.executors.devices import bound_devices


@dataclass(frozen=True)
class Occupies(Task):
    """Holds its devices for a moment, and stores when, where, and what torch sees there."""

    number: int
    seconds: float = 0.01
    uses_torch: bool = False

    def output(self) -> JSONOutput[dict[str, Any]]:
        return self.build_output(JSONOutput[dict[str, Any]], key="span.json")

    def run(self, input: None, output: JSONOutput[dict[str, Any]]) -> None:
        started = time.monotonic()
        seen = torch_sees() if self.uses_torch else None
        time.sleep(self.seconds)
        self.check()
        devices = current.devices.get("gpu", [])
        span = {"pid": os.getpid(), "devices": devices, "from": started, "to": time.monotonic(), "torch": seen}
        output.store(span)

    def check(self) -> None:
        """Check that the process is bound to the task's devices."""
        assert current.devices == bound_devices()


@dataclass(frozen=True)
class OccupiesInThread(Occupies):
    """The same without a process of its own, so that it begins as soon as its devices are free."""

    options = TaskOptions(executor="thread")

    def check(self) -> None:
        """Nothing is hidden in a thread."""


@dataclass(frozen=True)
class IsKilled(Task):
    """Notes the time and kills its process, once."""

    notes: str

    def output(self) -> JSONOutput[float]:
        return self.build_output(JSONOutput[float], key="time.json")

    def run(self, input: None, output: JSONOutput[float]) -> None:
        notes = Path(self.notes)
        if not notes.exists():
            time.sleep(0.3)  # until the next task waits for its device
            with notes.open("wb", buffering=0) as file:  # a busy disk takes its time for a new name
                file.write(repr(time.monotonic()).encode())
                os.kill(os.getpid(), 9)
        output.store(float(notes.read_text()))


def torch_sees() -> dict[str, Any]:
    """Return torch's view of this process's devices: their number, and the name and sum of a tensor on the first."""
    import torch

    if not torch.cuda.is_available():
        return {"count": 0}
    total = float(torch.ones(1000, device="cuda:0").sum())
    return {"count": torch.cuda.device_count(), "name": torch.cuda.get_device_name(0), "sum": total}
