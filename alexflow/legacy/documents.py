"""The documents of alexflow 1.x: nested JSON in which ``__ser__`` names the class of each object.

    {"_task_spec": "1.0.0", "resource_spec": null, "depth": 3, "__ser__": "training:Train"}

An ancestor is written once for each path that leads to it, which is why :func:`alexflow.serialize` has another format.
Classes are resolved as by :func:`alexflow.deserialize`, with the same checks: only dataclasses are made, no function is
called.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from types import FunctionType, ModuleType
from typing import Any

from alexflow.errors import DefinitionError, DocumentError
from alexflow.hooks import a_thing
from alexflow.identity import PLAIN, is_dataclass, main_module_name, short_repr
from alexflow.legacy.ids import spec_of
from alexflow.legacy.names import former_fields, former_name
from alexflow.model import AbstractTask, Output
from alexflow.model.class_info import field_info
from alexflow.serialization.declared_outputs import as_declared, check_keys_of
from alexflow.serialization.decode import check_hashes, make
from alexflow.serialization.fault import DocumentFault, hook_fault, key_step
from alexflow.serialization.resolve import FUNCTION, TYPE, ReferenceKind, Resolver

#: The key for the class of an object, or another kind of value.
SER = "__ser__"

_SERIALIZER = "dataclass_serializer.dataclass_serializer:"

_SERIALIZABLE = ReferenceKind("a dataclass", lambda cls: is_dataclass(cls) and not issubclass(cls, PLAIN))


# -- writing


def serialize(value: Any) -> Any:
    """Write a value as alexflow 1.1.4 does: a task, an output, a workflow, or a value of a field.

    Returns:
        Plain data for ``json.dumps``, if the value has only types that 1.x supports; it leaves others as they are.

    Raises:
        DocumentError: a task has an id spec that 1.x does not have; the message begins with the path to it.
    """
    try:
        return _written(value)
    except DocumentFault as fault:
        raise fault.as_error(type(value).__qualname__) from fault.__cause__
    except RecursionError:
        raise DocumentError(
            f"{type(value).__qualname__}: nested too deeply for a document of 1.x; use alexflow.serialize"
        ) from None


def _written(value: Any) -> Any:
    if isinstance(value, OrderedDict):
        return {SER: "OrderedDict", "value": [list(item) for item in value.items()]}  # 1.x does not convert its items
    if isinstance(value, dict):
        return {key: _written_at(item, key_step(str(key))) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_written_at(item, f"[{index}]") for index, item in enumerate(value)]
        return items if isinstance(value, list) else {SER: "tuple", "value": items}
    if isinstance(value, set):
        return {SER: "set", "value": list(value)}
    if isinstance(value, type):
        return {SER: "type", "value": former_name(value)}
    if is_dataclass(type(value)):
        return _object(value)
    if isinstance(value, FunctionType):
        return {SER: "function", "value": former_name(value)}
    if isinstance(value, ModuleType):
        return {SER: "module", "value": value.__name__}
    if isinstance(value, datetime):
        return {SER: "datetime", "value": value.isoformat()}
    if isinstance(value, date):
        return {SER: "date", "value": value.strftime("%Y%m%d")}
    if isinstance(value, Decimal):
        return {SER: "Decimal", "value": str(value)}
    return value


def _written_at(value: Any, step: str) -> Any:
    try:
        return _written(value)
    except DocumentFault as fault:
        raise fault.at(step) from fault.__cause__


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, AbstractTask) and spec_of(value) not in ("1.0.0", None):
        raise DocumentFault(
            f"has the id spec {spec_of(value)!r}, which 1.x does not have; "
            f"use alexflow.serialize, or derive its class from alexflow.legacy.Task"
        )
    fields: dict[str, Any] = {}
    for name, field in sorted(former_fields(type(value)), key=lambda named: named[0] != "_task_spec"):  # 1.x: first
        item = getattr(value, field.name)
        if item is not None and field.metadata.get("secret"):
            raise DocumentFault("it is a secret, which no document holds").at(f".{name}")
        encode = field.metadata.get("encode")
        fields[name] = _written_at(item if encode is None else encode(item), f".{name}")
    fields[SER] = former_name(type(value))
    return fields


# -- reading


def deserialize(document: Any, modules: Iterable[str] | None = None) -> Any:
    """Rebuild the value that a document of alexflow 1.x was made from.

    Args:
        document: the document, as ``json.loads`` gives it.
        modules: names of modules that it may use, as for :func:`alexflow.deserialize`. None allows all.

    Raises:
        DocumentError: the document is malformed, or names something missing; the message begins with the path to it.
    """
    resolver = Resolver(modules, own_name=lambda thing: _found_as(former_name(thing)))
    try:
        return _Reader(resolver).read(document)
    except DocumentFault as fault:
        raise fault.as_error() from fault.__cause__
    except RecursionError:
        raise DocumentError("the document is nested too deeply") from None


def _found_as(name: str) -> str:
    """The present name of a class or function that a document names."""
    if name.startswith("__main__:"):
        return main_module_name() + name.removeprefix("__main__")
    if name.startswith(_SERIALIZER):  # the package that 1.x used
        return "alexflow.legacy.serializable:" + name.removeprefix(_SERIALIZER)
    return name


class _Reader:
    def __init__(self, resolver: Resolver):
        self._resolver = resolver

    def read(self, data: Any) -> Any:
        if isinstance(data, list):
            return [self._read_at(item, f"[{index}]") for index, item in enumerate(data)]
        if not isinstance(data, dict):
            return data
        if SER not in data:
            return {key: self._read_at(item, key_step(str(key))) for key, item in data.items()}
        name = data[SER]
        if not isinstance(name, str):
            raise DocumentFault(f"expected a name, not {short_repr(name)}").at(f".{SER}")
        read = _KINDS.get(name)
        if read is None:
            return self._object(name, data)
        if "value" not in data:
            raise DocumentFault("'value' is missing")
        try:
            return read(self, data["value"])
        except DocumentFault as fault:
            raise fault.at(".value") from fault.__cause__
        except (ValueError, TypeError, ArithmeticError, IndexError) as error:
            raise DocumentFault(f"{short_repr(data['value'])} is not the value of {a_thing(name)}: {error}").at(
                ".value"
            ) from error

    def resolve(self, name: Any, kind: ReferenceKind) -> Any:
        return self._resolver.resolve(_found_as(name) if isinstance(name, str) else name, kind)

    def module(self, name: Any) -> ModuleType:
        return self._resolver.module(name)

    def ordered(self, items: Any) -> OrderedDict[Any, Any]:
        pairs = [(key, self._read_at(item, f"[{index}]")) for index, (key, item) in enumerate(items)]
        check_hashes(key for key, _ in pairs)
        return OrderedDict(pairs)

    def _read_at(self, data: Any, step: str) -> Any:
        try:
            return self.read(data)
        except DocumentFault as fault:
            raise fault.at(step) from fault.__cause__

    def _object(self, name: str, data: Mapping[str, Any]) -> Any:
        try:
            cls = self.resolve(name, _SERIALIZABLE)
        except DocumentFault as fault:
            raise fault.at(f".{SER}") from fault.__cause__
        _check_spec(cls, data)
        arguments: dict[str, Any] = {}
        for former, field in former_fields(cls):
            if field.init:
                self._read_field(cls, field, former, data, arguments)
        made = make(cls, arguments)
        if self._resolver.is_bounded:
            if isinstance(made, Output):
                return as_declared(made)
            if isinstance(made, AbstractTask):
                check_keys_of(made)
        return made

    def _read_field(
        self, cls: type, field: dataclasses.Field[Any], name: str, data: Mapping[str, Any], arguments: dict[str, Any]
    ) -> None:
        try:
            info = field_info(field, cls)
        except DefinitionError as error:
            raise DocumentFault(str(error)) from error
        if name not in data:
            if info.allows_none:  # it was added to the class later; None keeps the id, the default might not
                arguments[name] = None
            return
        value = self._read_at(data[name], f".{name}")
        try:
            arguments[name] = value if info.decode is None else info.decode(value)
        except BaseException as error:  # the user's code
            raise hook_fault(f"`decode` of {cls.__qualname__}.{field.name}", error).at(f".{name}") from error


def _check_spec(cls: type, data: Mapping[str, Any]) -> None:
    """Check that a task will have the id that it had."""
    if issubclass(cls, AbstractTask) and "_task_spec" not in (field.name for field in dataclasses.fields(cls)):
        spec = data.get("_task_spec")
        own = spec_of(cls)
        if own != spec:
            raise DocumentFault(
                f"{cls.__qualname__} gives ids of spec {own!r}, but the document has one of spec {spec!r}; "
                f"derive the class from alexflow.legacy.Task"
            ).at("._task_spec")


def _items(reader: _Reader, data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise TypeError("it is no list")
    values: list[Any] = reader.read(data)
    return values


def _set(values: list[Any]) -> set[Any]:
    check_hashes(values)
    return set(values)


_KINDS: dict[str, Callable[[_Reader, Any], Any]] = {
    "OrderedDict": _Reader.ordered,
    "tuple": lambda reader, data: tuple(_items(reader, data)),
    "set": lambda reader, data: _set(_items(reader, data)),
    "datetime": lambda reader, data: datetime.fromisoformat(data),
    "date": lambda reader, data: datetime.strptime(data, "%Y%m%d").date(),  # a date has no zone
    "Decimal": lambda reader, data: Decimal(data),
    "type": lambda reader, data: reader.resolve(data, TYPE),
    "function": lambda reader, data: reader.resolve(data, FUNCTION),
    "module": _Reader.module,
}
