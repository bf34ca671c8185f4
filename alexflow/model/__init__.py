"""The classes that a user's workflow is made of."""

from alexflow.model.output import Output, have_one_key, keys_of
from alexflow.model.required import NoDefaultVar, no_default
from alexflow.model.task import AbstractTask, DynamicTask, ResourceSpec, Task, WrapperTask
from alexflow.model.tree import InOut, flatten, map_tree
from alexflow.model.workflow import Workflow

__all__ = [
    "AbstractTask",
    "DynamicTask",
    "InOut",
    "NoDefaultVar",
    "Output",
    "ResourceSpec",
    "Task",
    "Workflow",
    "WrapperTask",
    "flatten",
    "have_one_key",
    "keys_of",
    "map_tree",
    "no_default",
]
