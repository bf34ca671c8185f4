"""Import path of alexflow 1.x."""

from alexflow.errors import OutputNotFound as NotFound
from alexflow.legacy import AbstractTask, DynamicTask, Output, Task, Workflow
from alexflow.legacy.helper import (
    assign_storage_to_output,
    exists_output,
    generate_task,
    is_completed,
    load_output,
    remove_output,
    run_task,
    workflow_to_task_map,
)
from alexflow.legacy.moved import moved
from alexflow.model import InOut, flatten
from alexflow.storage import Storage

__all__ = [
    "AbstractTask",
    "DynamicTask",
    "InOut",
    "NotFound",
    "Output",
    "Storage",
    "Task",
    "Workflow",
    "assign_storage_to_output",
    "exists_output",
    "flatten",
    "generate_task",
    "is_completed",
    "load_output",
    "remove_output",
    "run_task",
    "workflow_to_task_map",
]

moved(__name__, "alexflow.legacy.helper, or use the methods of outputs")
