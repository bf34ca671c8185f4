"""alexflow: an async-first workflow engine. ``await alexflow.arun(task)``."""

from typing import TYPE_CHECKING, Any

from alexflow import lazy as _lazy
from alexflow.errors import AlexflowError, RunFailed, TaskError, TaskFailed, TaskStopped
from alexflow.model import (
    AbstractTask,
    DynamicTask,
    InOut,
    NoDefaultVar,
    Output,
    ResourceSpec,
    Retry,
    Task,
    TaskOptions,
    Workflow,
    WrapperTask,
    no_default,
)
from alexflow.model.serializer import register_serializer as _register_serializer

if TYPE_CHECKING:
    from alexflow.engine import Engine, Result, arun, exit_code, main, run
    from alexflow.executors.current import current
    from alexflow.executors.recycle import Recycle
    from alexflow.executors.workers import Workers
    from alexflow.formats import BinaryOutput, JSONOutput, SerializableOutput
    from alexflow.serialization import deserialize, serialize
    from alexflow.sources import Source, asource, source
    from alexflow.storage import (
        LocalStorage,
        MemoryStorage,
        RemoteStorage,
        Storage,
        open_storage,
    )

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
    "Recycle",
    "RemoteStorage",
    "ResourceSpec",
    "Result",
    "Retry",
    "RunFailed",
    "SerializableOutput",
    "Source",
    "Storage",
    "Task",
    "TaskError",
    "TaskFailed",
    "TaskOptions",
    "TaskStopped",
    "Workers",
    "Workflow",
    "WrapperTask",
    "arun",
    "asource",
    "current",
    "deserialize",
    "exit_code",
    "main",
    "no_default",
    "open_storage",
    "run",
    "serialize",
    "source",
]


def _serialize(value: object) -> dict[str, Any]:
    from alexflow.serialization import serialize  # deferred: few programs and no worker process need it

    return serialize(value)


_register_serializer(_serialize)

#: A worker process imports the modules of its tasks, and so this one; asyncio and the engine would double the time that
#: takes.
__getattr__, __dir__ = _lazy.lazy_names(
    __name__,
    {
        "Engine": "alexflow.engine",
        "current": "alexflow.executors.current",
        "Recycle": "alexflow.executors.recycle",
        "Workers": "alexflow.executors.workers",
        "Result": "alexflow.engine",
        "arun": "alexflow.engine",
        "exit_code": "alexflow.engine",
        "main": "alexflow.engine",
        "run": "alexflow.engine",
        "BinaryOutput": "alexflow.formats",
        "JSONOutput": "alexflow.formats",
        "SerializableOutput": "alexflow.formats",
        "Dir": "alexflow.legacy.storage",  # these three are here because 1.x has them here
        "File": "alexflow.legacy.storage",
        "H5FileOutput": "alexflow.formats",
        "Source": "alexflow.sources",
        "asource": "alexflow.sources",
        "source": "alexflow.sources",
        "deserialize": "alexflow.serialization",
        "serialize": "alexflow.serialization",
        "LocalStorage": "alexflow.storage",
        "MemoryStorage": "alexflow.storage",
        "RemoteStorage": "alexflow.storage",
        "Storage": "alexflow.storage",
        "open_storage": "alexflow.storage",
    },
)
