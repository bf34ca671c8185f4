"""Names that 1.x has, in ids and documents, for things that have other names today.

Everything that is not listed here has its own name, as users' classes do.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

#: Modules of which all names are those of 1.x.
_MODULES = {
    "alexflow.legacy.coreml": "alexflow.coreml.tasks",
    "alexflow.legacy.dataset": "alexflow.coreml.dataset",
    "alexflow.legacy.gjson": "alexflow.misc.gjson",
    "alexflow.legacy.hdf5": "alexflow.adapters.output.h5store",
    "alexflow.legacy.helper": "alexflow.helper",
    "alexflow.legacy.outputs": "alexflow.core",
    "alexflow.legacy.prediction": "alexflow.coreml.prediction",
    "alexflow.legacy.running": "alexflow.adapters.executor.alexflow",
    "alexflow.legacy.serializable": "dataclass_serializer.dataclass_serializer",
    "alexflow.legacy.tasks": "alexflow.core",
    "alexflow.legacy.workflow": "alexflow.core",
}

#: Single classes and functions.
_NAMES = {
    "alexflow.errors:OutputNotFound": "alexflow.core:NotFound",
    "alexflow.errors:ReadOnlyAccess": "alexflow.adapters.storage.composite_storage:ReadOnlyAccess",
    "alexflow.errors:StorageError": "alexflow.core:StorageError",
    "alexflow.formats.binary:BinaryOutput": "alexflow.core:BinaryOutput",
    "alexflow.formats.hdf5:H5FileOutput": "alexflow.adapters.output.h5store:H5FileOutput",
    "alexflow.formats.json:JSONOutput": "alexflow.core:JSONOutput",
    "alexflow.formats.serializable:SerializableOutput": "alexflow.core:SerializableOutput",
    "alexflow.legacy.storage:CompositeStorage": "alexflow.adapters.storage.composite_storage:CompositeStorage",
    "alexflow.legacy.storage:Dir": "alexflow.core:Dir",
    "alexflow.legacy.storage:File": "alexflow.core:File",
    "alexflow.legacy.storage:LocalStorage": "alexflow.adapters.storage.local_storage:LocalStorage",
    "alexflow.legacy.storage:copy_file": "alexflow.adapters.storage.core:copy_file",
    "alexflow.model.output:Output": "alexflow.core:Output",
    "alexflow.model.task:ResourceSpec": "alexflow.core:ResourceSpec",
    "alexflow.model.tree:flatten": "alexflow.helper:flatten",
    "alexflow.model.workflow:Workflow": "alexflow.core:Workflow",
    "alexflow.storage.interface:Storage": "alexflow.core:Storage",
    "alexflow.storage.layered.overlay:OverlayStorage": "alexflow.adapters.storage.composite_storage:CompositeStorage",
    "alexflow.storage.local:LocalStorage": "alexflow.adapters.storage.local_storage:LocalStorage",
}

#: Fields of classes and their subclasses; None for fields that 1.x does not have.
_FIELDS: dict[str, dict[str, str | None]] = {
    "alexflow.legacy.dataset:BinaryDatasetOutput": {"compress": None},
    "alexflow.legacy.prediction:BinaryPredictionOutput": {"compress": None},
    "alexflow.model.task:ResourceSpec": {"cpus": None, "memory": None, "gpus": None, "devices": None},
    "alexflow.model.task:DynamicTask": {"resource_spec": None},
    "alexflow.storage.layered.overlay:OverlayStorage": {"base": "read_only", "storage": "read_write"},
    "alexflow.storage.local:LocalStorage": {"fsync": None, "check": None},
}


FormerFields: TypeAlias = tuple[tuple[str, dataclasses.Field[Any]], ...]

_known: WeakKeyDictionary[type, FormerFields] = WeakKeyDictionary()


def former_name(thing: Any) -> str:
    """``module:name`` of a class or function, as 1.x writes it: without the classes that it is nested in."""
    module, name = thing.__module__, thing.__name__
    if module in _MODULES:
        return f"{_MODULES[module]}:{name}"
    return _NAMES.get(f"{module}:{name}", f"{module}:{name}")


def former_fields(cls: type) -> FormerFields:
    """The fields of a dataclass that 1.x has, in their order, each with the name it has there."""
    known = _known.get(cls)
    if known is None:
        known = _known[cls] = _former_fields(cls)
    return known


def _former_fields(cls: type) -> FormerFields:
    names: dict[dataclasses.Field[Any], str | None] = {}
    for base in cls.__mro__:
        for name, former in _FIELDS.get(f"{base.__module__}:{base.__name__}", {}).items():
            names[base.__dataclass_fields__[name]] = former  # type: ignore[attr-defined]
    named = [(names.get(field, field.name), field) for field in dataclasses.fields(cls)]
    return tuple((name, field) for name, field in named if name is not None)


def is_of_1x(cls: type) -> bool:
    """Whether 1.x had this class of ours."""
    return cls.__module__ in _MODULES or f"{cls.__module__}:{cls.__name__}" in _NAMES
