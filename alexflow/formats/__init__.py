"""How a value becomes bytes: one output class per format."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.formats.binary import BinaryOutput
    from alexflow.formats.dataset import BinaryDatasetOutput, Dataset, DatasetOutput
    from alexflow.formats.directory import Directory, DirectoryOutput
    from alexflow.formats.file import FileOutput
    from alexflow.formats.hdf5 import H5FileOutput, HDF5Output
    from alexflow.formats.joblib import JoblibOutput
    from alexflow.formats.json import JSONOutput
    from alexflow.formats.msgpack import MsgpackOutput
    from alexflow.formats.numpy import NpzOutput, NumpyOutput
    from alexflow.formats.prediction import (
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
    from alexflow.formats.safetensors import SafetensorsOutput
    from alexflow.formats.serializable import SerializableOutput
    from alexflow.formats.tables import ArrowOutput, PandasOutput, ParquetOutput, PolarsOutput
    from alexflow.formats.text import BytesOutput, TextOutput

__all__ = [
    "ArrowOutput",
    "Bias",
    "BinaryDatasetOutput",
    "BinaryOutput",
    "BinaryPredictionOutput",
    "BytesOutput",
    "ClassProb",
    "Coefficients",
    "ConfidenceInterval",
    "Contributions",
    "Dataset",
    "DatasetOutput",
    "Directory",
    "DirectoryOutput",
    "FileOutput",
    "H5FileOutput",
    "HDF5Output",
    "Importances",
    "JSONOutput",
    "JoblibOutput",
    "MsgpackOutput",
    "NpzOutput",
    "NumpyOutput",
    "PandasOutput",
    "ParquetOutput",
    "PolarsOutput",
    "Prediction",
    "PredictionOutput",
    "PredictionSamples",
    "PredictionSet",
    "PredictionValue",
    "ReconstructionLoss",
    "SafetensorsOutput",
    "SerializableOutput",
    "TValues",
    "TextOutput",
]

#: A worker process loads the formats of its tasks, and only those.
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ArrowOutput": "alexflow.formats.tables",
        "Bias": "alexflow.formats.prediction",
        "BinaryDatasetOutput": "alexflow.formats.dataset",
        "BinaryOutput": "alexflow.formats.binary",
        "BinaryPredictionOutput": "alexflow.formats.prediction",
        "BytesOutput": "alexflow.formats.text",
        "ClassProb": "alexflow.formats.prediction",
        "Coefficients": "alexflow.formats.prediction",
        "ConfidenceInterval": "alexflow.formats.prediction",
        "Contributions": "alexflow.formats.prediction",
        "Dataset": "alexflow.formats.dataset",
        "DatasetOutput": "alexflow.formats.dataset",
        "Directory": "alexflow.formats.directory",
        "DirectoryOutput": "alexflow.formats.directory",
        "FileOutput": "alexflow.formats.file",
        "H5FileOutput": "alexflow.formats.hdf5",
        "HDF5Output": "alexflow.formats.hdf5",
        "Importances": "alexflow.formats.prediction",
        "JSONOutput": "alexflow.formats.json",
        "JoblibOutput": "alexflow.formats.joblib",
        "MsgpackOutput": "alexflow.formats.msgpack",
        "NpzOutput": "alexflow.formats.numpy",
        "NumpyOutput": "alexflow.formats.numpy",
        "PandasOutput": "alexflow.formats.tables",
        "ParquetOutput": "alexflow.formats.tables",
        "PolarsOutput": "alexflow.formats.tables",
        "Prediction": "alexflow.formats.prediction",
        "PredictionOutput": "alexflow.formats.prediction",
        "PredictionSamples": "alexflow.formats.prediction",
        "PredictionSet": "alexflow.formats.prediction",
        "PredictionValue": "alexflow.formats.prediction",
        "ReconstructionLoss": "alexflow.formats.prediction",
        "SafetensorsOutput": "alexflow.formats.safetensors",
        "SerializableOutput": "alexflow.formats.serializable",
        "TValues": "alexflow.formats.prediction",
        "TextOutput": "alexflow.formats.text",
    },
)
