"""Streams: from a part that is written in a worker process to the readers that get it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexflow import Engine, LocalStorage, Output, Task
from alexflow.formats import JSONLinesOutput

READERS = 1000
PARTS = 40

#: Seconds between two parts.
PAUSE = 0.05


@dataclass(frozen=True)
class Answer(Task):
    """Appends the time, again and again."""

    parts: int
    number: int = 0

    def output(self) -> Output[list[int]]:
        return self.build_output(JSONLinesOutput[int], key="answer.jsonl")

    def run(self, input: Any, output: Any) -> None:
        for _ in range(self.parts):
            time.sleep(PAUSE)
            output.append(time.monotonic_ns())


async def measure(directory: Path, scale: float) -> list[str]:
    """Measure everything of the part."""
    readers, parts = max(1, round(READERS * scale)), max(2, round(PARTS * scale))
    base = str(directory / "results")
    probe = await _probe(parts)
    alone = await _read(base, Answer(parts, 1), 1)
    many = await _read(base, Answer(parts, 2), readers)
    other = await _read_elsewhere(base, Answer(parts, 3))
    to_one = [milliseconds for part in alone for milliseconds in part]
    to_many = [milliseconds for part in many for milliseconds in part]
    return [
        f"idle probe, a pipe from another process: {_summary(probe)}",
        f"first part to 1 reader {alone[0][0]:.2f} ms (bar 5); all parts: {_summary(to_one)}",
        f"first part to {readers:,} readers: the first after {min(many[0]):.2f} ms (bar 5), {_summary(many[0])}",
        f"all parts to {readers:,} readers: {_summary(to_many)}",
        f"to a reader in another process: {_summary(other)}",
    ]


def _summary(times: list[float]) -> str:
    ordered = sorted(times)
    p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)]
    return f"p50 {p50:.2f}, p99 {p99:.2f}, max {ordered[-1]:.2f} ms"


async def _read(base: str, task: Answer, readers: int) -> list[list[float]]:
    """Return how long each part took to each reader, in milliseconds."""
    seen: list[list[float]] = [[] for _ in range(task.parts)]

    async def read() -> None:
        number = 0
        async for written in engine.stream(task.output()):
            seen[number].append((time.monotonic_ns() - written) / 1e6)
            number += 1

    async with Engine(LocalStorage(base), workers=1) as engine:
        await engine.start_workers([Answer])
        await asyncio.gather(*(read() for _ in range(readers)))
    return seen


async def _read_elsewhere(base: str, task: Answer) -> list[float]:
    """Return the same for one reader in another process."""
    command = [sys.executable, "-m", "benchmarks.services.stream", base, str(task.parts), str(task.number)]
    async with Engine(LocalStorage(base), workers=1) as engine:
        await engine.start_workers([Answer])
        child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert child.stdout is not None
        await child.stdout.readline()
        _, (out, _) = await asyncio.gather(engine.run(task), child.communicate())
    found: list[float] = json.loads(out)
    return found


async def _probe(times: int) -> list[float]:
    """Return how long a notice from another process takes to reach the loop, in milliseconds."""
    code = f"import os, time\nfor _ in range({times}): time.sleep({PAUSE}); os.write(1, b'%d\\n' % time.monotonic_ns())"
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    seen = [(time.monotonic_ns() - int(line)) / 1e6 async for line in child.stdout]
    await child.wait()
    return seen


async def read_here(base: str, task: Answer) -> None:
    """Read, in a process of its own, and print how long each part took."""
    async with Engine(LocalStorage(base), workers=1) as engine:
        print("ready", flush=True)
        await asyncio.sleep(PAUSE)  # the other engine begins
        began = time.monotonic_ns()
        seen = [
            (time.monotonic_ns() - written) / 1e6 async for written in engine.stream(task.output()) if written > began
        ]
        computed = engine.stats().computed
    assert not computed, "the other engine makes it"
    os.write(1, json.dumps(seen).encode())


if __name__ == "__main__":
    asyncio.run(read_here(sys.argv[1], Answer(int(sys.argv[2]), int(sys.argv[3]))))
