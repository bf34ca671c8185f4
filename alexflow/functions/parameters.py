"""Parameters of a function that is to be a task: each has a name, a type, and a default that calls may share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any

from alexflow.errors import DefinitionError
from alexflow.hooks import a_thing


def parameters_of(function: Callable[..., Any], name: str) -> list[Parameter]:
    """The parameters of a function.

    Raises:
        DefinitionError: one of them cannot be a field; the message names it, and what to do.
    """
    parameters = list(inspect.signature(function).parameters.values())
    for parameter in parameters:
        fault = _fault(parameter, name) or _fault_of_default(parameter, name)
        if fault is not None:
            raise DefinitionError(fault)
    return parameters


def _fault(parameter: Parameter, name: str) -> str | None:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"{name} takes *{parameter.name}, but each parameter of a task has a name; take a list"
    if parameter.kind is parameter.VAR_KEYWORD:
        return f"{name} takes **{parameter.name}, but each parameter of a task has a name of its own; take a dict"
    what = f"the parameter {parameter.name!r} of {name}"
    if parameter.kind is parameter.POSITIONAL_ONLY:
        return f"{what} is positional-only, but documents hold it by name; remove the '/'"
    if parameter.annotation is not parameter.empty:
        return None
    if parameter.name in ("self", "cls") and "." in name:
        return (
            f"{name} is a method; @alexflow.task is for functions: move it out of the class, and make what it needs "
            f"of {parameter.name!r} its parameters"
        )
    return f"{what} has no annotation; annotate it, as {parameter.name}: int, or {parameter.name}: Output[int]"


def _fault_of_default(parameter: Parameter, name: str) -> str | None:
    default = parameter.default
    if default is parameter.empty or type(default).__hash__ is not None:
        return None
    kind = type(default).__name__
    return (
        f"the default of {name}.{parameter.name} is {a_thing(kind)}, which all calls would share; "
        f"make it None{', or a tuple' if kind == 'list' else ''}"
    )
