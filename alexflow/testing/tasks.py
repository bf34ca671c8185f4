"""Tasks to try things with, under the names and with the ids that alexflow 1.x has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alexflow.legacy import BinaryOutput, DynamicTask, Output, Task
from alexflow.model import NoDefaultVar, no_default


@dataclass(frozen=True)
class Task1(Task):
    """Stores its name."""

    name: str = "task1"

    def output(self) -> BinaryOutput[dict[str, str]]:
        return self.build_output(BinaryOutput, key="output.pkl")

    def run(self, input: Any, output: Any) -> None:
        output.store({"name": self.name})


@dataclass(frozen=True)
class Task2(Task):
    """Stores its name once its parent's output is there."""

    parent: NoDefaultVar[Output[Any]] = no_default
    name: str = "task2"

    def input(self) -> Output[Any]:
        return self.parent

    def output(self) -> BinaryOutput[dict[str, str]]:
        return self.build_output(BinaryOutput, key="output.pkl")

    def run(self, input: Any, output: Any) -> None:
        output.store({"name": self.name})


@dataclass(frozen=True)
class WriteValue(Task):
    """Stores a value for a dynamic task."""

    value_to_write: NoDefaultVar[str] = no_default
    target: NoDefaultVar[Output[Any]] = no_default

    def output(self) -> Output[Any]:
        return self.target

    def run(self, input: Any, output: Any) -> None:
        output.store({"name": self.value_to_write})


@dataclass(frozen=True)
class DynamicTask1(DynamicTask):
    """Generates a task that stores the value of its parent."""

    parent: NoDefaultVar[Output[Any]] = no_default

    def input(self) -> Output[Any]:
        return self.parent

    def output(self) -> BinaryOutput[dict[str, str]]:
        return self.build_output(BinaryOutput, key="output.pkl")

    def generate(self, input: Any, output: Any) -> WriteValue:
        return WriteValue(value_to_write=input.load()["name"], target=output)
