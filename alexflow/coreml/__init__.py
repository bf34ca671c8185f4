"""Import path of alexflow 1.x."""

from alexflow.coreml.dataset import BinaryDatasetOutput, Dataset, DatasetOutput
from alexflow.coreml.prediction import (
    Bias,
    BinaryPredictionOutput,
    ClassProb,
    Coefficients,
    ConfidenceInterval,
    Contributions,
    Importances,
    Prediction,
    PredictionOutput,
    PredictionSamples,
    PredictionSet,
    PredictionValue,
    ReconstructionLoss,
    TValues,
)
from alexflow.coreml.tasks import BuildDatasetOp, BuildDatasetOpOutput, PredictOp, PredictOpOutput
from alexflow.legacy.moved import moved

__all__ = [
    "Bias",
    "BinaryDatasetOutput",
    "BinaryPredictionOutput",
    "BuildDatasetOp",
    "BuildDatasetOpOutput",
    "ClassProb",
    "Coefficients",
    "ConfidenceInterval",
    "Contributions",
    "Dataset",
    "DatasetOutput",
    "Importances",
    "PredictOp",
    "PredictOpOutput",
    "Prediction",
    "PredictionOutput",
    "PredictionSamples",
    "PredictionSet",
    "PredictionValue",
    "ReconstructionLoss",
    "TValues",
]

moved(__name__, "alexflow.formats, and give tasks an output() of their own")
