"""The workflow that the commands are tried on: each test has a copy of it in its directory."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from alexflow import DynamicTask, JSONOutput, LocalStorage, Output, Task, Workflow


class Kind(Enum):
    TREE = "tree"
    LINEAR = "linear"


@dataclass(frozen=True)
class Config:
    depth: int = 3
    rate: float = 0.1


@dataclass(frozen=True)
class Numbers(Task):
    count: int
    seed: int = 0

    def output(self) -> JSONOutput[list[int]]:
        return self.build_output(JSONOutput[list[int]], key="numbers.json")

    def run(self, input: Any, output: Any) -> None:
        print(f"counting to {self.count}")
        output.store(list(range(self.seed, self.seed + self.count)))


@dataclass(frozen=True)
class Train(Task):
    numbers: Output[list[int]]
    config: Config = Config()
    kind: Kind = Kind.TREE
    verbose: bool = field(default=False, compare=False)

    def input(self) -> Output[list[int]]:
        return self.numbers

    def output(self) -> JSONOutput[float]:
        return self.build_output(JSONOutput[float], key="model.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(sum(input.load()) * self.config.rate)


@dataclass(frozen=True)
class Everything(Task):
    """A field of each type that the command line reads."""

    number: int = 0
    fraction: float = 0.0
    flag: bool = False
    text: str = ""
    choice: Literal["a", "b"] = "a"
    kind: Kind = Kind.TREE
    path: Path = Path(".")
    maybe: int | None = None
    layers: list[int] = field(default_factory=list)
    pair: tuple[str, float] = ("", 0.0)
    table: dict[str, int] = field(default_factory=dict)
    config: Config = Config()
    either: int | str = 0
    force: str = "a field with the name of an option"

    def output(self) -> JSONOutput[str]:
        return self.build_output(JSONOutput[str], key="text.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(repr(self))


@dataclass(frozen=True)
class Fails(Task):
    how: str = "no luck"

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    def run(self, input: Any, output: Any) -> None:
        raise ValueError(self.how)


@dataclass(frozen=True)
class Sweep(DynamicTask):
    counts: tuple[int, ...] = (1, 2, 3)

    def generate(self, input: Any, output: Any) -> Any:
        for count in self.counts:
            yield Train(Numbers(count).output())


def train(depth: int = 3, count: int = 5) -> Train:
    return Train(Numbers(count).output(), Config(depth))


def models(count: int) -> list[Train]:
    return [train(depth) for depth in range(count)]


async def later() -> Train:
    return train()


def nothing() -> None: ...


def broken() -> Train:
    raise RuntimeError("not today")


ready = train()
workflow = Workflow(storage=LocalStorage("own"), tasks={"numbers": Numbers(2)}, artifacts={})
number = 7
