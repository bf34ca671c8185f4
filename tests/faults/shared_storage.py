"""An engine in a process of its own, on a storage that it shares.

``python -m tests.faults.shared_storage storage log ttl workflow told gate``; prints what it found as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import alexflow
from alexflow import BinaryOutput, DynamicTask, Output, Task
from alexflow.events import ResultDropped, TasksMadeElsewhere
from alexflow.storage.keys import RESERVED
from alexflow.storage.local.lock_file import LEASES_FILE as LEASES
from alexflow.storage.remote.multipart import MAX_BYTES_IN_MEMORY
from tests.faults.workflows import Held, Number, Sum, note
from tests.kit.fifo import DEADLINE


@dataclass(frozen=True)
class Passing(Number):
    """Its output is removed when it has been read."""


@dataclass(frozen=True)
class Reads(Task):
    """Reads what passes."""

    passing: Output[int]
    log: str = field(default="", compare=False)

    def input(self) -> Output[int]:
        return self.passing.as_ephemeral()

    def output(self) -> Output[int]:
        return self.build_output(BinaryOutput[int], key="read")

    def run(self, input: Output[int], output: Output[int]) -> None:
        value = input.load()
        note(self.log, f"reads-{value}")
        output.store(value)


@dataclass(frozen=True)
class OnLoop(Number):
    """On the event loop."""

    async def run(self, input: None, output: Output[int]) -> None:  # type: ignore[override]
        await asyncio.sleep(0.002)
        note(self.log, f"loop-{self.n}")
        await output.astore(self.n)


@dataclass(frozen=True)
class Gives(DynamicTask):
    """Gives some numbers, and is done when they are."""

    first: int
    count: int
    log: str = field(default="", compare=False)

    def output(self) -> Any:
        return [Number(n, self.log).output() for n in range(self.first, self.first + self.count)]

    def generate(self, input: None, output: Any) -> Any:
        for n in range(self.first, self.first + self.count):
            yield Number(n, self.log)


@dataclass(frozen=True, eq=False, repr=False)
class Enveloped(BinaryOutput[int]):
    """A number before much else."""

    def encode(self, value: int) -> bytes:
        return super().encode(value) + os.urandom(MAX_BYTES_IN_MEMORY)


@dataclass(frozen=True)
class HeldLarge(Held):
    """A task that stores something large, and different each time."""

    def output(self) -> Output[int]:
        return self.build_output(Enveloped, key="large")


def many(log: str) -> Sum:
    """Plain tasks, tasks on the loop, ephemeral outputs, what a dynamic task gives, and one that reads it all."""
    parts = [
        *(Number(n, log).output() for n in range(50)),
        *(OnLoop(n, log).output() for n in range(50, 74)),
        *(Reads(Passing(n, log).output(), log).output() for n in range(100, 125)),
        *Gives(200, 50, log).output(),
    ]
    return Sum(tuple(parts), "total", log)


#: What they say, each once.
MANY = [
    *(str(n) for n in (*range(50), *range(100, 125), *range(200, 250))),
    *(f"loop-{n}" for n in range(50, 74)),
    *(f"reads-{n}" for n in range(100, 125)),
    "total",
]


def target(workflow: str, log: str, told: str, gate: str) -> Any:
    """Return a target and the options of its run."""
    match workflow:
        case "many":
            return many(log), {}
        case "held":  # one that waits at the gate, for the engine that is to be stopped
            return Held(1, log, told, gate), {}
        case "forced":
            return Held(1, log, told, gate), {"force": True}
        case "large":  # its output is another one each time
            return HeldLarge(1, log, told, gate), {}
    raise ValueError(workflow)


async def main(place: str, log: str, ttl: str, workflow: str, told: str = "", gate: str = "") -> None:
    wanted, options = target(workflow, log, told, gate)
    found: dict[str, Any] = {"elsewhere": 0, "dropped": []}

    def listen(event: Any) -> None:
        if isinstance(event, TasksMadeElsewhere):
            found["elsewhere"] += len(event.task_ids)
        elif isinstance(event, ResultDropped):
            found["dropped"] += event.keys

    async with alexflow.Engine(place, workers=2, lease_ttl=float(ttl)) as engine:
        engine.broadcast.listen(listen)
        result = await engine.run(wanted, **options)
        found |= {"ran": result.ran, "cached": result.cached, "value": result.output.load(), "clock": time.time()}
    print(json.dumps(found))


def start(*arguments: object, wrapper: tuple[str, ...] = (), **environment: str) -> subprocess.Popen[str]:
    """Start such an engine, in a session of its own."""
    command = [*wrapper, sys.executable, "-m", "tests.faults.shared_storage", *map(str, arguments)]
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(engine: subprocess.Popen[str]) -> None:
    """Kill an engine, if it is still there."""
    engine.kill()
    engine.wait()
    for stream in (engine.stdout, engine.stderr):
        assert stream is not None
        stream.close()


def has_joined(place: str, engine: subprocess.Popen[str]) -> None:
    """Wait until an engine is about to have a seat on the storage: the leases' file is among its descriptors."""
    deadline = time.monotonic() + DEADLINE
    while f"{place}/{LEASES}" not in _open_files(engine.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _open_files(pid: int) -> set[str]:
    found = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    return found


def left_behind(storage: Any) -> list[str]:
    """Return alexflow's own keys in a bucket, but for the record: leases, among others."""

    async def look() -> list[str]:
        connection = storage._connection()
        pages = (await connection.backend()).pages(RESERVED)
        found: list[str] = []
        while (page := await connection.next_page(RESERVED, pages)) is not None:
            found += [key for key in page if not key.startswith(f"{RESERVED}/record/")]
        return found

    return asyncio.run(look())


def outcome(engine: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    """Return the results and the log of an engine, once it has ended."""
    out, err = engine.communicate(timeout=60)
    assert engine.returncode == 0, err
    return json.loads(out), err


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(*sys.argv[1:]))
