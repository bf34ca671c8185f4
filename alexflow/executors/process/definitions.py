"""Classes and functions that jobs refer to by number; a worker is told of them by name if it can import them."""

from __future__ import annotations

import io
import sys
from dataclasses import MISSING
from types import CodeType, FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import cloudpickle

from alexflow.executors.process.arrivals import from_file, named
from alexflow.executors.process.messages import Definition


class Definitions:
    """The engine's numbers for classes and functions, from 1, the same for all its workers."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._definitions: list[Definition] = []

    def number_of(self, thing: type | FunctionType) -> int:
        """The number of a class or function."""
        number = self._numbers.get(thing)
        if number is None:
            number = len(self._definitions) + 1
            definition = Definition(number, name_of(thing), b"" if importable(thing) else _by_value(thing))
            self._numbers[thing] = number
            self._definitions.append(definition)
        return number

    def __getitem__(self, number: int) -> Definition:
        return self._definitions[number - 1]


def name_of(thing: type | FunctionType) -> str:
    """What a definition calls a class or function."""
    return f"{thing.__module__}:{thing.__qualname__}"


def importable(thing: type | FunctionType) -> bool:
    """Whether another process gets the same object by importing its name."""
    if thing.__module__ == "__main__" or "<" in thing.__qualname__:
        return False
    found: Any = sys.modules.get(thing.__module__)
    if found is None or not _is_found_again(found, thing.__module__):
        return False
    for name in thing.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is thing


#: Whether modules are found where their names say.
_found_again: WeakKeyDictionary[ModuleType, bool] = WeakKeyDictionary()


def _is_found_again(module: ModuleType, name: str) -> bool:
    """Whether an import in another process finds this module: not if it was executed from a file or a cell by hand."""
    known = _found_again.get(module)
    if known is None:
        known = _found_again[module] = _search(module, name)
    return known


def _search(module: ModuleType, name: str) -> bool:
    spec = getattr(module, "__spec__", None)
    if spec is None:
        return False
    path = None
    if parent := name.rpartition(".")[0]:
        package = sys.modules.get(parent)
        path = getattr(package, "__path__", None)
        if package is None or path is None or not _is_found_again(package, parent):
            return False
    found = (finder.find_spec(name, path) for finder in sys.meta_path if hasattr(finder, "find_spec"))
    return any(other is not None and other.origin == spec.origin for other in found)


class _ValuePickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles classes and functions whole; unlike its base it keeps the qualified names of classes, what a field
    without default has in its place, and the file that code is from, for tracebacks.
    """

    def reducer_override(self, obj: Any) -> Any:
        if obj is MISSING:
            return "MISSING"
        if isinstance(obj, CodeType):
            reduced: Any = self.dispatch_table[CodeType](obj)  # how it is made, and of what
            return from_file, (obj.co_filename, *reduced)
        reduced = super().reducer_override(obj)
        if isinstance(obj, type) and isinstance(reduced, tuple) and len(reduced) == 6:
            make, arguments, *rest = reduced
            return (named, (obj.__qualname__, make, arguments), *rest)
        return reduced


def _by_value(thing: type | FunctionType) -> bytes:
    file = io.BytesIO()
    module = sys.modules.get(thing.__module__)
    lost = module is not None and thing.__module__ != "__main__" and not _is_found_again(module, thing.__module__)
    if lost and thing.__module__ not in cloudpickle.list_registry_pickle_by_value():
        cloudpickle.register_pickle_by_value(module)  # what the thing uses of its module is not found either
    else:
        lost = False
    try:
        _ValuePickler(file, protocol=5).dump(thing)
    finally:
        if lost:
            cloudpickle.unregister_pickle_by_value(module)
    return file.getvalue()
