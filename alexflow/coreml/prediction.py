"""Import path of alexflow 1.x; what it pickled names this module."""

from dataclasses import dataclass

from alexflow import formats
from alexflow.formats import (
    Bias,
    ClassProb,
    Coefficients,
    ConfidenceInterval,
    Contributions,
    Importances,
    Prediction,
    PredictionSamples,
    PredictionSet,
    PredictionValue,
    ReconstructionLoss,
    TValues,
)
from alexflow.legacy import Output
from alexflow.legacy.moved import moved

__all__ = [
    "Bias",
    "BinaryPredictionOutput",
    "ClassProb",
    "Coefficients",
    "ConfidenceInterval",
    "Contributions",
    "Importances",
    "Output",
    "Prediction",
    "PredictionOutput",
    "PredictionSamples",
    "PredictionSet",
    "PredictionValue",
    "ReconstructionLoss",
    "TValues",
]


@dataclass(frozen=True, eq=False, repr=False)
class PredictionOutput(Output[PredictionSet], formats.PredictionOutput):
    """:class:`alexflow.formats.PredictionOutput` with the documents of 1.x."""


@dataclass(frozen=True, eq=False, repr=False)
class BinaryPredictionOutput(PredictionOutput, formats.BinaryPredictionOutput):
    """:class:`alexflow.formats.BinaryPredictionOutput` with the documents of 1.x."""


moved(__name__, "alexflow.formats")
