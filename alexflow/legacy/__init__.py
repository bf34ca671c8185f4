"""What keeps code and results of alexflow 1.x alive: tasks with the ids of then, their documents and stores."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.legacy.adoption import Adoption, adopt
    from alexflow.legacy.documents import deserialize, serialize
    from alexflow.legacy.outputs import BinaryOutput, JSONOutput, Output, SerializableOutput
    from alexflow.legacy.running import Termination, run_job, run_workflow
    from alexflow.legacy.serializable import Serializable, partial
    from alexflow.legacy.storage import CompositeStorage, LocalStorage
    from alexflow.legacy.tasks import AbstractTask, DynamicTask, FormerIds, ResourceSpec, Task, WrapperTask
    from alexflow.legacy.workflow import Workflow

_PLACES = {
    "AbstractTask": "tasks",
    "Adoption": "adoption",
    "BinaryOutput": "outputs",
    "CompositeStorage": "storage",
    "DynamicTask": "tasks",
    "FormerIds": "tasks",
    "JSONOutput": "outputs",
    "LocalStorage": "storage",
    "Output": "outputs",
    "ResourceSpec": "tasks",
    "Serializable": "serializable",
    "SerializableOutput": "outputs",
    "Task": "tasks",
    "Termination": "running",
    "Workflow": "workflow",
    "WrapperTask": "tasks",
    "adopt": "adoption",
    "deserialize": "documents",
    "partial": "serializable",
    "run_job": "running",
    "run_workflow": "running",
    "serialize": "documents",
}

__all__ = [
    "AbstractTask",
    "Adoption",
    "BinaryOutput",
    "CompositeStorage",
    "DynamicTask",
    "FormerIds",
    "JSONOutput",
    "LocalStorage",
    "Output",
    "ResourceSpec",
    "Serializable",
    "SerializableOutput",
    "Task",
    "Termination",
    "Workflow",
    "WrapperTask",
    "adopt",
    "deserialize",
    "partial",
    "run_job",
    "run_workflow",
    "serialize",
]

__getattr__, __dir__ = lazy_names(__name__, {name: f"{__name__}.{place}" for name, place in _PLACES.items()})
