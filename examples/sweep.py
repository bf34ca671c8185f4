"""Find the best classifier of handwritten digits: 64 candidates, five folds each; the best three trained on all data.

    python examples/sweep.py
    python examples/sweep.py --storage /shared/results --cluster dask://scheduler:8786
    alexflow run examples/sweep.py:search --best 5

Every fold of every candidate is a task of its own, so that all cores have work, and a candidate that is added later
costs only itself. The best three are known only when all scores exist, so a DynamicTask generates their training.
"""

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

import alexflow
from alexflow import BinaryOutput, DynamicTask, JSONOutput, Output, Task

Array: TypeAlias = npt.NDArray[Any]

MODELS = {"knn": KNeighborsClassifier, "ridge": RidgeClassifier, "svc": SVC}
FOLDS = 5


@dataclass(frozen=True)
class Candidate:
    model: str
    parameters: dict[str, Any]

    def fit(self, X: Array, y: Array) -> Any:
        # The linear algebra below numpy starts a thread per core. With a worker process per core those threads would
        # only get into each other's way.
        with threadpool_limits(limits=1):
            return MODELS[self.model](**self.parameters).fit(X, y)

    def __str__(self) -> str:
        return f"{self.model}({', '.join(f'{name}={value}' for name, value in self.parameters.items())})"


def grid(model: str, **choices: Sequence[Any]) -> list[Candidate]:
    combinations = itertools.product(*choices.values())
    return [Candidate(model, dict(zip(choices, values, strict=True))) for values in combinations]


CANDIDATES = [
    *grid("svc", C=[0.1, 1, 10, 100], gamma=[1e-4, 3e-4, 1e-3, 3e-3, 1e-2]),
    *grid("svc", kernel=["poly"], degree=[2, 3, 4], C=[0.1, 1, 10, 100]),
    *grid("knn", n_neighbors=[1, 2, 3, 4, 5, 7, 9, 11, 15, 21], weights=["uniform", "distance"]),
    *grid("ridge", alpha=[0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000]),
]


class Data(NamedTuple):
    """Images and their digits; the test part is looked at only in the end."""

    X: Output[Array]
    y: Output[Array]
    X_test: Output[Array]
    y_test: Output[Array]


@dataclass(frozen=True)
class Digits(Task):
    def output(self) -> Data:
        return Data(*(self.build_output(BinaryOutput[Array], key=f"{name}.pkl") for name in Data._fields))

    def run(self, input: None, output: Data) -> None:
        X, y = load_digits(return_X_y=True)
        X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
        for place, value in zip(output, (X, y, X_test, y_test), strict=True):
            place.store(value)


@dataclass(frozen=True)
class Score(Task):
    """The score of a candidate on one fold, trained on the others."""

    data: Data
    candidate: Candidate
    fold: int

    def input(self) -> tuple[Output[Array], Output[Array]]:
        return self.data.X, self.data.y

    def output(self) -> JSONOutput[float]:
        return self.build_output(JSONOutput[float], key="score.json")

    def run(self, input: tuple[Output[Array], Output[Array]], output: JSONOutput[float]) -> None:
        X, y = (each.load() for each in input)
        train, test = list(StratifiedKFold(FOLDS).split(X, y))[self.fold]
        model = self.candidate.fit(X[train], y[train])
        output.store(float(model.score(X[test], y[test])))


@dataclass(frozen=True)
class Fit(Task):
    """A candidate, trained on all that is not test data."""

    data: Data
    candidate: Candidate

    def input(self) -> tuple[Output[Array], Output[Array]]:
        return self.data.X, self.data.y

    def output(self) -> BinaryOutput[Any]:
        return self.build_output(BinaryOutput, key="model.pkl")

    def run(self, input: tuple[Output[Array], Output[Array]], output: BinaryOutput[Any]) -> None:
        X, y = (each.load() for each in input)
        output.store(self.candidate.fit(X, y))


@dataclass(frozen=True)
class Search(DynamicTask):
    """Takes the candidates with the best mean scores, has them trained, and reports on them."""

    data: Data
    candidates: list[Candidate]
    best: int = 3

    def input(self) -> list[list[JSONOutput[float]]]:
        return [[Score(self.data, each, fold).output() for fold in range(FOLDS)] for each in self.candidates]

    def output(self) -> JSONOutput[list[str]]:
        return self.build_output(JSONOutput[list[str]], key="report.json")

    def generate(self, input: list[list[JSONOutput[float]]], output: Any) -> Task:
        means = [fmean(fold.load() for fold in folds) for folds in input]
        order = sorted(range(len(means)), key=means.__getitem__, reverse=True)[: self.best]
        winners = [self.candidates[number] for number in order]
        models = [Fit(self.data, winner).output() for winner in winners]
        return Report(self.data, winners, [means[number] for number in order], models, report=self.output())


@dataclass(frozen=True)
class Report(Task):
    """The best candidates on the test data. Stores what its search is asked for."""

    data: Data
    candidates: list[Candidate]
    means: list[float]
    models: list[BinaryOutput[Any]]
    report: JSONOutput[list[str]]

    def input(self) -> tuple[Data, list[BinaryOutput[Any]]]:
        return self.data, self.models

    def output(self) -> JSONOutput[list[str]]:
        return self.report

    def run(self, input: tuple[Data, list[BinaryOutput[Any]]], output: JSONOutput[list[str]]) -> None:
        data, models = input
        X, y = data.X_test.load(), data.y_test.load()
        rows = zip(self.candidates, self.means, models, strict=True)
        output.store([f"{c!s:<35} {mean:.4f}  {np.mean(model.load().predict(X) == y):.4f}" for c, mean, model in rows])


def search(best: int = 3) -> Search:
    return Search(Digits().output(), CANDIDATES, best)


def main() -> None:
    parser = argparse.ArgumentParser(description="Find a good classifier for handwritten digits.")
    parser.add_argument("--storage", default=".alexflow", help="where results are kept (default: %(default)s)")
    parser.add_argument("--cluster", default="process", help="where it runs, such as dask://host:8786 (default: here)")
    arguments = parser.parse_args()

    result = alexflow.run(search(), storage=arguments.storage, executor=arguments.cluster, progress=True)

    print(f"{len(CANDIDATES)} candidates, {FOLDS} folds: {result}")
    print(f"{'the best':<35} {'mean':<7} test")
    print("\n".join(result.output.load()))


if __name__ == "__main__":
    main()
