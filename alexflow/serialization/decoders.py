"""Decoders of tagged objects: one function per tag.

Nothing that a document names is called but the constructors of output, storage, dataclass, struct, namedtuple, enum
and path classes, each of which has been found to be one.
"""

from __future__ import annotations

import base64
import enum
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from alexflow.errors import InvalidKey
from alexflow.hooks import a_thing
from alexflow.identity import short_repr
from alexflow.serialization.declared_outputs import as_declared
from alexflow.serialization.decode import TagReader, ValueReader, check_hashes, make, parse, parts
from alexflow.serialization.encode import TAG
from alexflow.serialization.fault import DocumentFault, key_step, user_code_fault
from alexflow.serialization.fields import OUTPUT_PLACES
from alexflow.serialization.library_decoders import LIBRARY_TAGS
from alexflow.serialization.resolve import (
    DATACLASS,
    ENUM,
    FUNCTION,
    NAMEDTUPLE,
    OUTPUT,
    PATH,
    STORAGE,
    STRUCT,
    TYPE,
    ReferenceKind,
)
from alexflow.storage import check_key

# -- builtins


def _text(convert: Callable[[str], Any]) -> TagReader:
    def read(reader: ValueReader, data: Any) -> Any:
        (text,) = parts(data, ("value",))
        return parse(convert, text)

    return read


def _items(collect: Callable[[Iterable[Any]], Any]) -> TagReader:
    def read(reader: ValueReader, data: Any) -> Any:
        (items,) = parts(data, ("items",))
        return _collected(collect, reader.read_items(items, ".items"), data[TAG], ".items")

    return read


def _collected(collect: Callable[[Iterable[Any]], Any], values: list[Any], tag: str, step: str) -> Any:
    try:
        if tag != "tuple":
            check_hashes((value[0] for value in values) if step == ".entries" else values)
        collection = collect(values)
    except BaseException as error:  # of a value's own __hash__ and __eq__
        raise user_code_fault(f"not for a {tag}: ", error).at(step) from error
    if len(collection) != len(values):
        raise DocumentFault(f"two of them are equal, which a {tag} cannot hold").at(step)
    return collection


def _entries(collect: Callable[[Iterable[Any]], Any]) -> TagReader:
    def read(reader: ValueReader, data: Any) -> Any:
        (entries,) = parts(data, ("entries",))
        if type(entries) is not list:
            raise DocumentFault(f"expected a list, not {type(entries).__name__}").at(".entries")
        pairs = [_entry(reader, entry, f".entries[{index}]") for index, entry in enumerate(entries)]
        return _collected(collect, pairs, data[TAG], ".entries")

    return read


def _entry(reader: ValueReader, data: Any, step: str) -> tuple[Any, Any]:
    if type(data) is not list or len(data) != 2:
        raise DocumentFault("expected a list of a key and a value").at(step)
    key, value = reader.read_items(data, step)
    if not _is_hashable(key):
        raise DocumentFault(f"{a_thing(type(key).__name__)} cannot be a key").at(f"{step}[0]")
    return key, value


def _is_hashable(value: Any) -> bool:
    try:  # isinstance(…, Hashable) says yes to a tuple of lists
        hash(value)
    except Exception:  # of the value's own __hash__
        return False
    return isinstance(value, Hashable)


def _hexadecimal(text: str) -> int:
    digits = text.removeprefix("-")
    if not digits.startswith("0x"):
        raise ValueError("expected 0x… or -0x…")
    return int(text, 16)


def _not_finite(text: str) -> float:
    if text not in ("nan", "inf", "-inf"):
        raise ValueError("expected nan, inf or -inf")
    return float(text)


def _complex(reader: ValueReader, data: Any) -> Any:
    real, imag = parts(data, ("real", "imag"))
    real, imag = reader.read_at(real, ".real"), reader.read_at(imag, ".imag")
    if type(real) is not float or type(imag) is not float:
        raise DocumentFault("'real' and 'imag' are floats")
    return complex(real, imag)


def _moment(convert: Callable[[str], Any]) -> TagReader:
    def read(reader: ValueReader, data: Any) -> Any:
        text, zone, fold = parts(data, ("value",), ("zone", "fold"))
        moment = parse(convert, text)
        if fold is not None:
            moment = parse(lambda fold: moment.replace(fold=fold), fold, int, ".fold")
        return moment if zone is None else moment.replace(tzinfo=parse(ZoneInfo, zone, str, ".zone"))

    return read


def _timedelta(reader: ValueReader, data: Any) -> Any:
    names = ("days", "seconds", "microseconds")
    numbers = [parse(int, part, int, f".{name}") for part, name in zip(parts(data, names), names, strict=True)]
    try:
        return timedelta(*numbers)
    except OverflowError as error:
        raise DocumentFault(str(error)) from error


def _path(reader: ValueReader, data: Any) -> Any:
    text, pure, name = parts(data, ("value",), ("pure", "class"))
    if name is not None:
        cls = reader.resolve(name, PATH)
    elif pure is None or pure in ("posix", "windows"):
        cls = {None: Path, "posix": PurePosixPath, "windows": PureWindowsPath}[pure]
    else:
        raise DocumentFault(f"expected 'posix' or 'windows', not {short_repr(pure)}").at(".pure")
    return parse(cls, text)


# -- what has a name


def _named(kind: ReferenceKind) -> TagReader:
    def read(reader: ValueReader, data: Any) -> Any:
        (name,) = parts(data, ("name",))
        return reader.resolve(name, kind, ".name")

    return read


def _module(reader: ValueReader, data: Any) -> Any:
    (name,) = parts(data, ("name",))
    try:
        return reader.resolver.module(name)
    except DocumentFault as fault:
        raise fault.at(".name") from fault.__cause__


def _enum(reader: ValueReader, data: Any) -> Any:
    name, member, value = parts(data, ("class",), ("name", "value"))
    cls = reader.resolve(name, ENUM)
    if "value" in data:
        if "name" in data:
            raise DocumentFault("'name' and 'value' exclude each other")
        if not (issubclass(cls, enum.Flag) and cls.__members__):
            raise DocumentFault(f"{cls.__qualname__} has no flags to combine").at(".value")
        return parse(cls, value, int)
    if type(member) is not str or member not in cls.__members__:
        raise DocumentFault(f"{cls.__qualname__} has no member {short_repr(member)}").at(".name")
    return cls.__members__[member]


def _dataclass(kind: ReferenceKind) -> TagReader:
    def read(reader: ValueReader, data: Any) -> Any:
        name, fields = parts(data, ("class", "fields"))
        cls = reader.resolve(name, kind)
        return make(cls, reader.read_fields(fields, cls))

    return read


def _struct(reader: ValueReader, data: Any) -> Any:
    name, fields = parts(data, ("class", "fields"))
    cls = reader.resolve(name, STRUCT)
    if type(fields) is not dict:
        raise DocumentFault(f"expected an object, not {type(fields).__name__}").at(".fields")
    return make(cls, {key: reader.read_at(item, f".fields{key_step(str(key))}") for key, item in fields.items()})


def _namedtuple(reader: ValueReader, data: Any) -> Any:
    name, items = parts(data, ("class", "items"))
    cls = reader.resolve(name, NAMEDTUPLE)
    values = reader.read_items(items, ".items")
    if len(values) != len(cls._fields):
        raise DocumentFault(f"{cls.__qualname__} has {len(cls._fields)} items, not {len(values)}").at(".items")
    return make(cls, dict(zip(cls._fields, values, strict=True)))


def _task(reader: ValueReader, data: Any) -> Any:
    (node_id,) = parts(data, ("id",))
    return reader.task(node_id, ".id")


def _output(reader: ValueReader, data: Any) -> Any:
    name, node_id, key, ephemeral, fields = parts(data, ("class", "task", "key"), ("ephemeral", "fields"))
    task = reader.task(node_id, ".task")
    cls = reader.resolve(name, OUTPUT)
    if type(key) is not str:
        raise DocumentFault(f"expected str, not {type(key).__name__}").at(".key")
    try:
        check_key(key)  # here, for the class may have a __post_init__ of its own
    except InvalidKey as error:
        raise DocumentFault(str(error)).at(".key") from error
    if ephemeral is not None and type(ephemeral) is not bool:
        raise DocumentFault(f"expected bool, not {type(ephemeral).__name__}").at(".ephemeral")
    further = reader.read_fields({} if fields is None else fields, cls, OUTPUT_PLACES)
    output = make(cls, {"src_task": task, "key": key, "ephemeral": bool(ephemeral), **further})
    return as_declared(output) if reader.resolver.is_bounded else output


#: All tags of version 1.
TAGS: Mapping[str, TagReader] = {
    "tuple": _items(tuple),
    "set": _items(set),
    "frozenset": _items(frozenset),
    "dict": _entries(dict),
    "odict": _entries(OrderedDict),
    "bytes": _text(lambda text: base64.b64decode(text, validate=True)),
    "int": _text(_hexadecimal),
    "float": _text(_not_finite),
    "complex": _complex,
    "decimal": _text(Decimal),
    "uuid": _text(UUID),
    "datetime": _moment(datetime.fromisoformat),
    "date": _text(date.fromisoformat),
    "time": _moment(time.fromisoformat),
    "timedelta": _timedelta,
    "path": _path,
    "type": _named(TYPE),
    "function": _named(FUNCTION),
    "module": _module,
    "enum": _enum,
    "dataclass": _dataclass(DATACLASS),
    "storage": _dataclass(STORAGE),
    "struct": _struct,
    "namedtuple": _namedtuple,
    "task": _task,
    "output": _output,
    **LIBRARY_TAGS,
}
