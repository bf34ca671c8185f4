"""Tasks of the services under test; worker processes import them."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field

from alexflow import JSONOutput, Output, Task
from tests.kit.fifo import send_line_and_wait


@dataclass(frozen=True)
class Held(Task):
    """Says that it has begun, and waits for its gate."""

    n: int
    told: str = field(compare=False)
    gate: str = field(compare=False)

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: None, output: Output[int]) -> None:
        send_line_and_wait(self.told, self.n, self.gate)
        output.store(self.n)


@dataclass(frozen=True)
class Square(Task):
    """A cheap one in a worker process."""

    n: int

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: None, output: Output[int]) -> None:
        output.store(self.n * self.n)


@dataclass(frozen=True)
class Endless(Task):
    """Waits on the loop, and notes how it ended."""

    n: int

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: None, output: Output[int]) -> None:
        begun.append(self.n)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(self.n)


begun: list[int] = []
ended: list[int] = []

#: The process of the test.
PID = os.getpid()
