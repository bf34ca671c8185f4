"""``PredictionSet``: the predictions of a model for some rows, by kind, and their outputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, BinaryIO

from alexflow.formats.joblib import JoblibOutput
from alexflow.legacy.outputs import Output

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


@dataclass(frozen=True)
class Prediction:
    """One prediction of a model.

    Attributes:
        value: the predicted data, mostly an array or a frame.
        kind: the kind of prediction; a set has one of each.
    """

    value: Any
    kind: str


@dataclass(frozen=True)
class PredictionValue(Prediction):
    """The predicted values."""

    kind: str = "prediction_value"


@dataclass(frozen=True)
class PredictionSamples(Prediction):
    """Samples of the predicted distribution."""

    kind: str = "prediction_samples"


@dataclass(frozen=True)
class ConfidenceInterval(Prediction):
    """Bounds of the values."""

    kind: str = "confidence_interval"


@dataclass(frozen=True)
class ClassProb(Prediction):
    """The probability of each class."""

    kind: str = "class_prob"


@dataclass(frozen=True)
class ReconstructionLoss(Prediction):
    """The error in the reconstruction of an input."""

    kind: str = "recon_loss"


@dataclass(frozen=True)
class Contributions(Prediction):
    """The contribution of each feature to a prediction."""

    kind: str = "contributions"


@dataclass(frozen=True)
class Coefficients(Prediction):
    """The coefficients of a linear model."""

    kind: str = "coefficients"


@dataclass(frozen=True)
class TValues(Prediction):
    """The t-values of coefficients."""

    kind: str = "t_values"


@dataclass(frozen=True)
class Bias(Prediction):
    """The constant term."""

    kind: str = "bias"


@dataclass(frozen=True)
class Importances(Prediction):
    """The importance of each feature for the model."""

    kind: str = "importances"


@dataclass
class PredictionSet:
    """Predictions, one of each kind.

    Attributes:
        components: the predictions.

    Raises:
        ValueError: two are of one kind.
    """

    components: tuple[Prediction, ...]

    def __post_init__(self) -> None:
        kinds = [component.kind for component in self.components]
        twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
        if twice:
            raise ValueError(f"a PredictionSet has one prediction of each kind, not several of {', '.join(twice)}")

    def get(self, kind: str) -> Any:
        """The value of the prediction of this kind; None if there is none."""
        return next((component.value for component in self.components if component.kind == kind), None)


@dataclass(frozen=True, eq=False, repr=False)
class PredictionOutput(Output[PredictionSet]):
    """A :class:`PredictionSet`, in the format of a subclass."""


@dataclass(frozen=True, eq=False, repr=False)
class BinaryPredictionOutput(JoblibOutput[PredictionSet], PredictionOutput):
    """A :class:`PredictionSet`, as joblib pickles it. Load only what you trust.

    Attributes:
        compress: how hard to compress (zlib), from 0, not at all, to 9.
    """

    compress: int = field(default=0, compare=False)

    def write_to(self, value: PredictionSet, file: BinaryIO) -> None:
        if not isinstance(value, PredictionSet):
            raise TypeError("it is not a PredictionSet")
        super().write_to(value, file)
