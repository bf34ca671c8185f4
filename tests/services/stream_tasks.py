"""Tasks that append, wherever they run; each waits for its gates, which are named pipes."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, field
from typing import Any

from alexflow import BinaryOutput, Output, Retry, Task, TaskOptions
from alexflow.formats import BytesOutput, JSONLinesOutput, TextOutput


@dataclass(frozen=True)
class Told(Task):
    """Appends each line that it reads from a pipe, in a worker process: ``!`` raises, ``X`` ends the process."""

    pipe: str = field(compare=False)
    name: str = "a"

    retry = Retry(2, delay=0.01)

    def output(self) -> Output[str]:
        return self.build_output(TextOutput, key="told.txt")

    def run(self, input: Any, output: Output[str]) -> None:
        with open(os.open(self.pipe, os.O_RDWR), encoding="utf-8") as lines:  # which never ends: nothing gets lost
            for line in lines:
                if line == "!\n":
                    raise OSError("told to fail")
                if line == "X\n":
                    os.kill(os.getpid(), signal.SIGKILL)
                if line == ".\n":
                    return
                output.append(line)


@dataclass(frozen=True)
class ToldInThread(Told):
    """The same, in a thread."""

    options = TaskOptions(executor="thread")


@dataclass(frozen=True)
class ToldOnLoop(Told):
    """The same, on the event loop."""

    async def run(self, input: Any, output: Output[str]) -> None:  # type: ignore[override]
        fd = await asyncio.to_thread(os.open, self.pipe, os.O_RDWR)
        while True:
            data = await asyncio.to_thread(os.read, fd, 4096)
            for line in data.decode().splitlines(keepends=True):
                if line == ".\n":
                    os.close(fd)
                    return
                await output.aappend(line)


@dataclass(frozen=True)
class Lines(Task):
    """Appends values."""

    values: tuple[int, ...]

    def output(self) -> Output[list[dict[str, int]]]:
        return self.build_output(JSONLinesOutput[dict[str, int]], key="lines.jsonl")

    def run(self, input: Any, output: Any) -> None:
        for value in self.values:
            output.append({"value": value})


@dataclass(frozen=True)
class Blob(Task):
    """Appends bytes: some parts that are small, and one that is large."""

    def output(self) -> Output[bytes]:
        return self.build_output(BytesOutput, key="blob.bin")

    async def run(self, input: Any, output: Any) -> None:
        for size in (1, 1000, 300_000, 5):
            await output.aappend(b"x" * size)


@dataclass(frozen=True)
class Wrong(Task):
    """Appends what cannot be appended."""

    kind: str

    def output(self) -> Output[Any]:
        formats = {"whole": BinaryOutput, "text": TextOutput, "bytes": BytesOutput, "lines": JSONLinesOutput}
        return self.build_output(formats[self.kind], key="wrong")

    def run(self, input: Any, output: Any) -> None:
        output.append((1,))


@dataclass(frozen=True)
class Both(Task):
    """Appends, and stores a whole, in an order."""

    stores_last: bool

    def output(self) -> Output[str]:
        return self.build_output(TextOutput, key="both.txt")

    def run(self, input: Any, output: Any) -> None:
        if not self.stores_last:
            output.store("whole")
        output.append("part")
        if self.stores_last:
            output.store("whole")


@dataclass(frozen=True)
class Nothing(Task):
    """Appends an empty part."""

    def output(self) -> Output[str]:
        return self.build_output(TextOutput, key="nothing.txt")

    def run(self, input: Any, output: Any) -> None:
        output.append("")
