"""Tasks for the event loop; apart from the others, whose workers have no use for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from alexflow import BinaryOutput, Output, Task
from benchmarks import work


@dataclass(frozen=True)
class Wait(Task):
    """Waits on the event loop."""

    number: int
    seconds: float

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    async def run(self, input: None, output: BinaryOutput[int]) -> None:
        await asyncio.sleep(self.seconds)
        await output.astore(work.leaf(self.number))


@dataclass(frozen=True)
class AsyncLeaf(Task):
    """Stores a number, and waits for nothing but that."""

    number: int

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    async def run(self, input: None, output: BinaryOutput[int]) -> None:
        await output.astore(work.leaf(self.number))


@dataclass(frozen=True)
class AsyncSum(Task):
    """Reads all its inputs and stores their sum."""

    parts: list[Output[int]]

    def input(self) -> list[Output[int]]:
        return self.parts

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    async def run(self, input: Sequence[Output[int]], output: BinaryOutput[int]) -> None:
        await output.astore(work.total([await part.aload() for part in input]))


def fan(size: int) -> AsyncSum:
    """A sum over ``size`` leaves."""
    return AsyncSum([AsyncLeaf(number).output() for number in range(size)])
