"""Encoders by type: values that JSON has stand for themselves, all others are objects with a tag.

docs/design/documents.md states the rule. It covers what has an identity (:mod:`alexflow.identity.canonical`), and keeps
a little more, so that what comes back is the same value and not merely one with an equal id: a date's time zone, fields
that are not significant, the class of an output.
"""

from __future__ import annotations

import base64
import enum
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from alexflow.errors import IdentityError
from alexflow.hooks import a_thing, class_name
from alexflow.identity import (
    PLAIN,
    canonical,
    decimal_text,
    is_dataclass,
    is_namedtuple,
    module_name,
    qualified_name,
    short_repr,
    surrogate_refusal,
)
from alexflow.model import AbstractTask, Output, task_behind
from alexflow.serialization.encode import TAG, Form, NodeReference, ValueWriter
from alexflow.serialization.fault import DocumentFault
from alexflow.serialization.fields import OUTPUT_PLACES
from alexflow.serialization.library_encoders import library_form_of
from alexflow.storage import Storage

_packb = msgspec.msgpack.Encoder().encode

# -- plain data


def _str(writer: ValueWriter, value: str) -> Any:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise DocumentFault(f"not a text that UTF-8 can write: {surrogate_refusal(error)}") from None
    return value


def _int(writer: ValueWriter, value: int) -> Any:
    # hexadecimal: Python refuses to read more than 4,300 decimal digits
    return value if -(2**63) <= value < 2**64 else {TAG: "int", "value": f"{value:#x}"}


def _float(writer: ValueWriter, value: float) -> Any:
    return value if math.isfinite(value) else {TAG: "float", "value": str(value)}


def _list(writer: ValueWriter, value: list[Any]) -> Any:
    return writer.write_items(value)


def _dict(writer: ValueWriter, value: dict[Any, Any]) -> Any:
    if TAG in value or not all(type(key) is str for key in value):
        return {TAG: "dict", "entries": _entries(writer, value)}
    return {_str(writer, key): writer.write_at(item, f"[{short_repr(key)}]") for key, item in value.items()}


def _ordered_dict(writer: ValueWriter, value: OrderedDict[Any, Any]) -> Any:
    return {TAG: "odict", "entries": _entries(writer, value)}


def _entries(writer: ValueWriter, value: Mapping[Any, Any]) -> list[list[Any]]:
    return [
        [writer.write_at(key, f"[{short_repr(key)}] (the key)"), writer.write_at(item, f"[{short_repr(key)}]")]
        for key, item in value.items()
    ]


def _items(tag: str) -> Form:
    return lambda writer, value: {TAG: tag, "items": writer.write_items(value)}


def _set_items(tag: str) -> Form:
    def write(writer: ValueWriter, value: Iterable[Any]) -> Any:
        items = [writer.write_apart(item, "{…}") for item in value]
        items.sort(key=_in_one_order)
        # nodes follow the references, so those must not stand in the order of the hashes either
        writer.references.extend(reference for _, _, references in items for reference in references)
        return {TAG: tag, "items": [data for data, _, _ in items]}

    return write


def _in_one_order(item: tuple[Any, type, list[NodeReference]]) -> tuple[bytes, str, list[str]]:
    """By the bytes; a task and a wrapper around it have one id, so by the classes then."""
    data, kind, references = item
    return _packb(data), qualified_name(kind), [qualified_name(type(reference.task)) for reference in references]


def _complex(writer: ValueWriter, value: complex) -> Any:
    return {TAG: "complex", "real": _float(writer, value.real), "imag": _float(writer, value.imag)}


def _text(tag: str, text: Callable[[Any], str]) -> Form:
    return lambda writer, value: {TAG: tag, "value": text(value)}


def _moment(tag: str) -> Form:
    def write(writer: ValueWriter, value: datetime | time) -> Any:
        data: dict[str, Any] = {TAG: tag, "value": value.isoformat()}
        if isinstance(value.tzinfo, ZoneInfo) and value.tzinfo.key is not None:
            data["zone"] = value.tzinfo.key  # the text has only the offset
        if value.fold:
            data["fold"] = value.fold
        return data

    return write


def _timedelta(writer: ValueWriter, value: timedelta) -> Any:
    return {TAG: "timedelta", "days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}


def _module(writer: ValueWriter, value: ModuleType) -> Any:
    return {TAG: "module", "name": module_name(value.__name__)}


def _function(writer: ValueWriter, value: FunctionType | BuiltinFunctionType) -> Any:
    try:
        canonical(value, [])  # refuses what cannot be named from outside
    except IdentityError as error:
        raise DocumentFault(str(error)) from None
    return {TAG: "function", "name": qualified_name(value)}


_FORMS: dict[type, Form] = {
    str: _str,
    int: _int,
    float: _float,
    complex: _complex,
    bytes: _text("bytes", lambda value: base64.b64encode(value).decode("ascii")),
    list: _list,
    tuple: _items("tuple"),
    dict: _dict,
    OrderedDict: _ordered_dict,
    set: _set_items("set"),
    frozenset: _set_items("frozenset"),
    Decimal: _text("decimal", decimal_text),
    UUID: _text("uuid", str),
    datetime: _moment("datetime"),
    date: _text("date", date.isoformat),
    time: _moment("time"),
    timedelta: _timedelta,
    FunctionType: _function,
    BuiltinFunctionType: _function,
    ModuleType: _module,
}


# -- values of named classes


def form_of(value: Any, kind: type) -> Form:
    """The encoder for a value of the type ``kind``; raises DocumentFault if there is none."""
    return _FORMS.get(kind) or _form_of_user_type(value, kind)


def _form_of_user_type(value: Any, kind: type) -> Form:
    # asked in the order in which identity asks, for what is two of these at once
    for belongs, write in _USER_TYPES:
        if isinstance(value, belongs):
            return write
    if is_dataclass(kind) and not issubclass(kind, PLAIN):
        return _object("dataclass")
    if isinstance(value, msgspec.Struct):
        return _struct
    if is_namedtuple(kind):
        return _namedtuple
    form = library_form_of(value, kind)
    if form is not None:
        return form
    raise DocumentFault(
        f"{a_thing(class_name(kind))} cannot be written to a document; use plain values, enums, "
        f"dataclasses, module-level functions or classes, tasks or outputs, or give the field `encode` and "
        f"`decode` metadata"
    )


def _task(writer: ValueWriter, value: AbstractTask) -> Any:
    return writer.refer({TAG: "task"}, "id", value)


def _output(writer: ValueWriter, value: Output[Any]) -> Any:
    """Without the storage it may be bound to: where it lies is the reader's to say, and credentials stay out."""
    data: dict[str, Any] = {
        TAG: "output",
        "class": qualified_name(type(value)),
        "task": None,
        "key": _str(writer, value.key),
    }
    writer.refer(data, "task", task_behind(value))
    if value.ephemeral:
        data["ephemeral"] = True
    fields = writer.write_fields(value, OUTPUT_PLACES)
    if fields:
        data["fields"] = fields
    return data


def _storage(writer: ValueWriter, value: Storage) -> Any:
    kind = type(value)
    if value.process_local or not is_dataclass(kind):
        raise DocumentFault(
            f"{a_thing(kind.__qualname__)} exists in this process only; "
            "use a storage with a place, such as LocalStorage"
        )
    return _object("storage")(writer, value)


def _type(writer: ValueWriter, value: type) -> Any:
    return {TAG: "type", "name": qualified_name(value)}


def _enum(writer: ValueWriter, value: enum.Enum) -> Any:
    data: dict[str, Any] = {TAG: "enum", "class": qualified_name(type(value))}
    if value._name_ in type(value).__members__:  # not .name, which a class may define anew
        data["name"] = value._name_
    else:  # several flags at once
        data["value"] = value.value
    return data


def _path(writer: ValueWriter, value: PurePath) -> Any:
    data = {TAG: "path", "value": _str(writer, value.as_posix())}
    kind = type(value)
    if kind is PurePosixPath:
        data["pure"] = "posix"
    elif kind is PureWindowsPath:
        data["pure"] = "windows"
    elif kind is not type(Path()):
        data["class"] = qualified_name(kind)
    return data


def _object(tag: str) -> Form:
    return lambda writer, value: {
        TAG: tag,
        "class": qualified_name(type(value)),
        "fields": writer.write_fields(value),
    }


def _struct(writer: ValueWriter, value: msgspec.Struct) -> Any:
    fields = {name: writer.write_at(getattr(value, name), f".{name}") for name in value.__struct_fields__}
    return {TAG: "struct", "class": qualified_name(type(value)), "fields": fields}


def _namedtuple(writer: ValueWriter, value: tuple[Any, ...]) -> Any:
    return {TAG: "namedtuple", "class": qualified_name(type(value)), "items": writer.write_items(value)}


_USER_TYPES: tuple[tuple[type, Form], ...] = (
    (AbstractTask, _task),
    (Output, _output),
    (Storage, _storage),
    (type, _type),
    (enum.Enum, _enum),
    (PurePath, _path),
)
