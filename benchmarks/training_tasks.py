"""The tasks of ``benchmarks.training``. Workers import this module, and with it scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alexflow import BinaryOutput, Output, Task
from benchmarks import training


@dataclass(frozen=True)
class Data(Task):
    """Stores training and test data."""

    case: str

    def output(self) -> BinaryOutput[list[Any]]:
        return self.build_output(BinaryOutput, key="data.pkl")

    def run(self, input: None, output: BinaryOutput[list[Any]]) -> None:
        output.store(training.data(self.case))


@dataclass(frozen=True)
class Score(Task):
    """Trains one model, and counts what it gets right."""

    case: str
    name: str
    data: Output[list[Any]]

    def input(self) -> Output[list[Any]]:
        return self.data

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="score.pkl")

    def run(self, input: Output[list[Any]], output: BinaryOutput[int]) -> None:
        output.store(training.score(self.case, self.name, input.load()))


@dataclass(frozen=True)
class Best(Task):
    """The best of some scores."""

    scores: list[Output[int]]

    def input(self) -> list[Output[int]]:
        return self.scores

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="best.pkl")

    def run(self, input: Sequence[Output[int]], output: BinaryOutput[int]) -> None:
        output.store(training.best([score.load() for score in input]))


def target(case: str) -> Best:
    """The best of all models of a case."""
    data = Data(case).output()
    return Best([Score(case, name, data).output() for name in training.MODELS[case]])
