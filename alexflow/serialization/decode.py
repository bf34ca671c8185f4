"""Decoding of document data to values: the strict mirror of :mod:`alexflow.serialization.encode`.

Data that docs/design/documents.md does not describe are refused with the path to them: an unknown tag, a missing or
unknown part, data of another type. The tags are in :mod:`alexflow.serialization.decoders`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING
from typing import Any, NoReturn, TypeAlias

from alexflow.errors import DefinitionError
from alexflow.hooks import a_thing
from alexflow.identity import short_repr
from alexflow.model import AbstractTask
from alexflow.serialization.encode import DEEPEST, TAG
from alexflow.serialization.fault import DocumentFault, hook_fault, key_step, user_code_fault
from alexflow.serialization.fields import FieldRule, rules_of
from alexflow.serialization.resolve import ReferenceKind, Resolver


class ValueReader:
    """Decodes document data.

    Args:
        resolver: resolves the names of classes.
        tasks: tasks by the ids of their nodes.
        tags: decoders of tagged objects.
    """

    def __init__(self, resolver: Resolver, tasks: Mapping[str, AbstractTask], tags: Mapping[str, TagReader]):
        self.resolver = resolver
        self.tags = tags
        self._tasks = tasks
        self._rules: dict[type, Mapping[str, FieldRule]] = {}
        self._depth = 0

    def read(self, data: Any) -> Any:
        """Decode data; raises DocumentFault."""
        kind = type(data)
        if data is None or kind is bool:
            return data
        if kind is str:
            return data if data.isascii() else _text(data)
        if self._depth == DEEPEST:
            raise DocumentFault(f"values are nested deeper than {DEEPEST} levels")
        self._depth += 1
        value = _READERS.get(kind, _refuse)(self, data)
        self._depth -= 1
        return value

    def read_at(self, data: Any, step: str) -> Any:
        """:meth:`read`, with the step that leads to the data."""
        try:
            return self.read(data)
        except DocumentFault as fault:
            raise fault.at(step) from fault.__cause__

    def read_items(self, data: Any, step: str = "") -> list[Any]:
        """The values of a list."""
        if type(data) is not list:
            raise DocumentFault(f"expected a list, not {type(data).__name__}").at(step)
        values: list[Any] = []
        try:
            for item in data:
                values.append(self.read(item))  # noqa: PERF401  # their number is the index of a fault
        except DocumentFault as fault:
            raise fault.at(f"{step}[{len(values)}]") from fault.__cause__
        return values

    def resolve(self, name: Any, kind: ReferenceKind, step: str = ".class") -> Any:
        """Resolve a name in the document to its class or function."""
        try:
            return self.resolver.resolve(name, kind)
        except DocumentFault as fault:
            raise fault.at(step) from fault.__cause__

    def task(self, node_id: Any, step: str) -> AbstractTask:
        """The task of an earlier node."""
        task = self._tasks.get(node_id) if type(node_id) is str else None
        if task is None:
            shown = repr(node_id) if type(node_id) is str else short_repr(node_id)
            raise DocumentFault(f"refers to {shown:.200}, but no earlier node has this id").at(step)
        return task

    def read_fields(self, data: Any, cls: type, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Arguments for the constructor of a dataclass."""
        if type(data) is not dict:
            raise DocumentFault(f"expected an object, not {type(data).__name__}").at(".fields")
        rules = self._rules.get(cls)
        if rules is None:
            try:
                rules = self._rules[cls] = rules_of(cls, without)
            except DefinitionError as error:
                raise DocumentFault(str(error)) from error
        arguments: dict[str, Any] = {}
        for name, item in data.items():
            rule = rules.get(name)
            if rule is not None:
                arguments[name] = self._read_field(item, rule, cls)
            elif item is not None:  # a removed field that was None had no part in the id
                raise DocumentFault(f"{cls.__qualname__} has no field {short_repr(name)}").at(
                    f".fields{key_step(str(name))}"
                )
        for name in rules.keys() - arguments.keys():
            _fill_in(arguments, rules[name], cls)
        return arguments

    def _read_field(self, data: Any, rule: FieldRule, cls: type) -> Any:
        value = self.read_at(data, f".fields.{rule.name}")
        if rule.decode is None or value is None:
            return value
        try:
            return rule.decode(value)
        except BaseException as error:  # the user's code
            hook = f"`decode` of {cls.__qualname__}.{rule.name}"
            raise hook_fault(hook, error).at(f".fields.{rule.name}") from error


def _fill_in(arguments: dict[str, Any], rule: FieldRule, cls: type) -> None:
    try:
        value = rule.when_missing()
    except LookupError:
        raise DocumentFault(f"is missing, and {cls.__qualname__} has no default for it").at(
            f".fields.{rule.name}"
        ) from None
    if value is not MISSING:
        arguments[rule.name] = value


def parts(data: Any, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> list[Any]:
    """The parts of an object by name, None for optional ones that are left out; refuses missing and unknown ones."""
    if type(data) is not dict:
        raise DocumentFault(f"expected an object, not {type(data).__name__}")
    for name in required:
        if name not in data:
            raise DocumentFault(f"{name!r} is missing")
    for name in data:
        if name not in required and name not in optional and name != TAG:
            raise DocumentFault(f"{short_repr(name)} does not belong here")
    return [data.get(name) for name in (*required, *optional)]


def make(cls: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """An instance of a class that has been resolved."""
    try:
        return cls(**arguments)
    except BaseException as error:  # the user's code: __post_init__, contracts
        raise user_code_fault(
            f"{getattr(getattr(cls, '__self__', cls), '__qualname__', cls)} cannot be made from these fields: ", error
        ) from error


def parse(function: Callable[[Any], Any], data: Any, kind: type = str, step: str = ".value") -> Any:
    """``function(data)``, for a function that turns one text (or number) into a value."""
    if type(data) is not kind:
        raise DocumentFault(f"expected {kind.__name__}, not {type(data).__name__}").at(step)
    try:
        return function(data)
    except BaseException as error:  # also of what a user's path or flag class does
        raise user_code_fault(f"{short_repr(data)} is malformed: ", error).at(step) from error


#: Items of a set, or keys of a dict, that may have one hash. By chance equal hashes are rare; more than these are of
#: numbers that were chosen for it, or of a class whose ``__hash__`` is constant.
MOST_ALIKE = 100


def check_hashes(values: Iterable[Any]) -> None:
    """Check that a set of these takes linear time: values with equal hashes are compared with each other.

    Raises:
        ValueError: too many of them have one hash.
    """
    for _, count in Counter(map(hash, values)).most_common(1):
        if count > MOST_ALIKE:
            raise ValueError(f"{count:,} of them have one hash; more than {MOST_ALIKE} take too long")


# -- plain data


def _refuse(reader: ValueReader, data: Any) -> NoReturn:
    raise DocumentFault(f"{a_thing(type(data).__qualname__)} has no place in a document")


def _text(data: str) -> str:
    try:
        data.encode()
    except UnicodeEncodeError as error:
        raise DocumentFault(f"not a text that UTF-8 can write: {error.reason}") from None
    return data


def _int(reader: ValueReader, data: int) -> Any:
    if not -(2**63) <= data < 2**64:
        raise DocumentFault("an integer of more than 64 bits must be tagged, in hexadecimal")
    return data


def _float(reader: ValueReader, data: float) -> Any:
    if not math.isfinite(data):
        raise DocumentFault("a number that is not finite must be tagged")
    return data


def _object(reader: ValueReader, data: dict[Any, Any]) -> Any:
    if TAG in data:
        tag = data[TAG]
        read = reader.tags.get(tag) if type(tag) is str else None
        if read is None:
            raise DocumentFault(f"unknown tag {short_repr(tag)}").at(key_step(TAG))
        return read(reader, data)
    for key in data:
        if type(key) is not str:
            raise DocumentFault(f"the key {short_repr(key)} of an object is not a string")
    return {_text(key): reader.read_at(item, key_step(key)) for key, item in data.items()}


_READERS: dict[type, Callable[[ValueReader, Any], Any]] = {
    int: _int,
    float: _float,
    list: ValueReader.read_items,
    dict: _object,
}

#: From the reader and a tagged object to its value.
TagReader: TypeAlias = Callable[[ValueReader, Any], Any]
