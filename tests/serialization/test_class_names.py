"""The names of alexflow's classes in documents and ids are data: a module may move, its classes keep their names."""

import pytest

import alexflow
from alexflow import formats, storage
from alexflow.identity import qualified_name

NAMES = {
    "CacheStorage": "alexflow.storage.layered.cache",
    "LocalStorage": "alexflow.storage.local",
    "MemoryStorage": "alexflow.storage.memory",
    "Output": "alexflow.model.output",
    "OverlayStorage": "alexflow.storage.layered.overlay",
    "PrefixStorage": "alexflow.storage.layered.prefix",
    "RemoteStorage": "alexflow.storage.remote.storage",
    "ResourceSpec": "alexflow.model.task",
    "Source": "alexflow.sources.external",
    "Workflow": "alexflow.model.workflow",
    "WrapperTask": "alexflow.model.task",
}

FORMATS = {
    "ArrowOutput": "tables",
    "BinaryOutput": "binary",
    "BytesOutput": "text",
    "DirectoryOutput": "directory",
    "FileOutput": "file",
    "H5FileOutput": "hdf5",
    "HDF5Output": "hdf5",
    "JSONLinesOutput": "json_lines",
    "JSONNaNOutput": "json",
    "JSONOutput": "json",
    "JoblibOutput": "joblib",
    "MsgpackOutput": "msgpack",
    "NpzOutput": "numpy",
    "NumpyOutput": "numpy",
    "PandasOutput": "tables",
    "ParquetOutput": "tables",
    "PolarsOutput": "tables",
    "SafetensorsOutput": "safetensors",
    "SerializableOutput": "serializable",
    "SparseOutput": "sparse",
    "TextOutput": "text",
    "TorchOutput": "torch",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_class(name):
    assert qualified_name(getattr(storage if name.endswith("Storage") else alexflow, name)) == f"{NAMES[name]}:{name}"


def test_the_formats():
    names = [name for name in formats.__all__ if name.endswith("Output")]
    assert {name: qualified_name(getattr(formats, name)) for name in names} == {
        name: f"alexflow.formats.{module}:{name}" for name, module in FORMATS.items()
    }
