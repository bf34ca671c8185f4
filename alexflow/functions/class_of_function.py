"""The task class of a function: its parameters are the fields, the value that it returns is the output."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, get_origin

from alexflow.errors import DefinitionError
from alexflow.formats import JSONOutput
from alexflow.functions.parameters import parameters_of
from alexflow.functions.stored_type import comes_back_from_json, formats_for, may_be_none, value_type
from alexflow.hooks import SHORT_TEXT, repr_of
from alexflow.model import Output, ResourceSpec, Retry, TaskOptions
from alexflow.model.function_task import (
    AsyncFunction,
    AsyncGeneratorFunction,
    FunctionTask,
    GeneratorFunction,
    PlainFunction,
)

#: Types of parameters that an output never stands for.
_PLAIN_TYPES = (int, float, str, bool, bytes)

_KINDS = {"options": TaskOptions, "retry": Retry, "version": str | int, "task_name": str}


def make_class(
    function: Any,
    format: Any,
    key: str,
    settings: Mapping[str, Any],
    resource_spec: ResourceSpec | None,
    tags: Collection[str],
) -> FunctionTask[..., Any]:
    """Make the task class of a function; the arguments are those of :func:`alexflow.task`.

    Raises:
        DefinitionError: the function, or an argument, cannot be used.
    """
    name = _name_of(function)
    _check_settings(name, settings, resource_spec, tags)
    annotations = _annotations_of(function)
    base = _base_of(function)
    parameters = parameters_of(function, name)
    namespace: dict[str, Any] = {
        "__module__": function.__module__,
        "__qualname__": name,
        "__doc__": inspect.getdoc(function) or "",
        "__wrapped__": staticmethod(function),
        "__parameters__": tuple(parameter.name for parameter in parameters),
        "__plain_values__": frozenset(each.name for each in parameters if _is_plain(annotations[each.name])),
        "__outputs_in__": tuple(each.name for each in parameters if _is_output(annotations[each.name])),
        "__stored_as__": (_format_of(name, format, annotations, base), key),
        "__may_be_none__": may_be_none(_returned(annotations, base)),
        "__annotations__": {},
        **settings,
    }
    for parameter in parameters:
        _add_field(namespace, parameter, annotations[parameter.name], name)
    if resource_spec is not None:
        namespace["__annotations__"]["resource_spec"] = ResourceSpec | None
        namespace["resource_spec"] = field(default=resource_spec, repr=False, compare=False, kw_only=True)
    if tags:
        namespace["tags"] = property(_Tags(frozenset(tags)))
    return _made(function.__name__, base, namespace)


def unknown_settings(given: Mapping[str, object]) -> DefinitionError:
    """Make the error for arguments that ``alexflow.task`` has not."""
    name, value = next(iter(given.items()))
    shown = repr_of(value, 80)
    if name in ("retries", "retry_count", "max_retries"):
        remedy = f"write retry=Retry({shown})"
    elif name in Retry.__dataclass_fields__:
        remedy = f"write retry=Retry(…, {name}={shown})"
    elif name in TaskOptions.__dataclass_fields__:
        remedy = f"write options=TaskOptions({name}={shown})"
    else:
        remedy = "parameters of the function are given where it is called"
    return DefinitionError(f"@alexflow.task takes no {name!r}; {remedy}")


def _made(name: str, base: type, namespace: dict[str, Any]) -> FunctionTask[..., Any]:
    cls: FunctionTask[..., Any] = FunctionTask(name, (base,), namespace)
    decorated: Any = dataclass(frozen=True, eq=False, repr=False)(cls)
    decorated.__check_class__()  # what is wrong is said where it is written
    return decorated  # type: ignore[no-any-return]


class _Tags:
    """The tags of a function task, for a property of its class.

    Args:
        tags: these.
    """

    def __init__(self, tags: frozenset[str]):
        self._tags = tags

    def __call__(self, task: object) -> set[str]:
        return set(self._tags)


def _name_of(function: Any) -> str:
    if isinstance(function, type) or not callable(function):
        what = f"the class {function.__qualname__}" if isinstance(function, type) else repr_of(function, SHORT_TEXT)
        remedy = "; derive a class from alexflow.Task" if isinstance(function, type) else ""
        raise DefinitionError(f"@alexflow.task makes a task of a function, not of {what}{remedy}")
    name = getattr(function, "__qualname__", None)
    if not isinstance(name, str) or not isinstance(getattr(function, "__module__", None), str):
        raise DefinitionError(f"@alexflow.task needs a function with a name, which {repr_of(function, 200)} has not")
    if "<lambda>" in name:
        raise DefinitionError("a lambda has no name for the ids of its tasks; write a function: def name(…): …")
    return name


def _base_of(function: Callable[..., Any]) -> type[Any]:
    if inspect.isasyncgenfunction(function):
        return AsyncGeneratorFunction
    if inspect.isgeneratorfunction(function):
        return GeneratorFunction
    return AsyncFunction if inspect.iscoroutinefunction(function) else PlainFunction


def _add_field(namespace: dict[str, Any], parameter: inspect.Parameter, annotation: Any, name: str) -> None:
    namespace["__annotations__"][parameter.name] = annotation
    if parameter.name in namespace or parameter.name == "task":
        raise DefinitionError(
            f"the parameter {parameter.name!r} of {name} has a name that alexflow uses itself; give it another one"
        )
    default = {} if parameter.default is parameter.empty else {"default": parameter.default}
    if parameter.kind is parameter.KEYWORD_ONLY:
        namespace[parameter.name] = field(kw_only=True, **default)
    elif default:
        namespace[parameter.name] = parameter.default


def _is_plain(annotation: Any) -> bool:
    return any(annotation is each for each in _PLAIN_TYPES)


def _is_output(annotation: Any) -> bool:
    cls = get_origin(annotation) or annotation
    return isinstance(cls, type) and issubclass(cls, Output)


def _annotations_of(function: Any) -> dict[str, Any]:
    """The annotations of a function, as types where they can be evaluated, else as text."""
    annotations = inspect.get_annotations(inspect.unwrap(function))
    space = getattr(inspect.unwrap(function), "__globals__", {})
    return {name: _evaluated(annotation, space) for name, annotation in annotations.items()}


def _evaluated(annotation: Any, space: dict[str, Any]) -> Any:
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, space)  # as typing.get_type_hints does
    except Exception:  # names that exist for type checkers only, or are local to a function
        return annotation


def _returned(annotations: Mapping[str, Any], base: type) -> Any:
    """The type of the stored value; Any if the function does not say."""
    yields = issubclass(base, GeneratorFunction | AsyncGeneratorFunction)
    return value_type(annotations["return"], yields=yields) if "return" in annotations else Any


def _format_of(name: str, format: Any, annotations: Mapping[str, Any], base: type) -> type[Output[Any]]:
    if format is not None:
        cls = format if isinstance(format, type) else get_origin(format)
        if not isinstance(cls, type) or not issubclass(cls, Output):
            raise DefinitionError(
                f"the format of {name} is {repr_of(format, 200)}, which is not a format; "
                f"name a class, such as JSONOutput"
            )
        return format  # type: ignore[no-any-return]
    if "return" not in annotations:
        raise DefinitionError(
            f"{name} does not say what it returns, so that no format can be chosen for it; annotate it: "
            f"def {name}(…) -> float, or name one: @alexflow.task(format=JSONOutput)"
        )
    returned = _returned(annotations, base)
    if comes_back_from_json(returned):
        return JSONOutput
    if isinstance(returned, str):
        raise DefinitionError(
            f"{name} returns {returned}, which cannot be evaluated here, so that no format can be chosen for it; "
            f"name one: @alexflow.task(format=JSONOutput)"
        )
    shown = returned.__qualname__ if isinstance(returned, type) and get_origin(returned) is None else str(returned)
    raise DefinitionError(
        f"{name} returns {shown}, which JSON would not give back as it was; name a format: "
        f"@alexflow.task(format=…), {formats_for(returned)}"
    )


def _check_settings(name: str, settings: Mapping[str, Any], resource_spec: object, tags: object) -> None:
    for setting, value in settings.items():
        if not isinstance(value, _KINDS[setting]):
            raise DefinitionError(f"{setting} of {name} is {repr_of(value, 200)}, not a {_KINDS[setting]}")
    if resource_spec is not None and not isinstance(resource_spec, ResourceSpec):
        raise DefinitionError(f"resource_spec of {name} is {repr_of(resource_spec, 200)}, not a ResourceSpec")
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):  # type: ignore[attr-defined]
        raise DefinitionError(f"tags of {name} is {repr_of(tags, 200)}, not a set of strings, such as {{'gpu'}}")
