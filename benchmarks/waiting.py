"""Tasks for the event loop; apart from the others, whose workers have no use for asyncio."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from alexflow import BinaryOutput, Task


@dataclass(frozen=True)
class Wait(Task):
    """Waits on the event loop."""

    number: int
    seconds: float

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    async def run(self, input: None, output: BinaryOutput[int]) -> None:
        await asyncio.sleep(self.seconds)
        await output.astore(self.number)
