"""The classes that a user's workflow is made of."""

from alexflow.model.options import ExecutorName, TaskOptions
from alexflow.model.output import Output, have_one_key, keys_of
from alexflow.model.required import NoDefaultVar, no_default
from alexflow.model.resource_spec import ResourceSpec
from alexflow.model.retry import Retry
from alexflow.model.task import AbstractTask, DynamicTask, Task, WrapperTask, task_behind
from alexflow.model.tree import InOut, flatten, map_tree
from alexflow.model.workflow import Workflow

__all__ = [
    "AbstractTask",
    "DynamicTask",
    "ExecutorName",
    "InOut",
    "NoDefaultVar",
    "Output",
    "ResourceSpec",
    "Retry",
    "Task",
    "TaskOptions",
    "Workflow",
    "WrapperTask",
    "flatten",
    "have_one_key",
    "keys_of",
    "map_tree",
    "no_default",
    "task_behind",
]
