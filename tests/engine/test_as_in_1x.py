"""The workflow of alexflow 1.x's README, written as there; what trains and scores is a stand-in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import alexflow
from alexflow import BinaryOutput, NoDefaultVar, Output, Task, Workflow, no_default


class Mean:
    """Predicts the mean."""

    def fit(self, X, y):
        self.mean = sum(y) / len(y)
        return self

    def predict(self, X):
        return [self.mean] * len(X)


@dataclass(frozen=True)
class DatasetSplit:
    X: Output[Any]
    y: Output[Any]


@dataclass(frozen=True)
class Dataset:
    train: DatasetSplit
    test: DatasetSplit


@dataclass(frozen=True)
class SplitTask(Task):
    X: NoDefaultVar[Output[Any]] = no_default
    y: NoDefaultVar[Output[Any]] = no_default
    test_size: NoDefaultVar[float] = no_default

    def input(self):
        return self.X, self.y

    def output(self):
        return {name: self.build_output(BinaryOutput, key=f"{name}.pkl") for name in ("X1", "X2", "y1", "y2")}

    def run(self, input, output):
        X, y = (part.load() for part in input)
        at = int(len(X) * (1 - self.test_size))
        for name, values in {"X1": X[:at], "X2": X[at:], "y1": y[:at], "y2": y[at:]}.items():
            output[name].store(values)


@dataclass(frozen=True)
class MakeData(Task):
    size: int = 10

    def output(self):
        return self.build_output(BinaryOutput, key="X.pkl"), self.build_output(BinaryOutput, key="y.pkl")

    def run(self, input, output):
        output[0].store([[n] for n in range(self.size)])
        output[1].store(list(range(self.size)))


@dataclass(frozen=True)
class TrainTask(Task):
    X: Output[Any]
    y: Output[Any]
    model_type: str
    verbose: bool = field(default=True, compare=False)

    def input(self):
        return self.X, self.y

    def output(self):
        return self.build_output(BinaryOutput, key="model.pkl")

    def run(self, input, output):
        X, y = input[0].load(), input[1].load()
        assert type(input[0].src_task).__name__ == "SplitTask"
        output.store(globals()[self.model_type]().fit(X, y))


@dataclass(frozen=True)
class ScoreTask(Task):
    data: DatasetSplit
    model: Output[Any]

    def input(self):
        return {"X": self.data.X, "y": self.data.y, "model": self.model}

    def output(self):
        return self.build_output(BinaryOutput, key="score.pkl")

    def run(self, input, output):
        predicted = input["model"].load().predict(input["X"].load())
        output.store(sum(abs(a - b) for a, b in zip(predicted, input["y"].load(), strict=True)))


def build_workflow() -> Workflow:
    X, y = MakeData().output()
    split = SplitTask(X=X, y=y, test_size=0.4).output()
    data = Dataset(DatasetSplit(split["X1"], split["y1"]), DatasetSplit(split["X2"], split["y2"]))
    train = TrainTask(data.train.X, data.train.y, "Mean")
    score = ScoreTask(data.test, train.output())
    return Workflow(tasks={"train": train, "score": score}, artifacts={"model": train.output()})


def test_end_to_end(place):
    workflow = build_workflow()
    first = alexflow.run(workflow, storage=place, workers=2)
    assert (first.ran, first.cached) == (4, 0)
    assert first.output["model"].load().mean == 2.5
    assert first.output["score"].load() == (6 + 7 + 8 + 9) - 4 * 2.5
    again = alexflow.run(build_workflow(), storage=place, workers=2)
    assert again.ran == 0
    document = alexflow.serialize(workflow)
    read = alexflow.deserialize(document)
    assert alexflow.run(read, storage=place, workers=2).ran == 0
    assert read.tasks["train"].task_id == workflow.tasks["train"].task_id
    quiet = TrainTask(workflow.tasks["train"].X, workflow.tasks["train"].y, "Mean", verbose=False)
    assert alexflow.run(quiet, storage=place, workers=2).cached == 1  # not significant


def test_which_parameters_stand_behind_a_result(place):
    score = alexflow.run(build_workflow(), storage=place, workers=2).output["score"]
    assert score.src_task.data.X.src_task.test_size == 0.4
