"""The global or attribute because of which a class or function cannot be pickled, for the message."""

from __future__ import annotations

import io
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from cloudpickle.cloudpickle import _extract_code_globals

from alexflow.executors.process.by_value import ValuePickler, its_module_by_value
from alexflow.hooks import an_instance, class_name, text_of

REMEDY = (
    "make it inside run(), put it into a module that can be imported, or set "
    "options = TaskOptions(executor='thread') on the task's class"
)


def explain_unpicklable(thing: type | FunctionType, error: BaseException) -> str:
    """Return the reason why a class or function cannot travel, for the message.

    Args:
        thing: the class or function.
        error: what was raised when it was pickled.
    """
    name = thing.__qualname__
    try:
        with its_module_by_value(thing):
            found = _found(thing)
        found = found or f"{class_name(type(error))}: {text_of(error)}"
    except BaseException:  # of the user's, in what is looked at
        found = f"{class_name(type(error))}: {text_of(error)}"
    return f"{name} cannot be sent to a worker process: {found}; {REMEDY}"


def _found(thing: Any) -> str:
    """Goes from a class to its functions, and from those to what they use, as far as that can be found."""
    where, found = thing.__qualname__, ""
    seen: set[int] = set()
    while id(thing) not in seen:
        seen.add(id(thing))
        for said, part in parts_of(thing):
            trouble = _trouble(part)
            if trouble is None or id(part) in seen:
                continue
            if isinstance(part, type | FunctionType):
                thing, where = part, part.__qualname__
            else:
                found = f"{where} {said}, {an_instance(part)}: {text_of(trouble)}"
            break
        if found:
            break
    return found


def parts_of(thing: type | FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a class or function uses, each with the words that say how."""
    if isinstance(thing, type):
        for name, value in vars(thing).items():
            yield f"has the attribute {name}", _function_of(value)
        for base in thing.__bases__:
            yield f"derives from {base.__qualname__}", base
        return
    for name in _extract_code_globals(thing.__code__):
        if name in thing.__globals__:
            yield f"uses the global {name}", thing.__globals__[name]
    for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=True):
        yield f"uses the variable {name} of the function around it", cell.cell_contents
    for value in (*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()):
        yield "has a default", value


def _function_of(member: Any) -> Any:
    """The function behind a class method, property or the like."""
    for name in ("__func__", "fget", "func"):
        function = getattr(member, name, None)
        if isinstance(function, FunctionType):
            return function
    return member


def _trouble(part: Any) -> BaseException | None:
    try:
        ValuePickler(io.BytesIO()).dump(part)
    except BaseException as error:  # whatever a user's object does when it is pickled
        return error
    return None
