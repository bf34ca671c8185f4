"""Import path of alexflow 1.x."""

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
from alexflow.model import flatten

__all__ = [
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
