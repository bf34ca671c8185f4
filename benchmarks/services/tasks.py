"""Tasks of the services that are measured."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from alexflow import JSONOutput, Task, TaskOptions
from alexflow.errors import RetryAfter


def burn(seconds: float) -> None:
    """Use processor time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@dataclass(frozen=True)
class Feature(Task):
    """A millisecond of work in a worker process, for somebody who waits."""

    number: int

    def output(self) -> JSONOutput[Any]:
        return self.build_output(JSONOutput[int], key="feature.json")

    def run(self, input: Any, output: Any) -> None:
        burn(0.001)
        output.store(self.number)


@dataclass(frozen=True)
class Backfill(Feature):
    """The same, for a bulk run."""


@dataclass(frozen=True)
class StoredInProcess(Task):
    """A number, stored by a worker process: next to no work."""

    number: int

    def output(self) -> JSONOutput[Any]:
        return self.build_output(JSONOutput[int], key="number.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(self.number)


@dataclass(frozen=True)
class Stored(Task):
    """The same on the event loop."""

    number: int

    def output(self) -> JSONOutput[Any]:
        return self.build_output(JSONOutput[int], key="number.json")

    async def run(self, input: Any, output: Any) -> None:
        await output.astore(self.number)


@dataclass(frozen=True)
class Call(Task):
    """A call of the API with a limited rate."""

    number: int
    engine: int = 0
    url: str = ""

    @property
    def tags(self) -> set[str]:
        return {"api"}

    def output(self) -> JSONOutput[Any]:
        return self.build_output(JSONOutput[int], key="call.json")

    async def run(self, input: Any, output: Any) -> None:
        host, _, port = self.url.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n")
        status = (await reader.readline()).split()[1]
        writer.close()
        if status != b"200":
            self.refused(status.decode())
        await output.astore(self.number)

    def refused(self, status: str) -> None:
        """Take in that the API did not answer."""
        raise RuntimeError(f"refused: {status}")


@dataclass(frozen=True)
class PatientCall(Call):
    """One that tries again when the API says so."""

    def refused(self, status: str) -> None:
        raise RetryAfter(1)


@dataclass(frozen=True)
class TimedCall(Call):
    """One that may take a second, and notes when it starts."""

    options: ClassVar[TaskOptions] = TaskOptions(timeout=1)
    starts: ClassVar[list[float]] = []

    async def run(self, input: Any, output: Any) -> None:
        self.starts.append(time.perf_counter())
        await output.astore(self.number)
