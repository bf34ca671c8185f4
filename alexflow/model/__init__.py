"""The classes that a user's workflow is made of."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.model.options import ExecutorName as ExecutorName
    from alexflow.model.options import TaskOptions as TaskOptions
    from alexflow.model.output import Output as Output
    from alexflow.model.output import keys_of as keys_of
    from alexflow.model.required import NoDefaultVar as NoDefaultVar
    from alexflow.model.required import no_default as no_default
    from alexflow.model.resource_spec import ResourceSpec as ResourceSpec
    from alexflow.model.retry import Retry as Retry
    from alexflow.model.task import AbstractTask as AbstractTask
    from alexflow.model.task import DynamicTask as DynamicTask
    from alexflow.model.task import Task as Task
    from alexflow.model.task import WrapperTask as WrapperTask
    from alexflow.model.task import task_behind as task_behind
    from alexflow.model.tree import InOut as InOut
    from alexflow.model.tree import flatten as flatten
    from alexflow.model.tree import map_tree as map_tree
    from alexflow.model.workflow import Workflow as Workflow

#: A command that reads the record needs none of them, and they take a fifth of its time.
__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "options": "ExecutorName TaskOptions",
        "output": "Output keys_of",
        "required": "NoDefaultVar no_default",
        "resource_spec": "ResourceSpec",
        "retry": "Retry",
        "task": "AbstractTask DynamicTask Task WrapperTask task_behind",
        "tree": "InOut flatten map_tree",
        "workflow": "Workflow",
    },
)
