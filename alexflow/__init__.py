"""alexflow: an async-first workflow engine. ``await alexflow.arun(task)``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from alexflow.errors import AlexflowError, RunFailed, TaskError, TaskFailed
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
from alexflow.storage import LocalStorage, MemoryStorage, Storage

if TYPE_CHECKING:
    from alexflow.engine import Engine, Result, arun, run
    from alexflow.serialization import deserialize, serialize

__all__ = [
    "AbstractTask",
    "AlexflowError",
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
    "RunFailed",
    "SerializableOutput",
    "Storage",
    "Task",
    "TaskError",
    "TaskFailed",
    "Workflow",
    "WrapperTask",
    "arun",
    "deserialize",
    "no_default",
    "run",
    "serialize",
]

#: What only the engine's side needs, by the module that has it: loaded when first used. A worker process imports the
#: modules of its tasks, and so this one, at every start; asyncio and the engine would double the time that takes.
_ON_DEMAND = {
    "Engine": "alexflow.engine",
    "Result": "alexflow.engine",
    "arun": "alexflow.engine",
    "run": "alexflow.engine",
    "deserialize": "alexflow.serialization",
    "serialize": "alexflow.serialization",
}


def __getattr__(name: str) -> Any:
    module = _ON_DEMAND.get(name)
    if module is None:
        raise AttributeError(f"module 'alexflow' has no attribute {name!r}")
    thing = globals()[name] = getattr(import_module(module), name)
    return thing


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
