"""Train a classifier on the iris flowers, and predict with it.

python examples/iris.py
python examples/iris.py                          # again: nothing runs
python examples/iris.py --model SVC              # the data is kept; training and prediction are new
python examples/iris.py --storage /tmp/flowers   # elsewhere
python examples/iris.py --document               # the task as data, with all that it is made from
python examples/iris.py --storage s3://bucket/x  # in a bucket, with alexflow[s3] and credentials in the environment
"""

import argparse
import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

import alexflow
from alexflow import BinaryOutput, JSONOutput, Output, Task

Array: TypeAlias = npt.NDArray[Any]

MODELS = {"LogisticRegression": LogisticRegression, "SVC": SVC, "KNeighborsClassifier": KNeighborsClassifier}


class Split(NamedTuple):
    X_train: Output[Array]
    X_test: Output[Array]
    y_train: Output[Array]
    y_test: Output[Array]


@dataclass(frozen=True)
class Dataset(Task):
    """The flowers, a part of them put aside for the test."""

    test_size: float = 0.5
    seed: int = 0

    def output(self) -> Split:
        return Split(*(self.build_output(BinaryOutput[Array], key=f"{name}.pkl") for name in Split._fields))

    def run(self, input: None, output: Split) -> None:
        X, y = load_iris(return_X_y=True)
        parts = train_test_split(X, y, test_size=self.test_size, random_state=self.seed, stratify=y)
        for place, part in zip(output, parts, strict=True):
            place.store(part)


@dataclass(frozen=True)
class Train(Task):
    X: Output[Array]
    y: Output[Array]
    model: str = "LogisticRegression"
    parameters: dict[str, Any] = field(default_factory=dict)
    verbose: bool = field(default=False, compare=False)  # makes no other model, so it is no part of the id

    def input(self) -> tuple[Output[Array], Output[Array]]:
        return self.X, self.y

    def output(self) -> BinaryOutput[Any]:
        return self.build_output(BinaryOutput, key="model.pkl")

    def run(self, input: tuple[Output[Array], Output[Array]], output: BinaryOutput[Any]) -> None:
        X, y = input[0].load(), input[1].load()
        if self.verbose:
            print(f"training {self.model} on {len(X)} flowers")
        output.store(MODELS[self.model](**self.parameters).fit(X, y))


@dataclass(frozen=True)
class Predict(Task):
    X: Output[Array]
    model: Output[Any]

    def input(self) -> tuple[Output[Array], Output[Any]]:
        return self.X, self.model

    def output(self) -> JSONOutput[list[int]]:
        return self.build_output(JSONOutput[list[int]], key="predictions.json")

    def run(self, input: tuple[Output[Array], Output[Any]], output: JSONOutput[list[int]]) -> None:
        X, model = input[0].load(), input[1].load()
        output.store(model.predict(X).tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description="Classify iris flowers.")
    parser.add_argument("--storage", default=".alexflow", help="a directory or a URL (default: %(default)s)")
    parser.add_argument("--model", default="LogisticRegression", choices=MODELS)
    parser.add_argument("--document", action="store_true", help="print the task and all that it is made from, as JSON")
    arguments = parser.parse_args()

    parameters = {"max_iter": 1000} if arguments.model == "LogisticRegression" else {}
    data = Dataset().output()
    train = Train(X=data.X_train, y=data.y_train, model=arguments.model, parameters=parameters)
    predict = Predict(X=data.X_test, model=train.output())

    if arguments.document:
        print(json.dumps(predict.serialize(), indent=2))

    result = alexflow.run({"predictions": predict.output(), "truth": data.y_test}, storage=arguments.storage)

    if result.ran:
        print(f"{result}; start it again, and nothing will have to run.")
    else:
        print(f"Nothing had to run: the predictions were stored by an earlier start ({result}).")
    predictions, truth = np.array(result.output["predictions"].load()), result.output["truth"].load()
    print(f"Predictions: {' '.join(map(str, predictions))}")
    print(f"Accuracy: {np.mean(predictions == truth):.1%} of {len(truth)} flowers")
    print(f"Kept in {arguments.storage} as {predict.output().key}")
    print(f"Where it comes from: alexflow graph {predict.task_id} --storage {arguments.storage}")


if __name__ == "__main__":
    main()
