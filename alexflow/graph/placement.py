"""Placement: which executor runs a task."""

from __future__ import annotations

from typing import cast

from alexflow.errors import DefinitionError
from alexflow.hooks import SHORT_TEXT, repr_of
from alexflow.model import AbstractTask, DynamicTask, ExecutorName, Task, TaskOptions, WrapperTask
from alexflow.model.class_info import class_info
from alexflow.model.definition import describe_absence

#: The kind of executor of a task. ``dynamic`` is ``generate``, in the engine's own process.
Kind = ExecutorName


def options_of(task: AbstractTask) -> TaskOptions:
    """The options of a task.

    Raises:
        DefinitionError: ``options`` is not a :class:`~alexflow.TaskOptions`.
    """
    options = cast(object, task.options)
    if type(options) is not TaskOptions:
        if "options" in class_info(type(task)).names:
            return TaskOptions()  # a parameter of a task of 1.x
        cls = type(task).__qualname__
        raise DefinitionError(
            f"{cls}.options must be a TaskOptions, as TaskOptions(timeout=60), not {repr_of(options, SHORT_TEXT)}"
        )
    return options


def kind_of(task: AbstractTask, default: ExecutorName) -> Kind:
    """The executor of a task.

    Args:
        task: the task.
        default: the executor of a plain ``def run`` whose class names none.

    Raises:
        DefinitionError: there is nothing to run, or the class asks for an executor that cannot run it.
    """
    if isinstance(task, DynamicTask):
        if type(task).generate is DynamicTask.generate:
            raise DefinitionError(describe_absence(type(task), "generate"))
        return "dynamic"
    if isinstance(task, WrapperTask) and type(task).run is WrapperTask.run:
        return kind_of(task.unwrapped(), default)
    if not class_info(type(task)).run_is_async:
        if getattr(type(task), "run", Task.run) is Task.run:
            raise DefinitionError(describe_absence(type(task), "run"))
        return options_of(task).executor or default
    executor = options_of(task).executor
    if executor not in (None, "loop"):
        raise DefinitionError(
            f"{type(task).__qualname__}.run is async and runs on the event loop; "
            f"make it a plain def for executor={executor!r}"
        )
    return "loop"
