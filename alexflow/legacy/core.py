"""The names of ``alexflow.core``, which the other modules of 1.x import from it too."""

from alexflow.errors import OutputNotFound as NotFound
from alexflow.errors import ReadOnlyAccess, StorageError
from alexflow.legacy.documents import deserialize
from alexflow.legacy.outputs import BinaryOutput, JSONOutput, Output, SerializableOutput
from alexflow.legacy.serializable import Serializable
from alexflow.legacy.storage import Dir, File
from alexflow.legacy.tasks import AbstractTask, DynamicTask, ResourceSpec, Task, WrapperTask
from alexflow.legacy.workflow import Workflow
from alexflow.model import InOut, NoDefaultVar, flatten, no_default
from alexflow.storage import Storage

__all__ = [
    "AbstractTask",
    "BinaryOutput",
    "Dir",
    "DynamicTask",
    "File",
    "InOut",
    "JSONOutput",
    "NoDefaultVar",
    "NotFound",
    "Output",
    "ReadOnlyAccess",
    "ResourceSpec",
    "Serializable",
    "SerializableOutput",
    "Storage",
    "StorageError",
    "Task",
    "Workflow",
    "WrapperTask",
    "_flatten",
    "deserialize",
    "flatten",
    "no_default",
]

_flatten = flatten
