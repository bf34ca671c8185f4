"""alexflow: an async-first workflow engine. ``await alexflow.arun(task)``."""

from alexflow.engine import Engine, Result, arun, run
from alexflow.formats import BinaryOutput, JSONOutput, SerializableOutput
from alexflow.model import (
    AbstractTask,
    DynamicTask,
    InOut,
    NoDefaultVar,
    Output,
    ResourceSpec,
    Task,
    Workflow,
    WrapperTask,
    no_default,
)
from alexflow.serialization import deserialize, serialize
from alexflow.storage import LocalStorage, MemoryStorage, Storage

__all__ = [
    "AbstractTask",
    "BinaryOutput",
    "DynamicTask",
    "Engine",
    "InOut",
    "JSONOutput",
    "LocalStorage",
    "MemoryStorage",
    "NoDefaultVar",
    "Output",
    "ResourceSpec",
    "Result",
    "SerializableOutput",
    "Storage",
    "Task",
    "Workflow",
    "WrapperTask",
    "arun",
    "deserialize",
    "no_default",
    "run",
    "serialize",
]
