"""Tasks for faults of remote storages. Worker processes import this module."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from alexflow import JSONOutput, Task


@dataclass(frozen=True)
class Make(Task):
    """On the event loop; tells in a file that it ran."""

    log: str
    number: int = 0

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="made.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        await to_thread.run_sync(_tell, self.log, self.number)
        await output.astore(self.number)


@dataclass(frozen=True)
class MakeInWorker(Make):
    """In a worker process."""

    def run(self, input: None, output: JSONOutput[int]) -> None:  # type: ignore[override]
        _tell(self.log, self.number)
        output.store(self.number)


def _tell(log: str, number: int) -> None:
    with Path(log).open("a") as file:
        file.write(f"{number}\n")
