"""Formats of outputs: one output class for each way to store a value as bytes."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.formats.binary import BinaryOutput as BinaryOutput
    from alexflow.formats.directory import Directory as Directory
    from alexflow.formats.directory import DirectoryOutput as DirectoryOutput
    from alexflow.formats.file import FileOutput as FileOutput
    from alexflow.formats.hdf5 import H5FileOutput as H5FileOutput
    from alexflow.formats.hdf5 import HDF5Output as HDF5Output
    from alexflow.formats.joblib import JoblibOutput as JoblibOutput
    from alexflow.formats.json import JSONNaNOutput as JSONNaNOutput
    from alexflow.formats.json import JSONOutput as JSONOutput
    from alexflow.formats.json_lines import JSONLinesOutput as JSONLinesOutput
    from alexflow.formats.msgpack import MsgpackOutput as MsgpackOutput
    from alexflow.formats.numpy import NpzOutput as NpzOutput
    from alexflow.formats.numpy import NumpyOutput as NumpyOutput
    from alexflow.formats.safetensors import SafetensorsOutput as SafetensorsOutput
    from alexflow.formats.serializable import SerializableOutput as SerializableOutput
    from alexflow.formats.sparse import SparseOutput as SparseOutput
    from alexflow.formats.tables import ArrowOutput as ArrowOutput
    from alexflow.formats.tables import PandasOutput as PandasOutput
    from alexflow.formats.tables import ParquetOutput as ParquetOutput
    from alexflow.formats.tables import PolarsOutput as PolarsOutput
    from alexflow.formats.text import BytesOutput as BytesOutput
    from alexflow.formats.text import TextOutput as TextOutput
    from alexflow.formats.torch import TorchOutput as TorchOutput

#: A worker process loads the formats of its tasks, and only those.
__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "binary": "BinaryOutput",
        "directory": "Directory DirectoryOutput",
        "file": "FileOutput",
        "hdf5": "H5FileOutput HDF5Output",
        "joblib": "JoblibOutput",
        "json": "JSONNaNOutput JSONOutput",
        "json_lines": "JSONLinesOutput",
        "msgpack": "MsgpackOutput",
        "numpy": "NpzOutput NumpyOutput",
        "safetensors": "SafetensorsOutput",
        "serializable": "SerializableOutput",
        "sparse": "SparseOutput",
        "tables": "ArrowOutput PandasOutput ParquetOutput PolarsOutput",
        "text": "BytesOutput TextOutput",
        "torch": "TorchOutput",
    },
)
