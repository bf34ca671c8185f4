"""Tasks that are run over the storages. Workers import this module."""

from __future__ import annotations

from dataclasses import dataclass

from alexflow import JSONOutput, Task


@dataclass(frozen=True)
class Number(Task):
    number: int

    def output(self):
        return self.build_output(JSONOutput[int], key="number.json")

    async def run(self, input, output):
        await output.astore(self.number)


@dataclass(frozen=True)
class NumberInWorker(Number):
    def run(self, input, output):
        output.store(self.number)
