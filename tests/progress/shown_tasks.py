"""Tasks for the tests of progress on a screen."""

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar

from alexflow import DynamicTask, JSONOutput, Output, Task


@dataclass(frozen=True)
class Number(Task):
    n: int
    seconds: float = 0.0

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: Any, output: Any) -> None:
        await asyncio.sleep(self.seconds)
        await output.astore(self.n)


@dataclass(frozen=True)
class Lasts(Number):
    """Sets ``begun``, and does not end."""

    begun: ClassVar[asyncio.Event]

    async def run(self, input: Any, output: Any) -> None:
        self.begun.set()
        await asyncio.Future()


@dataclass(frozen=True)
class Add(Task):
    a: Output[int]
    b: Output[int]

    def input(self) -> tuple[Output[int], Output[int]]:
        return self.a, self.b

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="sum.json")

    async def run(self, input: Any, output: Any) -> None:
        await output.astore(await input[0].aload() + await input[1].aload())


@dataclass(frozen=True)
class Breaks(Task):
    n: int
    remote: bool = False

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: Any, output: Any) -> None:
        read_part(self.n)


@dataclass(frozen=True)
class BreaksElsewhere(Breaks):
    def run(self, input: Any, output: Any) -> None:  # type: ignore[override]
        read_part(self.n)


@dataclass(frozen=True)
class Endless(Task):
    """Needs itself."""

    def input(self) -> JSONOutput[int]:
        return self.output()

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: Any, output: Any) -> None: ...


@dataclass(frozen=True)
class Several(DynamicTask):
    source: Output[int]

    def input(self) -> Output[int]:
        return self.source

    async def generate(self, input: Any, output: Any) -> list[Task]:
        return [Number(n=n) for n in range(await input.aload())]


def read_part(n: int) -> None:
    try:
        [][n]
    except IndexError:
        raise ValueError(f"cannot read part {n}") from None
