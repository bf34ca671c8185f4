"""Datasets and predictions of 1.x: its pickles are loaded, its tasks declare what they did."""

import asyncio
import pickle
import warnings
from dataclasses import dataclass

import pytest

import alexflow
from alexflow import LocalStorage, legacy

pytest.importorskip("joblib")

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from alexflow import coreml


@dataclass(frozen=True)
class Build(coreml.BuildDatasetOp):
    rows: int

    def run(self, input, output):
        output.main.store(coreml.Dataset(X=[self.rows], Y=[0]))
        output.metadata.store({"rows": self.rows})


@dataclass(frozen=True)
class Predict(coreml.PredictOp):
    def run(self, input, output):
        output.main.store(coreml.PredictionSet((coreml.Bias(1),)))
        output.metadata.store({})


def test_their_tasks_run(tmp_path):
    result = alexflow.run([Build(3), Predict()], storage=LocalStorage(tmp_path), executor="thread")
    built, predicted = result.output
    assert type(built) is coreml.BuildDatasetOpOutput
    assert built.main.key.endswith(".dataset.pkl")
    assert built.metadata.load() == {"rows": 3}
    assert built.main.load() == legacy.Dataset([3], [0])
    assert asyncio.run(predicted.main.aload()).get("bias") == 1


@pytest.mark.parametrize(
    ("value", "module"),
    [(legacy.Dataset([1], [2]), "dataset"), (legacy.PredictionSet((legacy.TValues([1.5]),)), "prediction")],
)
def test_what_1x_pickled_is_loaded(tmp_path, value, module):
    # protocol 0 is text, in which the module of 1.x may take the place of ours
    pickled = pickle.dumps(value, protocol=0)
    former = pickled.replace(f"alexflow.legacy.{module}".encode(), f"alexflow.coreml.{module}".encode())
    assert former != pickled
    task = Build(1) if module == "dataset" else Predict()
    output = task.output().main.assign_storage(LocalStorage(tmp_path))
    output.storage.write(output.key, former)
    assert output.load() == value
