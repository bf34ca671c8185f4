"""The type of a function's value, and the format that it is stored in where none is named.

JSON is chosen where every value of the annotated type comes back as it was. All else is for the user to name: pickle is
never a default, for loading it runs code.
"""

from __future__ import annotations

import types
import typing
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from typing import Any, Literal, Union, get_args, get_origin

_ITSELF = (type(None), None, bool, int, float, str)

#: Formats for types of other libraries, by the first part of the module and the type's name.
_FORMATS = {
    ("numpy", "ndarray"): "NumpyOutput",
    ("pandas", "DataFrame"): "PandasOutput",
    ("polars", "DataFrame"): "PolarsOutput",
    ("polars", "LazyFrame"): "PolarsOutput",
    ("pyarrow", "Table"): "ParquetOutput",
    ("scipy", ""): "SparseOutput",
    ("torch", ""): "TorchOutput",
    ("builtins", "bytes"): "BytesOutput",
    ("pathlib", ""): "DirectoryOutput",
}

_YIELDING = (Generator, Iterator, Iterable, AsyncGenerator, AsyncIterator, AsyncIterable)


def value_type(annotation: Any, *, yields: bool) -> Any:
    """The type of the stored value: of a generator, that of what it returns.

    Args:
        annotation: the function's return annotation.
        yields: whether the function is a generator.
    """
    if not yields or get_origin(annotation) not in _YIELDING:
        return annotation
    arguments = get_args(annotation)
    return arguments[2] if get_origin(annotation) is Generator and len(arguments) == 3 else None


def may_be_none(annotation: Any) -> bool:
    """Whether a function with this return annotation may return None, as far as the annotation can say."""
    inner = _type_behind(annotation)
    if inner is not None:
        return may_be_none(inner)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(map(may_be_none, arguments))
    if origin is Literal:
        return None in arguments
    cls = annotation if origin is None else origin
    try:
        return not isinstance(cls, type) or isinstance(None, cls)
    except Exception:  # a protocol, or a class that decides by itself
        return True


def comes_back_from_json(annotation: Any) -> bool:
    """Whether JSON gives back every value of a type as it was, as far as the annotation can say."""
    pending, seen = [annotation], set[int]()
    while pending:
        each = pending.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        inner = _parts(each)
        if inner is None:
            return False
        pending += inner
    return True


def _type_behind(annotation: Any) -> Any:
    """The type that another one is a name or a description of; None if it is neither."""
    if isinstance(annotation, typing.NewType):
        return annotation.__supertype__
    if hasattr(annotation, "__value__"):  # `type X = ...`
        return annotation.__value__
    return get_args(annotation)[0] if get_origin(annotation) is typing.Annotated else None


def _parts(annotation: Any) -> list[Any] | None:
    """The types inside a type that JSON keeps; None for one that it does not keep."""
    if annotation in _ITSELF:
        return []
    inner = _type_behind(annotation)
    if inner is not None:
        return [inner]
    if typing.is_typeddict(annotation):
        return list(typing.get_type_hints(annotation).values())
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return list(arguments)
    if origin in (typing.Required, typing.NotRequired):
        return [arguments[0]]
    if origin is Literal:
        return [] if all(type(each) in _ITSELF for each in arguments) else None
    if origin is list:
        return list(arguments)
    if origin is dict and arguments[0] is str:
        return [arguments[1]]
    return None


def formats_for(annotation: Any) -> str:
    """Names of the formats that would do for a type, for a message."""
    cls = get_origin(annotation) or annotation
    if not isinstance(cls, type):
        return "JSONOutput for plain data, or another of alexflow.formats"
    top, name = cls.__module__.partition(".")[0], cls.__qualname__
    found = _FORMATS.get((top, name)) or _FORMATS.get((top, ""))
    if found:
        return found
    if issubclass(cls, list | dict):
        return (
            "JSONOutput for plain data, BinaryOutput (pickle) for any; or say what it holds, as in list[dict[str, int]]"
        )
    if issubclass(cls, tuple | set | frozenset):
        return "MsgpackOutput or JSONOutput for plain data, BinaryOutput (pickle) for any"
    if hasattr(cls, "__dataclass_fields__"):
        return "SerializableOutput, or BinaryOutput (pickle)"
    return "BinaryOutput (pickle; load only what you trust), or another of alexflow.formats"
