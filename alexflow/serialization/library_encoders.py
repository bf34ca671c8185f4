"""Encoders of values that other libraries define, none of which is imported here.

They follow :mod:`alexflow.identity.library_values`: what has a form there has one here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from alexflow.errors import IdentityError
from alexflow.identity import canonical, dtype_text, fields_of_model, function_name, is_attrs, loaded, qualified_name
from alexflow.serialization.encode import TAG, Form, ValueWriter
from alexflow.serialization.fault import DocumentFault


def library_form_of(value: Any, kind: type) -> Form | None:
    """The encoder for a value of a library; None if it has none."""
    form = _EXACT.get(kind)
    if form is not None:
        return form
    if isinstance(value, loaded("numpy", "dtype")):
        return _dtype
    if isinstance(value, loaded("torch", "dtype")):
        return _torch_dtype
    if isinstance(value, loaded("pydantic.main", "BaseModel")):
        return _model
    if is_attrs(kind):
        return _attrs
    return _function if callable(value) and function_name(value) is not None else None


def _refuse_unidentified(value: Any) -> None:
    """Refuse what has no identity either, with its reason."""
    try:
        canonical(value, [])
    except IdentityError as error:
        raise DocumentFault(str(error)) from None


def _range(writer: ValueWriter, value: range) -> Any:
    return {TAG: "range", **{name: writer.write(getattr(value, name)) for name in ("start", "stop", "step")}}


def _fraction(writer: ValueWriter, value: Fraction) -> Any:
    return {TAG: "fraction", **{name: writer.write(getattr(value, name)) for name in ("numerator", "denominator")}}


def _zone(writer: ValueWriter, value: ZoneInfo) -> Any:
    _refuse_unidentified(value)
    return {TAG: "zone", "name": value.key}


def _pattern(writer: ValueWriter, value: re.Pattern[Any]) -> Any:
    return {TAG: "pattern", "value": writer.write(value.pattern), "flags": value.flags}


def _partial(writer: ValueWriter, value: functools.partial[Any]) -> Any:
    return {
        TAG: "partial",
        "function": writer.write_at(value.func, ".func"),
        "args": [writer.write_at(item, f".args[{index}]") for index, item in enumerate(value.args)],
        "keywords": [[name, writer.write_at(item, f".keywords[{name!r}]")] for name, item in value.keywords.items()],
    }


def _function(writer: ValueWriter, value: Any) -> Any:
    return {TAG: "function", "name": function_name(value)}


def _dtype(writer: ValueWriter, value: Any) -> Any:
    _refuse_unidentified(value)
    if value.names is not None:
        fields = [[name, _dtype(writer, value.fields[name][0]), value.fields[name][1]] for name in value.names]
        return {TAG: "dtype", "fields": fields, "itemsize": value.itemsize}
    if value.subdtype is not None:
        return {TAG: "dtype", "base": _dtype(writer, value.base), "shape": list(value.shape)}
    return {TAG: "dtype", "value": dtype_text(value)}


def _torch_dtype(writer: ValueWriter, value: Any) -> Any:
    return {TAG: "torch.dtype", "name": str(value).removeprefix("torch.")}


def _model(writer: ValueWriter, value: Any) -> Any:
    return _with_fields(writer, "model", value, fields_of_model(value))


def _attrs(writer: ValueWriter, value: Any) -> Any:
    _refuse_unidentified(value)
    attributes = (attribute for attribute in type(value).__attrs_attrs__ if attribute.init)
    return _with_fields(writer, "attrs", value, ((each.name, getattr(value, each.name)) for each in attributes))


def _with_fields(writer: ValueWriter, tag: str, value: Any, fields: Iterable[tuple[str, Any]]) -> Any:
    written = {name: writer.write_at(item, f".{name}") for name, item in fields}
    return {TAG: tag, "class": qualified_name(type(value)), "fields": written}


_EXACT: dict[type, Form] = {
    range: _range,
    Fraction: _fraction,
    ZoneInfo: _zone,
    re.Pattern: _pattern,
    functools.partial: _partial,
}
