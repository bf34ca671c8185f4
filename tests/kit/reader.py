"""A task that reads one output, for tests of what waits."""

from __future__ import annotations

from dataclasses import dataclass

from alexflow import JSONOutput, Output, Task


@dataclass(frozen=True)
class Reader(Task):
    """On the loop: it stores 0 once what it reads is there."""

    read: Output[int]

    def input(self) -> Output[int]:
        return self.read

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="y.json")

    async def run(self, input: Output[int], output: JSONOutput[int]) -> None:
        await output.astore(0)
