"""The tasks that are measured: each stores one small file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from alexflow import JSONOutput, Output, Task


@dataclass(frozen=True)
class Leaf(Task):
    """A task without inputs."""

    round: int
    number: int

    def output(self) -> JSONOutput[Any]:
        return self.build_output(JSONOutput[int], key="leaf.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(self.number)


@dataclass(frozen=True)
class Cell(Task):
    """A task of a layer, which reads some of the layer before."""

    layer: int
    column: int
    read: tuple[Output[int], ...]

    def input(self) -> Any:
        return self.read

    def output(self) -> JSONOutput[Any]:
        return self.build_output(JSONOutput[int], key="cell.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(sum(part.load() for part in input) % 1000)


def fan(round: int, count: int) -> list[Task]:
    """Tasks that are all ready."""
    return [Leaf(round, number) for number in range(count)]


def layered(round: int, layers: int, width: int = 50, inputs: int = 5) -> list[Any]:
    """Layers of tasks, each of which reads ``inputs`` of the layer before; the last one."""
    row: list[Any] = fan(-1 - round, width)
    for layer in range(layers):
        row = [
            Cell(layer, column, tuple(row[(column + shift) % width].output() for shift in range(inputs)))
            for column in range(width)
        ]
    return row


def joined(round: int, count: int) -> Cell:
    """A task that reads all of a fan."""
    return Cell(-1, round, tuple(Leaf(round, number).output() for number in range(count)))


def store(directory: str, number: int) -> None:
    """Do the same without any engine; for ``client.map`` and ``ray.get``."""
    with open(f"{directory}/{number}.json", "w") as file:
        json.dump(number, file)
