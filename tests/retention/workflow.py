"""Tasks for the tests of gc."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from alexflow import JSONOutput, Output, Task
from tests.kit.fifo import send_line_and_wait


@dataclass(frozen=True)
class Block(Task):
    """Stores so many bytes."""

    number: int
    size: int = 1000
    before: tuple[Output[str], ...] = ()

    def input(self) -> Any:
        return self.before

    def output(self) -> Output[str]:
        return self.build_output(JSONOutput[str], key="block.json")

    async def run(self, input: Any, output: Any) -> None:
        await output.astore("x" * self.size)


@dataclass(frozen=True)
class Slow(Task):
    """Reads a block, reports that it runs, and waits."""

    block: Output[str]
    reports_to: str = field(compare=False)
    waits_at: str = field(compare=False)

    def input(self) -> Any:
        return self.block

    def output(self) -> Output[str]:
        return self.build_output(JSONOutput[str], key="slow.json")

    def run(self, input: Any, output: Any) -> None:
        send_line_and_wait(self.reports_to, os.getpid(), self.waits_at)
        output.store(input.load()[:3])
