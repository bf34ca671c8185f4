"""alexflow: an async-first workflow engine. ``await alexflow.arun(task)``."""

from typing import TYPE_CHECKING, Any

from alexflow.lazy import lazy_names as _lazy_names
from alexflow.model.serializer import register_serializer as _register_serializer
from alexflow.storage.carried_record import register_record_carrier as _register_record_carrier

if TYPE_CHECKING:
    from alexflow import asgi as asgi
    from alexflow import blocking as blocking
    from alexflow import cluster as cluster
    from alexflow import errors as errors
    from alexflow import events as events
    from alexflow import executors as executors
    from alexflow import formats as formats
    from alexflow import limits as limits
    from alexflow import record as record
    from alexflow import sources as sources
    from alexflow import storage as storage
    from alexflow.engine.embedded import Engine as Engine
    from alexflow.engine.main import exit_code as exit_code
    from alexflow.engine.main import main as main
    from alexflow.engine.planning import aplan as aplan
    from alexflow.engine.planning import plan as plan
    from alexflow.engine.result import Result as Result
    from alexflow.engine.run import arun as arun
    from alexflow.engine.run import run as run
    from alexflow.errors import AlexflowError as AlexflowError
    from alexflow.errors import RunFailed as RunFailed
    from alexflow.errors import TaskError as TaskError
    from alexflow.errors import TaskFailed as TaskFailed
    from alexflow.errors import TaskStopped as TaskStopped
    from alexflow.executors.current import current as current
    from alexflow.executors.recycle import Recycle as Recycle
    from alexflow.executors.workers import Workers as Workers
    from alexflow.formats import BinaryOutput as BinaryOutput
    from alexflow.formats import JSONOutput as JSONOutput
    from alexflow.formats import SerializableOutput as SerializableOutput
    from alexflow.functions.decorator import task as task
    from alexflow.model import AbstractTask as AbstractTask
    from alexflow.model import DynamicTask as DynamicTask
    from alexflow.model import InOut as InOut
    from alexflow.model import NoDefaultVar as NoDefaultVar
    from alexflow.model import Output as Output
    from alexflow.model import ResourceSpec as ResourceSpec
    from alexflow.model import Retry as Retry
    from alexflow.model import Task as Task
    from alexflow.model import TaskOptions as TaskOptions
    from alexflow.model import Workflow as Workflow
    from alexflow.model import WrapperTask as WrapperTask
    from alexflow.model import no_default as no_default
    from alexflow.record import aopen_record as aopen_record
    from alexflow.record import open_record as open_record
    from alexflow.serialization import deserialize as deserialize
    from alexflow.serialization import serialize as serialize
    from alexflow.sources import Source as Source
    from alexflow.sources import asource as asource
    from alexflow.sources import source as source
    from alexflow.storage import LocalStorage as LocalStorage
    from alexflow.storage import MemoryStorage as MemoryStorage
    from alexflow.storage import RemoteStorage as RemoteStorage
    from alexflow.storage import Storage as Storage
    from alexflow.storage import open_storage as open_storage

#: A worker process imports the modules of its tasks, and so this one; asyncio and the engine would double the time that
#: takes.
__getattr__, __dir__, __all__ = _lazy_names(
    __name__,
    {
        "engine.embedded": "Engine",
        "engine.main": "exit_code main",
        "engine.planning": "aplan plan",
        "engine.result": "Result",
        "engine.run": "arun run",
        "errors": "AlexflowError RunFailed TaskError TaskFailed TaskStopped",
        "executors.current": "current",
        "executors.recycle": "Recycle",
        "executors.workers": "Workers",
        "formats": "BinaryOutput JSONOutput SerializableOutput",
        "functions.decorator": "task",
        "model": (
            "AbstractTask DynamicTask InOut NoDefaultVar Output ResourceSpec Retry Task TaskOptions Workflow "
            "WrapperTask no_default"
        ),
        "record": "aopen_record open_record",
        "serialization": "deserialize serialize",
        "sources": "Source asource source",
        "storage": "LocalStorage MemoryStorage RemoteStorage Storage open_storage",
    },
    unlisted={"formats": "H5FileOutput", "legacy.storage": "Dir File"},  # 1.x has them here
    submodules="errors limits formats sources storage record events executors cluster asgi blocking",
)


def _serialize(value: object) -> dict[str, Any]:
    from alexflow.serialization import serialize  # deferred: few programs need it, and no worker process

    return serialize(value)


def _carry_record(source: Any, target: Any) -> Any:
    from alexflow.record.carrier import RecordCarrier  # deferred: for copies only

    return RecordCarrier(source, target).carry


_register_serializer(_serialize)
_register_record_carrier(_carry_record)
