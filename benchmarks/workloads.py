"""The tasks that the cases run in worker processes, as ``benchmarks.work`` has them. Workers import this module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alexflow import BinaryOutput, Output, Task
from benchmarks import work


@dataclass(frozen=True)
class Leaf(Task):
    """Stores a number."""

    number: int

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: None, output: BinaryOutput[int]) -> None:
        output.store(work.leaf(self.number))


@dataclass(frozen=True)
class Sum(Task):
    """Reads all its inputs and stores their sum."""

    parts: list[Output[int]]

    def input(self) -> list[Output[int]]:
        return self.parts

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: Sequence[Output[int]], output: BinaryOutput[int]) -> None:
        output.store(work.total(part.load() for part in input))


@dataclass(frozen=True)
class Total(Task):
    """The sum of so many leaves, which are described only when it has to be made."""

    size: int

    def input(self) -> list[Output[int]]:
        return [Leaf(number).output() for number in range(self.size)]

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: Sequence[Output[int]], output: BinaryOutput[int]) -> None:
        output.store(work.total(part.load() for part in input))


@dataclass(frozen=True)
class Count(Task):
    """Depends on all its inputs, but only counts them: what a dependency costs without the reading."""

    parts: list[Output[int]]

    def input(self) -> list[Output[int]]:
        return self.parts

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: Sequence[Output[int]], output: BinaryOutput[int]) -> None:
        output.store(work.counted(len(input)))


@dataclass(frozen=True)
class Successor(Task):
    """Adds one to its input."""

    before: Output[int]

    def input(self) -> Output[int]:
        return self.before

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: Output[int], output: BinaryOutput[int]) -> None:
        output.store(work.successor(input.load()))


@dataclass(frozen=True)
class Mixed(Task):
    """A task in a layer: reads some of the layer before."""

    layer: int
    index: int
    parts: tuple[Output[int], ...]

    def input(self) -> tuple[Output[int], ...]:
        return self.parts

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: Sequence[Output[int]], output: BinaryOutput[int]) -> None:
        output.store(work.mixed(part.load() for part in input))


@dataclass(frozen=True)
class Folded(Task):
    """The root over the last layer."""

    parts: list[Output[int]]

    def input(self) -> list[Output[int]]:
        return self.parts

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: Sequence[Output[int]], output: BinaryOutput[int]) -> None:
        output.store(work.folded(part.load() for part in input))


@dataclass(frozen=True)
class Burn(Task):
    """Keeps a CPU busy for some seconds."""

    number: int
    seconds: float

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: None, output: BinaryOutput[int]) -> None:
        work.burn(self.seconds)
        output.store(work.leaf(self.number))


def few_of_each() -> list[Any]:
    """Some tasks of the classes of ``fan``, ``chain`` and ``layered``, none of which occurs in these."""
    leaves: list[Output[int]] = [Leaf(-1 - number).output() for number in range(32)]
    links = [Successor(leaf) for leaf in leaves]
    mixed = [Mixed(-1, number, tuple(leaves[:5])) for number in range(32)]
    return [*links, *mixed, Sum(leaves), Folded(leaves)]


def fan(size: int) -> Sum:
    """A sum over ``size`` leaves."""
    return Sum([Leaf(number).output() for number in range(size)])


def chain(size: int) -> Any:
    """The last output of a leaf and ``size`` successors."""
    last: Any = Leaf(0).output()
    for _ in range(size):
        last = Successor(last).output()
    return last


def layered(size: int) -> Folded:
    """Layers in which each task reads five of the layer before, and a root over the last."""
    width = work.width_of(size)
    last: list[Output[int]] = [Leaf(index).output() for index in range(width)]
    for layer in range(1, work.LAYERS):
        last = [
            Mixed(layer, index, tuple(last[parent] for parent in work.parents(index, width))).output()
            for index in range(width)
        ]
    return Folded(last)
