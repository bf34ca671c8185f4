"""``BuildDatasetOp`` and ``PredictOp``: tasks that declare outputs; subclasses give ``run``."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from alexflow.legacy.dataset import BinaryDatasetOutput, DatasetOutput
from alexflow.legacy.outputs import JSONOutput
from alexflow.legacy.prediction import BinaryPredictionOutput, PredictionOutput
from alexflow.legacy.tasks import Task

__all__ = ["BuildDatasetOp", "BuildDatasetOpOutput", "JSONOutput", "PredictOp", "PredictOpOutput", "Task"]


class BuildDatasetOpOutput(NamedTuple):
    """A dataset and its metadata."""

    main: DatasetOutput
    metadata: JSONOutput[Any]


@dataclass(frozen=True)
class BuildDatasetOp(Task):
    """A task that builds a dataset; subclasses give ``run``."""

    def output(self) -> BuildDatasetOpOutput:
        return BuildDatasetOpOutput(
            main=self.build_output(BinaryDatasetOutput, key="dataset.pkl"),
            metadata=self.build_output(JSONOutput[Any], key="metadata.json.gz"),
        )


class PredictOpOutput(NamedTuple):
    """A prediction and its metadata."""

    main: PredictionOutput
    metadata: JSONOutput[Any]


@dataclass(frozen=True)
class PredictOp(Task):
    """A task that predicts; subclasses give ``run``."""

    def output(self) -> PredictOpOutput:
        return PredictOpOutput(
            main=self.build_output(BinaryPredictionOutput, key="prediction.pkl"),
            metadata=self.build_output(JSONOutput[Any], key="metadata.json.gz"),
        )
