"""Import path of alexflow 1.x."""

from alexflow.legacy import AbstractTask, DynamicTask, Task, Workflow
from alexflow.legacy.helper import exists_output, generate_task, is_completed, run_task
from alexflow.legacy.moved import moved
from alexflow.legacy.running import Termination, run_job, run_workflow
from alexflow.model import flatten
from alexflow.storage import Storage

__all__ = [
    "AbstractTask",
    "DynamicTask",
    "Storage",
    "Task",
    "Termination",
    "Workflow",
    "exists_output",
    "flatten",
    "generate_task",
    "is_completed",
    "run_job",
    "run_task",
    "run_workflow",
]

moved(__name__, "alexflow.legacy, or call alexflow.run")
