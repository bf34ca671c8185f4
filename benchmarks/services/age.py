"""Stale values: how often they are made again, and what it costs to read one meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from alexflow import Engine, JSONOutput, LocalStorage, Task

PROCESSES = 4
READERS = 1000
LOADS = 2000
ROUNDS = 9

#: Seconds for which readers go on while the upstream is down.
OUTAGE = 3.0

WINDOW: dict[str, Any] = {"max_age": 60, "stale_while_revalidate": 300}


@dataclass(frozen=True)
class Rates(Task):
    """Calls an upstream, which takes its time or is down, and notes each call in a file."""

    calls: str = field(compare=False)
    seconds: float = field(default=0.0, compare=False)
    is_down: bool = field(default=False, compare=False)

    def output(self) -> JSONOutput[Any]:
        return self.build_output(JSONOutput[float], key="rates.json")

    async def run(self, input: Any, output: Any) -> None:
        fd = os.open(self.calls, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(fd, b"x")
        os.close(fd)
        await asyncio.sleep(self.seconds)
        if self.is_down:
            raise OSError("the upstream is down")
        await output.astore(time.time())


class Calls:
    """The calls of the upstream, a byte each in a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def count(self) -> int:
        """Return how many there were."""
        return len(Path(self.path).read_bytes())

    def clear(self) -> None:
        """Forget them."""
        Path(self.path).write_bytes(b"")


def _age(storage: LocalStorage, task: Rates, seconds: float) -> None:
    at = time.time() - seconds
    os.utime(storage.path_of(task.output().key), (at, at))


async def measure(directory: Path, scale: float) -> list[str]:
    """Measure everything of the part."""
    storage = LocalStorage(directory / "results")
    calls = Calls(str(directory / "calls"))
    task = Rates(calls.path)
    async with Engine(storage) as engine:
        await engine.run(task)
    return [
        await _read_stale(storage, calls, task, scale),
        await _read_in_outage(storage, calls, task, scale),
        *await _read_while_refreshing(storage, task, scale),
    ]


async def _read_stale(storage: LocalStorage, calls: Calls, task: Rates, scale: float) -> str:
    _age(storage, task, 100)
    calls.clear()
    readers = max(1, round(READERS * scale / PROCESSES))
    answers = await _in_processes(storage, calls, readers, "0.3", "0")
    longest = max(answer["seconds"] for answer in answers)
    return (
        f"{readers * PROCESSES:,} stale readers in {PROCESSES} processes: {calls.count()} refresh (bar 1) of "
        f"0.3 s; all had the old value after {longest * 1e3:.0f} ms"
    )


async def _read_in_outage(storage: LocalStorage, calls: Calls, task: Rates, scale: float) -> str:
    _age(storage, task, 100)
    calls.clear()
    readers = max(1, round(READERS * scale / PROCESSES))
    answers = await _in_processes(storage, calls, readers, "0", str(OUTAGE * min(scale, 1)))
    return (
        f"the upstream is down for {OUTAGE * min(scale, 1):g} s: {sum(answer['loads'] for answer in answers):,} loads "
        f"of the old value, {calls.count()} calls by {PROCESSES} processes "
        f"(bar {2 * PROCESSES}: with cool-downs of 1 and 2 s)"
    )


async def _in_processes(storage: LocalStorage, calls: Calls, *arguments: object) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.services.age", storage.base_path, calls.path, *map(str, arguments)]
    pipe = asyncio.subprocess.PIPE
    children = [await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe) for _ in range(PROCESSES)]
    for child in children:
        assert child.stdout is not None
        await child.stdout.readline()  # it is ready
    answers = await asyncio.gather(*(child.communicate(b"go\n") for child in children))
    return [json.loads(out) for out, _ in answers]


async def _read_while_refreshing(storage: LocalStorage, task: Rates, scale: float) -> list[str]:
    loads = max(10, round(LOADS * scale))
    plain, young, refreshing = [], [], []
    output = task.output()
    async with Engine(storage) as engine:
        for _ in range(ROUNDS):
            slow = Rates(task.calls, seconds=60.0).output()
            _age(storage, task, 100)
            await engine.load(slow, **WINDOW)
            while engine.stats().runs != 1:  # noqa: ASYNC110  # the engine has no event for that
                await asyncio.sleep(0)
            refreshing.append(await _per_load(lambda: engine.load(output, **WINDOW), loads))
            plain.append(await _per_load(lambda: engine.load(output), loads))
            young.append(await _per_load(lambda: engine.load(output, max_age=1e6), loads))
    hit, aged, meanwhile = median(plain[1:]), median(young[1:]), median(refreshing[1:])
    return [
        f"a hit {hit * 1e6:.1f} us of CPU; with max_age {aged * 1e6:.1f}; while it refreshes {meanwhile * 1e6:.1f}, "
        f"x {meanwhile / hit:.2f} (bar 1.2)"
    ]


async def _per_load(load: Callable[[], Awaitable[object]], times: int) -> float:
    started = time.thread_time()
    for _ in range(times):
        await load()
    return (time.thread_time() - started) / times


async def read(base: str, calls: str, readers: int, seconds: float, outage: float) -> None:
    """Read, in a process of its own, and print what it saw."""
    output = Rates(calls, seconds, is_down=outage > 0).output()
    async with Engine(base) as engine:
        old = await engine.load(output)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        started = time.perf_counter()
        loads = readers
        assert set(await asyncio.gather(*(engine.load(output, **WINDOW) for _ in range(readers)))) == {old}
        took = time.perf_counter() - started
        while time.perf_counter() - started < outage:
            assert await engine.load(output, **WINDOW) == old
            loads += 1
            await asyncio.sleep(0.001)
        while not outage and await engine.load(output, **WINDOW) == old:  # noqa: ASYNC110  # as readers do
            await asyncio.sleep(0.01)
    print(json.dumps({"seconds": took, "loads": loads}))


if __name__ == "__main__":
    asyncio.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])))
