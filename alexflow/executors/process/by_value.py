"""Classes and functions that no other process can import, as bytes: those of a script, a notebook or a function.

Together with the bytes it is noted what they were made of: the code, the globals and the attributes. So it can be seen
in a microsecond whether a cell or an assignment has changed any of them since (:class:`Used`).
"""

from __future__ import annotations

import io
import linecache
import sys
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import Context, ContextVar
from dataclasses import MISSING, Field
from functools import cached_property
from logging import Logger
from operator import attrgetter, getitem, is_, itemgetter
from pathlib import PurePath
from re import Pattern
from types import CodeType, FunctionType, GenericAlias, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, NewType, ParamSpec, TypeVar, TypeVarTuple

import cloudpickle
from cloudpickle.cloudpickle import _extract_code_globals

from alexflow.executors.process.importable import is_found_again
from alexflow.executors.process.singletons import reduced_by_name
from alexflow.executors.process.worker.request_context import context_variable
from alexflow.executors.process.worker.unpack import from_file, named, placed
from alexflow.executors.request_context import name_of_variable
from alexflow.identity import look_up

#: What a global is that was imported lazily, from Python 3.15 on, until code uses it. Nothing is an instance of ().
LAZY_IMPORT: Any = getattr(types, "LazyImportType", ())


class ValuePickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles classes and functions whole.

    Unlike its base it keeps the qualified names of classes, what a field without default has in its place, the file
    that code is from and its lines where no file has them, for tracebacks, and properties that are cached. What can be
    found by its name here can be so where it arrives, so that instances can be pickled there.

    Attributes:
        whole: the classes and functions that are in the pickle.
    """

    def __init__(self, file: io.BytesIO):
        super().__init__(file, protocol=5)
        self.whole: list[type | FunctionType] = []

    def reducer_override(self, obj: Any) -> Any:
        if obj is MISSING:
            return "MISSING"
        if isinstance(obj, CodeType):
            reduced: Any = self.dispatch_table[CodeType](obj)  # how it is made, and of what
            return from_file, (obj.co_filename, _lines_of(obj.co_filename), *reduced)
        if type(obj) is cached_property:  # which has a lock in Python 3.11
            return cached_property, (obj.func,), {"attrname": obj.attrname, "__doc__": obj.__doc__}
        if isinstance(obj, LAZY_IMPORT):  # no pickle has one: what it stands for
            return getitem, ((obj.resolve(),), 0)
        if type(obj) is ContextVar:
            return context_variable, (name_of_variable(obj) or f":{obj.name}", obj.name, _default_of(obj))
        reduced = super().reducer_override(obj)
        if isinstance(reduced, tuple) and len(reduced) == 6:
            self.whole.append(obj)
            make, arguments, *rest = reduced
            if isinstance(obj, type):
                return (named, (obj.__module__, obj.__qualname__, _is_found(obj), make, arguments), *rest)
            if _is_found(obj):
                return (placed, (obj.__module__, obj.__qualname__, make, arguments), *rest)
        if reduced is NotImplemented:
            return reduced_by_name(obj, self.dispatch_table, _is_by_reference, "singleton")
        return reduced


def _is_by_reference(module: str) -> bool:
    return module != "__main__" and module not in cloudpickle.list_registry_pickle_by_value()


def pickled(thing: type | FunctionType, packages: Collection[str] = ()) -> tuple[bytes, list[type | FunctionType]]:
    """A class or function as bytes, and all that is in them; also what it uses of these packages is pickled whole."""
    file = io.BytesIO()
    pickler = ValuePickler(file)
    with its_module_by_value(thing), ExitStack() as registered:
        for name in packages:
            registered.enter_context(_by_value(name))
        pickler.dump(thing)
    return file.getvalue(), pickler.whole


@contextmanager
def its_module_by_value(thing: type | FunctionType) -> Iterator[None]:
    """Pickle also by value what the thing uses of its module, if that cannot be imported elsewhere."""
    name = thing.__module__
    module = sys.modules.get(name)
    if module is None or name == "__main__" or is_found_again(module, name):
        yield
        return
    with _by_value(name):
        yield


@contextmanager
def _by_value(name: str) -> Iterator[None]:
    """Have cloudpickle take a module, or what is in a package, by value; as it was afterwards."""
    module = sys.modules.get(name)
    if module is None or name in cloudpickle.list_registry_pickle_by_value():
        yield
        return
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _default_of(variable: ContextVar[Any]) -> tuple[Any, ...]:
    """The default of a variable, which only an empty context shows; nothing if it has none."""
    context = Context()  # an empty one
    try:
        return (context.run(variable.get),)
    except LookupError:
        return ()


def _is_found(thing: type | FunctionType) -> bool:
    module = sys.modules.get(thing.__module__)
    return module is not None and look_up(module, thing.__qualname__) is thing


def _lines_of(path: str) -> str | None:
    """The lines of a cell, or of other code that is from no file, if Python knows them."""
    entry = linecache.cache.get(path)
    if entry is None or len(entry) != 4 or entry[1] is not None:  # the time of its file
        return None
    return "".join(entry[2])


#: A namespace, a quick way to some of its values, those values, and names that were missing in it.
_Noted = tuple[Mapping[str, Any], Callable[[Any], Any], tuple[Any, ...], tuple[str, ...]]


class Used:
    """The parts of some classes and functions at the time they were pickled.

    Args:
        whole: those.

    Attributes:
        settled: whether it is all of a kind that nothing can change inside, but by giving a name to another.
    """

    def __init__(self, whole: Iterable[type | FunctionType]):
        functions = [thing for thing in whole if isinstance(thing, FunctionType)]
        spaces = [vars(thing) for thing in whole if isinstance(thing, type)]
        names: dict[int, tuple[Mapping[str, Any], set[str]]] = {}
        for function in functions:
            space = function.__globals__
            names.setdefault(id(space), (space, set()))[1].update(_extract_code_globals(function.__code__))
        noted = [_contents_of(cell) for function in functions for cell in function.__closure__ or ()]
        noted += [_note(space, wanted) for space, wanted in names.values()]
        inside = [value for _, _, values, _ in noted for value in values]
        inside += [value for space in spaces for name, value in space.items() if name[:2] != "__"]
        for function in functions:
            inside += [function.__defaults__, *(function.__kwdefaults__ or {}).values()]
        self.settled = all(map(_is_settled, inside))
        self._noted = [*noted, *(_note(space, space.keys() - _BY_USE) for space in spaces)]
        self._sizes = [(space, len(space)) for space in spaces]
        self._functions = [(function, _parts_of(function)) for function in functions]

    def is_as_it_was(self) -> bool:
        """Whether no name has been given to another value; what has changed inside a value is not looked at."""
        try:
            for space, get, values, missing in self._noted:
                if not all(map(is_, get(space), values)) or (missing and any(map(space.__contains__, missing))):
                    return False
        except (KeyError, ValueError):  # a name has been deleted
            return False
        same = (all(map(is_, _parts_of(function), parts)) for function, parts in self._functions)
        return all(same) and all(len(space) == size for space, size in self._sizes)


#: Attributes that a class gets by being used.
_BY_USE = frozenset({"__class_info__", "__abstractmethods__", "_abc_impl"})


_parts_of = attrgetter("__code__", "__defaults__", "__kwdefaults__")


def _note(space: Mapping[str, Any], names: Iterable[str]) -> _Noted:
    there = [name for name in names if name in space]
    if not there:
        return space, _nothing, (), tuple(names)
    get = itemgetter(*there, there[0])  # of one name it would give no tuple
    return space, get, get(space), tuple(name for name in names if name not in space)


def _contents_of(cell: Any) -> _Noted:
    def get(space: Any) -> tuple[Any, ...]:
        return (cell.cell_contents,)

    try:
        return {}, get, get(None), ()
    except ValueError:  # nothing in it yet
        return {}, _nothing, (), ()


def _nothing(space: Any) -> tuple[Any, ...]:
    return ()


#: Kinds whose instances stay what they are, or go by their name.
_SETTLED = (
    *(type(None), bool, int, float, complex, str, bytes, ModuleType, type, FunctionType, property, classmethod),
    *(staticmethod, cached_property, MemberDescriptorType, GetSetDescriptorType, TypeVar, Field, CodeType),
    *(type(len), type(str.join), type(object.__init__), GenericAlias, Logger, PurePath, Pattern),
    *(NewType, ParamSpec, TypeVarTuple),
    *([LAZY_IMPORT] if LAZY_IMPORT else ()),
)


def _is_settled(value: Any) -> bool:
    if type(value) in (tuple, frozenset):
        return all(map(_is_settled, value))
    return issubclass(type(value), _SETTLED)
