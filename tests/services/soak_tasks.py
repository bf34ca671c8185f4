"""Tasks of the soak; worker processes import them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from alexflow import DynamicTask, JSONOutput, Output, Retry, Task, TaskOptions
from alexflow.formats import TextOutput


@dataclass(frozen=True)
class Number(Task):
    """A task of which the value is known."""

    n: int

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")


@dataclass(frozen=True)
class OnLoop(Number):
    async def run(self, input: None, output: Output[int]) -> None:
        await asyncio.sleep(0.001)
        await output.astore(self.n)


@dataclass(frozen=True)
class InProcess(Number):
    def input(self) -> Any:
        return OnLoop(self.n).output()

    def run(self, input: Output[int], output: Output[int]) -> None:
        output.store(input.load())


@dataclass(frozen=True)
class Slow(Number):
    """Long enough to be cancelled, killed, or out of time."""

    options = TaskOptions(timeout=30)

    def run(self, input: None, output: Output[int]) -> None:
        time.sleep(0.03)
        output.store(self.n)


@dataclass(frozen=True)
class Call(Number):
    """A call with a limited rate."""

    tags = {"api"}  # noqa: RUF012

    async def run(self, input: None, output: Output[int]) -> None:
        await output.astore(self.n)


class Refused(Exception):
    """An error that a task raises."""


@dataclass(frozen=True)
class Fails(Number):
    retry = Retry(1)

    def run(self, input: None, output: Output[int]) -> None:
        raise Refused(str(self.n))


@dataclass(frozen=True)
class Words(Task):
    """Made part by part."""

    n: int

    def output(self) -> Output[str]:
        return self.build_output(TextOutput, key="words.txt")

    async def run(self, input: None, output: Output[str]) -> None:
        for word in range(5):
            await output.aappend(f"{self.n + word} ")
            await asyncio.sleep(0.001)


@dataclass(frozen=True)
class Sum(DynamicTask):
    """A value, and tasks that it makes up."""

    n: int

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="sum.json")

    def generate(self, input: None, output: Output[int]) -> list[Task]:
        output.store(self.n)
        return [OnLoop(self.n), InProcess(self.n)]
