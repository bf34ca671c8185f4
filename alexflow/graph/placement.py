"""Placement: which executor runs a task."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MemberDescriptorType
from typing import cast

from alexflow.errors import DefinitionError
from alexflow.hooks import SHORT_TEXT, hook_failed, repr_of, text_of
from alexflow.model import AbstractTask, DynamicTask, ExecutorName, Task, TaskOptions, WrapperTask
from alexflow.model.class_info import class_info
from alexflow.model.definition import describe_absence
from alexflow.model.resource_spec import Needs, ResourceSpec

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


def spec_of_class(task: AbstractTask) -> object:
    """The ``resource_spec`` that holds where a task's own is None: that of its class, or of the task that it wraps."""
    inner = task.unwrapped()
    own = getattr(inner, "resource_spec", None) if inner is not task else None
    if own is not None:
        return own
    spec = getattr(type(inner), "resource_spec", None)
    if type(spec) is MemberDescriptorType:  # of a dataclass with slots=True, which hides what its bases say
        inherited = (cls.__dict__.get("resource_spec") for cls in type(inner).__mro__)
        return next((spec for spec in inherited if isinstance(spec, ResourceSpec)), None)
    return spec


def needs_of(task: AbstractTask, spec: object, packs: bool, refusal: Callable[[Needs], str] | None) -> Needs | None:
    """Return the resources that a task needs; None if it asks for nothing, or its executor has rules of its own.

    Args:
        task: the task.
        spec: its ``resource_spec``.
        packs: whether its executor sees to it that it has what it needs.
        refusal: the reason why the engine never has that, or "".

    Raises:
        DefinitionError: ``spec`` is no :class:`~alexflow.ResourceSpec`, or this engine never has so much.
    """
    if spec is None:
        return None
    if not isinstance(spec, ResourceSpec):
        raise DefinitionError(
            f"{type(task).__qualname__}.resource_spec must be a ResourceSpec, such as ResourceSpec(cpus=4), "
            f"not {repr_of(spec, SHORT_TEXT)}"
        )
    try:
        needs = spec.needs()
    except DefinitionError as error:
        raise DefinitionError(f"{type(task).__qualname__}.resource_spec: {text_of(error)}") from None
    if not packs or needs == (None, 0, ()):
        return None
    never = refusal(needs) if refusal is not None else ""
    if never:
        raise DefinitionError(f"{type(task).__qualname__}.resource_spec asks for {never}")
    return needs


def classes_by_executor(
    tasks: Iterable[type[AbstractTask] | AbstractTask], default: ExecutorName
) -> dict[Kind, set[type[AbstractTask]]]:
    """Sort classes of tasks, which may be given by tasks, by the executor that runs them.

    Args:
        tasks: the classes.
        default: the executor of a plain ``def run`` whose class names none; it is among the results in any case.

    Returns:
        The classes by executor; those of dynamic tasks, which need none, by ``"dynamic"``.

    Raises:
        DefinitionError: something is neither a class of tasks nor a task.
    """
    found: dict[Kind, set[type[AbstractTask]]] = {default: set()}
    if isinstance(tasks, (str, type, AbstractTask)) or not isinstance(tasks, Iterable):
        raise DefinitionError(f"start_workers takes a list of classes of tasks, not {repr_of(tasks, SHORT_TEXT)}")
    for task in tasks:
        cls = task if isinstance(task, type) else type(task)
        if not issubclass(cls, AbstractTask):
            raise DefinitionError(f"start_workers takes classes of tasks, not {repr_of(task, SHORT_TEXT)}")
        if issubclass(cls, DynamicTask):
            found.setdefault("dynamic", set()).add(cls)
            continue
        if class_info(cls).run_is_async:
            continue
        try:
            options = getattr(cls, "options", None)  # a property says it of instances only
        except BaseException as error:
            hook_failed(cls, "options", error)
        executor = options.executor if type(options) is TaskOptions else None
        found.setdefault(executor or default, set()).add(cls)
    return found
