"""Tasks that ask for CPUs and devices, and store what they have got."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from alexflow import JSONOutput, ResourceSpec, Task, TaskOptions, current


@dataclass(frozen=True)
class Asks(Task):
    """Stores what it sees of the machine; ``until`` is a file for which it waits."""

    number: int
    until: str = ""

    def output(self):
        return self.build_output(JSONOutput, key="seen.json")

    def run(self, input, output):
        started = time.time()
        while self.until and not Path(self.until).exists():
            time.sleep(0.002)
        output.store(
            {
                "pid": os.getpid(),
                "devices": current.devices,
                "cuda": os.environ.get("CUDA_VISIBLE_DEVICES"),
                "threads": os.environ.get("OMP_NUM_THREADS"),
                "blas": blas_threads(),
                "from": started,
                "to": time.time(),
            }
        )


@dataclass(frozen=True)
class AsksInThread(Asks):
    options = TaskOptions(executor="thread")


@dataclass(frozen=True)
class AsksOnLoop(Task):
    number: int

    resource_spec = ResourceSpec(gpus=1)

    def output(self):
        return self.build_output(JSONOutput, key="seen.json")

    async def run(self, input, output):
        await output.astore({"devices": current.devices})


@dataclass(frozen=True)
class WithNumpy(Asks):
    def run(self, input, output):
        import numpy as np

        np.ones((200, 200)) @ np.ones((200, 200))
        super().run(input, output)


@dataclass(frozen=True)
class Dies(Asks):
    """Kills its process at the first attempt."""

    def run(self, input, output):
        if current_attempt(self.until) == 1:
            os.kill(os.getpid(), 9)
        output.store({"at": time.monotonic()})


def current_attempt(path: str) -> int:
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{time.monotonic()}\n")
    return len(Path(path).read_text(encoding="utf-8").split())


def blas_threads() -> list[int]:
    """The numbers of threads of the libraries that this process has loaded."""
    if "numpy" not in sys.modules:
        return []
    import threadpoolctl

    return [library["num_threads"] for library in threadpoolctl.threadpool_info()]
