"""Tasks that store in all ways, and say that they ran."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from alexflow import Task
from alexflow.formats import BytesOutput
from tests.faults.workflows import note

LARGE = 400_000


@dataclass(frozen=True)
class Small(Task):
    """A small output."""

    log: str = field(compare=False)

    def output(self) -> Any:
        return self.build_output(BytesOutput, key="bytes")

    def run(self, input: Any, output: Any) -> None:
        note(self.log, type(self).__name__)
        output.store(b"1" * 20_000)


class Streamed(Small):
    """A stream."""

    def run(self, input: Any, output: Any) -> None:
        note(self.log, type(self).__name__)
        with output.open("wb") as file:
            for _ in range(8):
                file.write(b"1" * (LARGE // 8))


class ByPath(Small):
    """A file by its name."""

    def run(self, input: Any, output: Any) -> None:
        note(self.log, type(self).__name__)
        with output.path("w") as path:
            path.write_bytes(b"1" * LARGE)


class OnLoop(Small):
    """A large output, on the event loop."""

    async def run(self, input: Any, output: Any) -> None:  # type: ignore[override]
        note(self.log, type(self).__name__)
        await output.astore(b"1" * LARGE)
