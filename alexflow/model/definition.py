"""Checks of a task class as written, made once per class at its first use.

Python accepts classes that cannot work: a field that hides a method, a ``run`` that yields, a default that no instance
gets. Each of these would go wrong silently, or far from its cause, so it is refused with the class, the name and the
remedy.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any

from alexflow.errors import DefinitionError
from alexflow.hooks import a_thing, repr_of
from alexflow.model.class_info import WithClassInfo, class_info, declares_fields
from alexflow.model.options import TaskOptions
from alexflow.model.resource_spec import ResourceSpec
from alexflow.model.retry import Retry

#: Methods that the engine calls, with their arguments after ``self``.
CALLED_WITH = {"input": (), "output": (), "run": ("input", "output"), "generate": ("input", "output")}

#: Methods that may be ``async def``.
_MAY_BE_ASYNC = frozenset({"run", "generate"})


def check_task_class(cls: type, bases: Iterable[type], free_names: frozenset[str]) -> None:
    """Refuse a task class that cannot work as written.

    Args:
        cls: a task class, decorated.
        bases: alexflow's own task classes among its bases.
        free_names: names of members of those that a field may have nevertheless.

    Raises:
        DefinitionError: names class, member and remedy.
    """
    ours = tuple(bases)
    _refuse_hidden_members(cls, ours, free_names)
    _refuse_ignored_defaults(cls)
    _refuse_odd_version(cls)
    _refuse_inherited_name(cls)
    _refuse_misplaced_settings(cls, ours)
    _refuse_misnamed_settings(cls, ours)
    for name, arguments in CALLED_WITH.items():
        written = _written(cls, name, ours)
        if written is not None:
            _check_method(cls, name, arguments, written)
    if _written(cls, "run", ours) is not None and any(base.__name__ == "DynamicTask" for base in ours):
        raise DefinitionError(f"{cls.__qualname__}.run would never be called; a DynamicTask works in generate()")
    if isinstance(_written(cls, "tags", ours), FunctionType):
        raise DefinitionError(f"{cls.__qualname__}.tags is a method; make it a property: write @property above it")


def describe_absence(cls: type, name: str) -> str:
    """The message for a class that lacks ``name`` (``run`` or ``generate``), with the closest method that it has."""
    import difflib  # deferred: needed for a message only

    ours = {"AbstractTask", "Task", "DynamicTask", "WrapperTask"}
    members = [m for base in cls.__mro__ if base.__name__ not in ours for m in vars(base) if not m.startswith("_")]
    close = difflib.get_close_matches(name, members, n=1, cutoff=0.5)
    meant = f"; is {close[0]}() meant to be it?" if close else "; write one, or derive from the class that has it"
    return f"{cls.__qualname__} has no {name}(), so it would do nothing{meant}"


def explain_undecorated(cls: type[WithClassInfo]) -> None:
    """Make the constructor that ``cls`` inherits say that ``cls`` is not decorated, where it fails for that reason.

    ``@dataclass`` has not been applied to ``cls`` yet. If it never is, the constructor is that of the nearest decorated
    base, which does not take the fields that ``cls`` declares.
    """
    if not declares_fields(cls):
        return
    base = next(base for base in cls.__mro__[1:] if "__init__" in vars(base))
    init: Callable[..., None] = vars(base)["__init__"]
    if base is object or hasattr(init, "__explains_undecorated__"):
        return

    @functools.wraps(init)
    def __init__(self: WithClassInfo, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except TypeError:
            class_info(type(self))
            raise

    setattr(__init__, "__explains_undecorated__", True)  # noqa: B010
    setattr(base, "__init__", __init__)  # noqa: B010  # type checkers read the dataclass's own signature


def _refuse_hidden_members(cls: type, ours: tuple[type, ...], free_names: frozenset[str]) -> None:
    """Refuse a field that hides a method, a property or a class variable of alexflow."""
    own_fields = {field.name for base in ours for field in dataclasses.fields(base)}
    members = {name for base in ours for name in vars(base) if not name.startswith("_")} - own_fields - free_names
    for field in dataclasses.fields(cls):
        if field.name in members:
            remedy = "give the field another name"
            if _is_setting(ours, field.name):
                remedy = (
                    f"declare it as a class variable, {field.name}: ClassVar = …, or as a property where tasks differ"
                )
            what = f"{cls.__qualname__}.{field.name}"
            raise DefinitionError(f"{what} is a field, but alexflow uses the name {field.name!r} itself; {remedy}")


def _is_setting(ours: tuple[type, ...], name: str) -> bool:
    return not hasattr(next(vars(base)[name] for base in ours if name in vars(base)), "__get__")


def _refuse_ignored_defaults(cls: type) -> None:
    """Refuse ``depth = 10`` without an annotation: it does not change the default of the inherited field."""
    for field in dataclasses.fields(cls):
        for base in cls.__mro__ if field.name != "resource_spec" else ():  # that of the class holds where it is None
            if field.name not in vars(base):
                continue
            value = vars(base)[field.name]
            annotated = field.name in inspect.get_annotations(base)
            if not annotated and not hasattr(value, "__set__") and base is not object:
                raise DefinitionError(
                    f"{base.__qualname__}.{field.name} does not change the default of the field {field.name!r} that it "
                    f"inherits; annotate it and decorate the class: @dataclass(frozen=True), {field.name}: … = …"
                )
            break


def _refuse_odd_version(cls: type) -> None:
    """Refuse a ``version`` that ids cannot hold."""
    version = getattr(cls, "version", None)
    if version is not None and not isinstance(version, _VERSIONS):
        method = callable(version) and not isinstance(version, type)
        remedy = "; make it a property: write @property above it" if method else ""
        raise DefinitionError(f"{cls.__qualname__}.version must be a number or a text, not {repr_of(version)}{remedy}")


#: Kinds of a ``version``; a property gives one for each task.
_VERSIONS = (int, str, float, bytes, list, tuple, dict, property)


def _refuse_inherited_name(cls: type) -> None:
    """Refuse an inherited ``task_name``: the outputs of two classes with one name would be taken for each other's."""
    pinned = getattr(cls, "task_name", None)
    if pinned is not None and type(pinned) is not str:
        raise DefinitionError(
            f"{cls.__qualname__}.task_name must be a text, such as 'shop.clean', not {repr_of(pinned)}"
        )
    if pinned is not None and "task_name" not in vars(cls):
        base = next(base for base in cls.__mro__ if "task_name" in vars(base))
        raise DefinitionError(
            f"{cls.__qualname__} inherits task_name = {pinned!r} from {base.__qualname__}, so equal parameters of both "
            f"would have one id; give {cls.__qualname__} a task_name of its own, or None for its own name"
        )


#: Settings that look as if they were class variables, with the place where they have an effect.
_MISPLACED = {
    "timeout": "options = TaskOptions(timeout={})",
    "executor": "options = TaskOptions(executor={})",
    "priority": "options = TaskOptions(priority={})",
    "retries": "retry = Retry({})",
    "retry_delay": "retry = Retry(…, delay={})",
}


#: Classes of settings, with the only name of a class variable under which they have an effect.
_PLACES: dict[type, str] = {ResourceSpec: "resource_spec", Retry: "retry", TaskOptions: "options"}


def _refuse_misnamed_settings(cls: type, ours: tuple[type, ...]) -> None:
    """Refuse ``resources = ResourceSpec(…)``, unless the class has a ``resource_spec`` too, which may be made of it."""
    theirs = [base for base in cls.__mro__ if base not in ours and any(issubclass(base, task) for task in ours)]
    members = [(base, name, value) for base in theirs for name, value in vars(base).items()]
    named = {name for _, name, _ in members}
    for base, name, value in members:
        place = _PLACES.get(type(value))
        if place is not None and place not in named and name not in inspect.get_annotations(base):
            raise DefinitionError(
                f"{base.__qualname__}.{name} is {a_thing(type(value).__name__)} and has no effect under this name; "
                f"write {place} = {type(value).__name__}(…), or, if your own code reads it, {name}: ClassVar = …"
            )


def _refuse_misplaced_settings(cls: type, ours: tuple[type, ...]) -> None:
    """Refuse ``timeout = 3`` on a task class, which has no effect.

    A class may have a constant of that name for its own code: with an annotation, or in a base that is no task. A
    warning was rejected, for it is overlooked where a limit that does not hold costs most: in a batch job.
    """
    for base in cls.__mro__:
        if base in ours or not any(issubclass(base, task) for task in ours):
            continue
        annotated = inspect.get_annotations(base)
        for name in _MISPLACED.keys() & vars(base).keys() - annotated.keys():
            value = vars(base)[name]
            if type(value) in (int, float, str):
                remedy = _MISPLACED[name].format(repr(value))
                raise DefinitionError(
                    f"{base.__qualname__}.{name} = {value!r} has no effect; write {remedy}, "
                    f"or, if your own code reads it, {name}: ClassVar = {value!r}"
                )


def _written(cls: type, name: str, ours: tuple[type, ...]) -> Any:
    """A member that a user's class defines; None if it is alexflow's own or missing."""
    for base in cls.__mro__:
        if name in vars(base):
            return None if base in ours else vars(base)[name]
    return None


def _check_method(cls: type, name: str, arguments: tuple[str, ...], written: Any) -> None:
    what = f"{cls.__qualname__}.{name}"
    if isinstance(written, property):
        raise DefinitionError(f"{what} is a property; make it a method: remove @property")
    if not isinstance(written, FunctionType):
        return  # a decorated or borrowed callable: its signature shows only when it is called
    if name == "run" and (inspect.isgeneratorfunction(written) or inspect.isasyncgenfunction(written)):
        raise DefinitionError(
            f"{what} contains yield, so calling it would run nothing; store results with output.store(…), "
            f"or derive from DynamicTask and yield tasks from generate()"
        )
    if name not in _MAY_BE_ASYNC and inspect.iscoroutinefunction(written):
        raise DefinitionError(f"{what} is async, but it only describes; make it a plain def")
    if not _accepts(written, 1 + len(arguments)):
        call = f"{name}({', '.join(('self', *arguments))})"
        raise DefinitionError(f"{what}{inspect.signature(written)} is called as {call}; write def {call}")


def _accepts(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function, follow_wrapped=False).bind(*range(count))
    except TypeError:
        return False
    return True
