"""The tasks that the cases run. In a module of their own, which worker processes import."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alexflow import BinaryOutput, Output, Task


@dataclass(frozen=True)
class Leaf(Task):
    """Stores a number."""

    number: int

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: None, output: BinaryOutput[int]) -> None:
        output.store(self.number)


@dataclass(frozen=True)
class Sum(Task):
    """Reads all its inputs and stores their sum."""

    parts: list[Output[int]]

    def input(self) -> list[Output[int]]:
        return self.parts

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: Sequence[Output[int]], output: BinaryOutput[int]) -> None:
        output.store(sum(part.load() for part in input))


@dataclass(frozen=True)
class Count(Task):
    """Depends on all its inputs, but only counts them: what a dependency costs without the reading."""

    parts: list[Output[int]]

    def input(self) -> list[Output[int]]:
        return self.parts

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: Sequence[Output[int]], output: BinaryOutput[int]) -> None:
        output.store(len(input))


@dataclass(frozen=True)
class Successor(Task):
    """Adds one to its input."""

    before: Output[int]

    def input(self) -> Output[int]:
        return self.before

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: Output[int], output: BinaryOutput[int]) -> None:
        output.store(input.load() + 1)


@dataclass(frozen=True)
class Burn(Task):
    """Keeps a CPU busy for some seconds."""

    number: int
    seconds: float

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: None, output: BinaryOutput[int]) -> None:
        until = time.process_time() + self.seconds
        while time.process_time() < until:
            pass
        output.store(self.number)


def fan(width: int) -> Sum:
    """A sum over ``width`` leaves."""
    return Sum([Leaf(number).output() for number in range(width)])


def chain(length: int, start: int) -> Any:
    """A leaf and ``length`` successors."""
    last: Any = Leaf(start).output()
    for _ in range(length):
        last = Successor(last).output()
    return last
