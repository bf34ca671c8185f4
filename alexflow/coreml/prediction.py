"""Import path of alexflow 1.x; what it pickled names this module."""

from alexflow.formats import (
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
from alexflow.legacy.moved import moved

__all__ = [
    "Bias",
    "BinaryPredictionOutput",
    "ClassProb",
    "Coefficients",
    "ConfidenceInterval",
    "Contributions",
    "Importances",
    "Prediction",
    "PredictionOutput",
    "PredictionSamples",
    "PredictionSet",
    "PredictionValue",
    "ReconstructionLoss",
    "TValues",
]

moved(__name__, "alexflow.formats")
