"""Import path of alexflow 1.x; tasks from here keep their ids."""

from alexflow.errors import OutputNotFound as NotFound
from alexflow.errors import StorageError
from alexflow.legacy.documents import deserialize
from alexflow.legacy.moved import moved
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
    "ResourceSpec",
    "Serializable",
    "SerializableOutput",
    "Storage",
    "StorageError",
    "Task",
    "Workflow",
    "WrapperTask",
    "deserialize",
    "no_default",
]

_flatten = flatten

moved(__name__, "alexflow.legacy, or from alexflow for ids of spec 2")
