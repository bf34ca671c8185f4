"""Decoders of values that other libraries define. A library is imported only if the document's reader allows it."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from alexflow.hooks import a_thing
from alexflow.identity import loaded, short_repr
from alexflow.serialization.decode import TagReader, ValueReader, make, parse, parts
from alexflow.serialization.fault import DocumentFault, key_step, user_code_fault
from alexflow.serialization.resolve import ATTRS, MODEL, TYPE, ReferenceKind

#: Flags that a pattern may have: not the one that prints it.
_FLAGS = re.ASCII | re.IGNORECASE | re.LOCALE | re.MULTILINE | re.DOTALL | re.UNICODE | re.VERBOSE


def _integers(make_value: Any, *names: str) -> TagReader:
    def read(reader: ValueReader, data: Any) -> Any:
        numbers = [reader.read_at(part, f".{name}") for part, name in zip(parts(data, names), names, strict=True)]
        if not all(type(number) is int for number in numbers):
            raise DocumentFault(f"{' and '.join(map(repr, names))} are integers")
        try:
            return make_value(*numbers)
        except (ValueError, ZeroDivisionError) as error:
            raise DocumentFault(str(error)) from error

    return read


def _zone(reader: ValueReader, data: Any) -> Any:
    (name,) = parts(data, ("name",))
    return parse(ZoneInfo, name, str, ".name")


def _pattern(reader: ValueReader, data: Any) -> Any:
    text, flags = parts(data, ("value", "flags"))
    text = reader.read_at(text, ".value")
    if type(text) not in (str, bytes):
        raise DocumentFault(f"expected str or bytes, not {type(text).__name__}").at(".value")
    if type(flags) is not int or flags & ~_FLAGS:
        raise DocumentFault(f"{short_repr(flags)} are not flags of a pattern").at(".flags")
    try:
        return re.compile(text, flags)
    except Exception as error:  # of the pattern
        raise user_code_fault(f"{short_repr(text)} is malformed: ", error).at(".value") from error


def _partial(reader: ValueReader, data: Any) -> Any:
    function, args, keywords = parts(data, ("function", "args", "keywords"))
    function = reader.read_at(function, ".function")
    if not callable(function):
        raise DocumentFault(f"{a_thing(type(function).__name__)} cannot be called").at(".function")
    if type(keywords) is not list or not all(type(each) is list and len(each) == 2 for each in keywords):
        raise DocumentFault("expected a list of names with their values").at(".keywords")
    named: dict[str, Any] = {}
    for index, (name, item) in enumerate(keywords):
        if type(name) is not str:
            raise DocumentFault(f"expected a name, not {short_repr(name)}").at(f".keywords[{index}]")
        named[name] = reader.read_at(item, f".keywords[{index}][1]")
    return functools.partial(function, *reader.read_items(args, ".args"), **named)


# -- dtypes


def _dtype(reader: ValueReader, data: Any) -> Any:
    text, base, shape, fields, size = parts(data, (), ("value", "base", "shape", "fields", "itemsize"))
    numpy: Any = reader.resolver.module("numpy")
    if text is not None:
        return _simple_dtype(reader, numpy, text)
    if base is not None:
        return _made_dtype(numpy, (_inner_dtype(reader, base, ".base"), tuple(reader.read_items(shape, ".shape"))))
    if type(fields) is not list or not all(type(field) is list and len(field) == 3 for field in fields):
        raise DocumentFault("expected a list of names, dtypes and offsets").at(".fields")
    formats = [_inner_dtype(reader, field[1], f".fields[{index}][1]") for index, field in enumerate(fields)]
    names, offsets = [field[0] for field in fields], [field[2] for field in fields]
    return _made_dtype(numpy, {"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


def _inner_dtype(reader: ValueReader, data: Any, step: str) -> Any:
    found = reader.read_at(data, step)
    if not isinstance(found, loaded("numpy", "dtype")):
        raise DocumentFault("expected a dtype").at(step)
    return found


def _simple_dtype(reader: ValueReader, numpy: Any, text: Any) -> Any:
    if type(text) is str and ":" in text:
        return _made_dtype(numpy, reader.resolve(text, TYPE, ".value"))
    if type(text) is not str or text[:1] not in ("=", "<", ">", "|"):
        raise DocumentFault(f"{short_repr(text)} is not a dtype").at(".value")
    return _made_dtype(numpy, text)


def _made_dtype(numpy: Any, description: Any) -> Any:
    try:
        return numpy.dtype(description)
    except Exception as error:  # NumPy raises several
        raise user_code_fault("no dtype: ", error) from error


def _torch_dtype(reader: ValueReader, data: Any) -> Any:
    (name,) = parts(data, ("name",))
    torch = reader.resolver.module("torch")
    found = vars(torch).get(name) if type(name) is str else None
    if not isinstance(found, loaded("torch", "dtype")):
        raise DocumentFault(f"torch has no dtype {short_repr(name)}").at(".name")
    return found


# -- classes by their fields


def _fields(reader: ValueReader, data: Any, kind: ReferenceKind) -> tuple[Any, dict[str, Any]]:
    name, fields = parts(data, ("class", "fields"))
    cls = reader.resolve(name, kind)
    if type(fields) is not dict:
        raise DocumentFault(f"expected an object, not {type(fields).__name__}").at(".fields")
    return cls, {key: reader.read_at(item, f".fields{key_step(str(key))}") for key, item in fields.items()}


def _model(reader: ValueReader, data: Any) -> Any:
    cls, fields = _fields(reader, data, MODEL)
    aliases = {name: _alias(field, name) for name, field in cls.model_fields.items()}
    return make(cls, {aliases.get(name, name): value for name, value in fields.items()})


def _alias(field: Any, name: str) -> str:
    """The name that the constructor takes a field by."""
    alias = field.validation_alias if isinstance(field.validation_alias, str) else field.alias
    return alias if isinstance(alias, str) else name


def _attrs(reader: ValueReader, data: Any) -> Any:
    cls, fields = _fields(reader, data, ATTRS)
    aliases = {attribute.name: getattr(attribute, "alias", attribute.name) for attribute in cls.__attrs_attrs__}
    return make(cls, {aliases.get(name, name): value for name, value in fields.items()})


#: Tags of version 1.
LIBRARY_TAGS: Mapping[str, TagReader] = {
    "range": _integers(range, "start", "stop", "step"),
    "fraction": _integers(Fraction, "numerator", "denominator"),
    "zone": _zone,
    "pattern": _pattern,
    "partial": _partial,
    "dtype": _dtype,
    "torch.dtype": _torch_dtype,
    "model": _model,
    "attrs": _attrs,
}
