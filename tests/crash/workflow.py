"""The workflow of the crash tests: a bit of everything, with tasks that log when they begin."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from alexflow import BinaryOutput, DynamicTask, Output, Task, TaskOptions
from alexflow.model import flatten
from tests.faults.workflows import note

LARGE = 300_000  # bytes: more than a storage keeps in memory until it is published
WORKERS = 2
CONCURRENCY = 8  # `async def run` at once


class Start(NamedTuple):
    """The line that a task logs when it begins.

    Attributes:
        pid: its process.
        again: whether all its outputs are visible already.
        task_id: its id.
        keys: the keys that it will store.
        ephemeral: whether those may be removed again.
    """

    pid: int
    again: bool
    task_id: str
    keys: list[str]
    ephemeral: bool

    def as_line(self) -> str:
        """Return the line, for :func:`starts_in`."""
        return json.dumps(self)


def starts_in(lines: str) -> list[Start]:
    """Parse the lines that tasks have logged."""
    return [Start(*json.loads(line)) for line in lines.splitlines()]


def say_start(task: Any, output: Any) -> None:
    outputs = flatten(output)
    start = Start(
        os.getpid(),
        all(output.exists() for output in outputs),
        task.task_id,
        [output.key for output in outputs],
        any(output.ephemeral for output in flatten(task.output())),
    )
    note(task.log, start.as_line())


def content(task: Any, name: str = "", size: int = 40) -> bytes:
    """Return bytes that identify the task that stored them, and show whether they are complete."""
    return hashlib.shake_128(f"{task.task_id} {name}".encode()).digest(size)


def digest(input: Any) -> bytes:
    """Return one value for everything that a task has read."""
    total = hashlib.sha256()
    for output in flatten(input):
        total.update(output.load())
    return total.digest()


def milliseconds(n: int) -> float:
    """Return the duration of a task, in seconds: different ones, and the same each time."""
    return (n * 37 % 11) / 1000


@dataclass(frozen=True)
class Small(Task):
    """In a worker process; each twentieth starts a process of its own."""

    n: int
    log: str = field(default="", compare=False)

    def output(self) -> Output[bytes]:
        return self.build_output(BinaryOutput[bytes], key=f"{self.n % 5}/small")

    def run(self, input: None, output: Output[bytes]) -> None:
        say_start(self, output)
        time.sleep(milliseconds(self.n))
        if self.n % 20 == 0:
            subprocess.run(["sleep", "0.005"], check=True)
        output.store(content(self))


@dataclass(frozen=True)
class Large(Small):
    """Stores what is streamed to a file."""

    def run(self, input: None, output: Output[bytes]) -> None:
        say_start(self, output)
        output.store(content(self, size=LARGE))
        time.sleep(milliseconds(self.n))


@dataclass(frozen=True)
class Several(Task):
    """Several outputs, in a tree, one of them large."""

    n: int
    log: str = field(default="", compare=False)

    def output(self) -> dict[str, Any]:
        return {
            "one": self.build_output(BinaryOutput[bytes], key="one"),
            "rest": [self.build_output(BinaryOutput[bytes], key=f"rest/{n}") for n in range(2)],
        }

    def run(self, input: None, output: dict[str, Any]) -> None:
        say_start(self, output)
        one, *rest = flatten(output)
        one.store(content(self, "one", LARGE))
        for number, part in enumerate(rest):
            time.sleep(milliseconds(self.n) / 2)
            part.store(content(self, str(number)))


@dataclass(frozen=True)
class InThread(Small):
    """In a thread of the engine's process."""

    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class OnLoop(Small):
    """On the engine's event loop; each fifth stores much."""

    async def run(self, input: None, output: Output[bytes]) -> None:  # type: ignore[override]
        say_start(self, output)
        await asyncio.sleep(milliseconds(self.n))
        await output.astore(content(self, size=LARGE if self.n % 5 == 0 else 40))


@dataclass(frozen=True)
class Shard(Task):
    """Wanted only until it has been read."""

    n: int
    log: str = field(default="", compare=False)
    ephemeral: bool = field(default=True, compare=False)

    def output(self) -> Output[bytes]:
        return self.build_output(BinaryOutput[bytes], key="shard", ephemeral=self.ephemeral)

    def run(self, input: None, output: Output[bytes]) -> None:
        say_start(self, output)
        time.sleep(milliseconds(self.n) / 2)
        output.store(content(self, size=LARGE if self.n % 7 == 0 else 40))


@dataclass(frozen=True)
class Digest(Task):
    """Reads all its inputs."""

    parts: list[Output[bytes]]
    log: str = field(default="", compare=False)

    def input(self) -> list[Output[bytes]]:
        return self.parts

    def output(self) -> Output[bytes]:
        return self.build_output(BinaryOutput[bytes], key="digest")

    def run(self, input: list[Output[bytes]], output: Output[bytes]) -> None:
        say_start(self, output)
        output.store(digest(input))


@dataclass(frozen=True)
class Expand(DynamicTask):
    """Gives tasks, some of which read an ephemeral output that may have been removed by then."""

    n: int
    log: str = field(default="", compare=False)
    ephemeral: bool = field(default=True, compare=False)

    def output(self) -> Output[bytes]:
        return self.build_output(BinaryOutput[bytes], key="expanded")

    def generate(self, input: None, output: Output[bytes]) -> Iterator[Task]:
        say_start(self, output)
        output.store(content(self))
        for number in range(8):
            yield Small(1000 + 100 * self.n + number, self.log)
        yield Digest([Shard(self.n, self.log, self.ephemeral).output()], self.log)


@dataclass(frozen=True)
class Nest(DynamicTask):
    """Gives dynamic tasks, as they come."""

    n: int
    log: str = field(default="", compare=False)
    ephemeral: bool = field(default=True, compare=False)

    def output(self) -> Output[bytes]:
        return self.build_output(BinaryOutput[bytes], key="nested")

    async def generate(self, input: None, output: Output[bytes]) -> AsyncIterator[DynamicTask]:  # type: ignore[override]
        say_start(self, output)
        await output.astore(content(self))
        for number in range(2):
            await asyncio.sleep(0.01)
            yield Expand(10 * (self.n + 1) + number, self.log, self.ephemeral)


DYNAMIC = 10  # dynamic tasks: 4 that expand, 2 that nest, and what these give


def workflow(log: str, *, ephemeral: bool = True) -> Digest:
    """All of it, behind one task."""
    tasks: list[Any] = []
    for cls, count in [(Small, 110), (Large, 10), (Several, 12), (InThread, 20), (OnLoop, 40)]:
        tasks += [cls(n, log) for n in range(count)]
    shards = [Shard(n, log, ephemeral).output() for n in range(24)]
    tasks += [Digest(shards[n : n + 3], log) for n in range(0, len(shards) - 2, 2)]
    link = Small(5000, log).output()
    for _ in range(15):
        link = Digest([link], log).output()
    tasks += [Expand(n, log, ephemeral) for n in range(4)]
    tasks += [Nest(n, log, ephemeral) for n in range(2)]
    return Digest([output for task in tasks for output in flatten(task.output())] + [link], log)
