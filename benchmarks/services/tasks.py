"""Tasks of the services that are measured."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from alexflow import JSONOutput, Task


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
            raise RuntimeError(f"refused: {status.decode()}")
        await output.astore(self.number)
