"""Dynamic tasks of every form, that worker processes can import."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass
from typing import Any

from alexflow import DynamicTask, JSONOutput, Output, Task
from tests.engine.workflows import BreaksOnLoop, OwnError, ProcessStep, Step


@dataclass(frozen=True)
class Gives(DynamicTask):
    """Gives steps, in the form that it is told."""

    form: str
    count: int = 3

    def generate(self, input: None, output: None) -> Any:
        steps = [Step(n) for n in range(self.count)]
        return {
            "task": lambda: steps[0],
            "list": lambda: steps,
            "tuple": lambda: tuple(steps),
            "generator": lambda: (step for step in steps),
            "none": lambda: None,
            "async generator": lambda: _given(steps),
            "coroutine": lambda: _returned(steps),
            "set": lambda: {*steps},
            "number": lambda: 7,
            "list of numbers": lambda: [7],
        }[self.form]()


async def _given(steps: list[Step]) -> Any:
    for step in steps:
        await asyncio.sleep(0)
        yield step


async def _returned(steps: list[Step]) -> Any:
    await asyncio.sleep(0)
    return steps


@dataclass(frozen=True)
class GivesUnreachable(DynamicTask):
    """Gives a task for a worker process."""

    def generate(self, input: None, output: None) -> Any:
        return ProcessStep(1)


@dataclass(frozen=True)
class GivesOnLoop(DynamicTask):
    """An async generator."""

    count: int = 3

    async def generate(self, input: None, output: None) -> Any:
        for n in range(self.count):
            yield Step(n)


@dataclass(frozen=True)
class GivesOnLoopAtOnce(DynamicTask):
    """A coroutine."""

    count: int = 3

    async def generate(self, input: None, output: None) -> Any:
        return [Step(n) for n in range(self.count)]


@dataclass(frozen=True)
class StoresFor(Task):
    """Stores an output of the task that gave it."""

    n: int
    place: Output[int]

    def output(self) -> Output[int]:
        return self.place

    async def run(self, input: None, output: Output[int]) -> None:
        await output.astore(self.n)


@dataclass(frozen=True)
class MadeByOthers(DynamicTask):
    """Its own output is stored by what it gives, after it has seen what it reads."""

    source: Output[int]
    forgets: bool = False

    def input(self) -> Output[int]:
        return self.source

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="made.json")

    def generate(self, input: Output[int], output: Output[int]) -> Any:
        for n in range(input.load()):
            yield Step(n)
        if not self.forgets:
            yield StoresFor(input.load(), self.output())


@dataclass(frozen=True)
class StoresItself(DynamicTask):
    """Its own output is stored by itself."""

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="own.json")

    def generate(self, input: None, output: Output[int]) -> Any:
        yield Step(1)
        output.store(5)


@dataclass(frozen=True)
class Nested(DynamicTask):
    """Gives dynamic tasks that give dynamic tasks."""

    depth: int
    branch: int = 0

    def generate(self, input: None, output: None) -> Any:
        if self.depth:
            yield Nested(self.depth - 1, 2 * self.branch)
            yield Nested(self.depth - 1, 2 * self.branch + 1)
        else:
            yield Step(self.branch)


#: How many cheap tasks are alive: given and not collected.
alive: weakref.WeakSet[Cheap] = weakref.WeakSet()


most_alive = [0]


@dataclass(frozen=True)
class Cheap(Task):
    """Counts how many like it there are."""

    n: int

    def __post_init__(self) -> None:
        super().__post_init__()
        alive.add(self)

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n")

    async def run(self, input: None, output: Output[int]) -> None:
        await output.astore(self.n)


@dataclass(frozen=True)
class GivesMany(DynamicTask):
    """Gives as many cheap tasks as it is told, one after the other."""

    count: int

    def generate(self, input: None, output: None) -> Any:
        for n in range(self.count):
            if n % 100 == 0:
                most_alive[0] = max(most_alive[0], len(alive))
            yield Cheap(n)


@dataclass(frozen=True)
class GiverFails(DynamicTask):
    """Gives some, then raises."""

    how: str = "raise"

    def generate(self, input: None, output: None) -> Any:
        yield Step(1)
        if self.how == "exit":
            raise SystemExit(3)
        raise OwnError("no more")


@dataclass(frozen=True)
class GiverIsCancelled(DynamicTask):
    """Waits for something that was cancelled."""

    async def generate(self, input: None, output: None) -> Any:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future


@dataclass(frozen=True)
class GivesBroken(DynamicTask):
    """One of those that it gives fails."""

    def generate(self, input: None, output: None) -> Any:
        yield from [Step(1), BreaksOnLoop(2), Step(3)]


@dataclass(frozen=True)
class GivesReaderOfTheSame(DynamicTask):
    """Gives a task that reads what it has read itself."""

    read: Output[int]

    def input(self) -> Output[int]:
        return self.read

    def generate(self, input: Output[int], output: None) -> Any:
        return Step(100, (self.read,))
