"""The installed modules that tasks will import: found by looking at the code of their classes, without running any.

A worker imports the module of a task's class, and with it what that module imports; or it gets the class by value, and
imports what its functions refer to. Modules of the program are searched for what they import, as deep as that goes.
Installed packages end the search: what they import comes with them. The standard library is left out: it takes little
time, and most of it comes with packages.

What is imported inside of methods of a task's class counts, as its tasks will need it; what other functions import does
not. An import that a condition has skipped is not in ``sys.modules``, and so it does not count either.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder, SourceFileLoader
from opcode import opmap
from types import CodeType, FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct

from alexflow.blocks_briefly import blocks_briefly
from alexflow.executors.process.importable import importable

#: Modules of the program that are searched for one class, at most.
MOST_SEARCHED = 100

_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_STANDARD = os.path.dirname(os.__file__) + os.sep

#: Bits of an import's argument that say whether it is lazy.
_IMPORT_FLAGS = 2 if sys.version_info >= (3, 15) else 0

#: What each worker has from the start, as far as it needs it.
_OWN = frozenset({"__main__", "alexflow", "msgspec", "cloudpickle"})

#: The flag of code that is a function's (inspect.CO_OPTIMIZED).
_OF_FUNCTION = 1

#: Modules that a package imports when one of its own is first used.
_AT_FIRST_USE = {"torch.optim": "torch._dynamo"}  # by each optimizer; it takes as long as torch itself

_known: WeakKeyDictionary[type, tuple[str, ...]] = WeakKeyDictionary()


def libraries_of(classes: Iterable[type]) -> list[str]:
    """Return the names of installed modules that workers will import for tasks of some classes, each once."""
    names: dict[str, None] = {}
    for cls in classes:
        known = _known.get(cls)
        if known is None:
            known = _known[cls] = _search(cls)
        names.update(dict.fromkeys(known))
    return [*names]


@blocks_briefly("once a class: some tenths of a millisecond for each module of the program behind it")
def _search(cls: type) -> tuple[str, ...]:
    search = _Search()
    search.add_class(cls)
    return tuple(search.libraries)


class _Import(Struct, frozen=True):
    """An import in some code: the absolute name of a module, and the names that are taken from it."""

    module: str
    names: tuple[str, ...]


class _Search:
    """A search for the installed modules behind a class.

    Attributes:
        libraries: their names, in the order in which they will be imported.
    """

    def __init__(self) -> None:
        self.libraries: dict[str, None] = {}
        self._seen: set[Any] = set()

    def add_class(self, cls: type) -> None:
        """Search a class: its module, if a worker imports it, else what its methods refer to."""
        if cls in self._seen:
            return
        self._seen.add(cls)
        if importable(cls):
            self._add_module(cls.__module__)
        for base in cls.__mro__:
            if base.__module__.partition(".")[0] in _OWN and base.__module__ != "__main__":
                continue
            if not importable(base):
                self._add_values(vars(base).get("__annotations__", {}).values())
            for function in _methods(base):
                self._add_function(function, by_value=not importable(base))

    def _add_function(self, function: FunctionType, *, by_value: bool) -> None:
        if function in self._seen:
            return
        self._seen.add(function)
        space = function.__globals__
        package = space.get("__package__") or ""
        for code in _codes(function.__code__, with_functions=True):
            for found in _imports(code, package if isinstance(package, str) else ""):
                self._add_import(found, is_done=False)
            if by_value:
                self._add_values(space[name] for name in code.co_names if name in space)
            self._add_submodules(space, code)

    def _add_values(self, values: Iterable[Any]) -> None:
        """Add the modules that some values come from, when they are unpickled."""
        for value in values:
            if isinstance(value, ModuleType):
                self._add_module(value.__name__)
            elif isinstance(value, FunctionType):
                if importable(value):
                    self._add_module(value.__module__)
                else:
                    self._add_function(value, by_value=True)
            elif isinstance(value, type):
                if importable(value):
                    self._add_module(value.__module__)
                else:
                    self.add_class(value)
            elif isinstance(name := vars(type(value)).get("__module__"), str):
                self._add_module(name)

    def _add_submodules(self, space: dict[str, Any], code: CodeType) -> None:
        """Add what is found in packages by attribute: ``scipy.stats`` after ``import scipy.stats``."""
        for name in code.co_names:
            package = space.get(name)
            if isinstance(package, ModuleType) and "__path__" in vars(package):
                inner = (f"{package.__name__}.{attribute}" for attribute in code.co_names)
                for module in filter(sys.modules.__contains__, inner):
                    self._add_module(module)

    def _add_import(self, found: _Import, *, is_done: bool) -> None:
        is_loaded = found.module in sys.modules
        if is_loaded or not is_done:
            self._add_module(found.module)
            for name in found.names:
                inner = f"{found.module}.{name}"
                if inner in sys.modules or (not is_loaded and name.islower() and found.module in self.libraries):
                    self._add_module(inner)

    def _add_module(self, name: str) -> None:
        if name in self._seen or name.partition(".")[0] in _OWN or len(self._seen) > MOST_SEARCHED:
            return
        module = sys.modules.get(name)
        where = _place(module) if module is not None else _place_on_path(name.partition(".")[0])
        if where.startswith(_STANDARD) and not any(part in where for part in _INSTALLED):
            return
        self._seen.add(name)
        if any(part in where for part in _INSTALLED):
            self.libraries[name] = None
            if name in _AT_FIRST_USE:
                self.libraries[_AT_FIRST_USE[name]] = None
        elif module is not None and where:
            self._add_program_module(module, name)

    def _add_program_module(self, module: ModuleType, name: str) -> None:
        spec = vars(module).get("__spec__")
        loader = getattr(spec, "loader", None)
        if type(loader) is SourceFileLoader:  # no code of the user's runs to get at this one
            try:
                code = loader.get_code(name)
            except (ImportError, OSError, SyntaxError, ValueError):  # the file has gone, or is being edited
                return
            package = name if "__path__" in vars(module) else name.rpartition(".")[0]
            if code is not None:
                for inner in _codes(code, with_functions=False):
                    for found in _imports(inner, package):
                        self._add_import(found, is_done=True)
                for inner in _codes(code, with_functions=True):
                    self._add_submodules(vars(module), inner)


def _methods(cls: type) -> Iterator[FunctionType]:
    for value in list(vars(cls).values()):
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        elif isinstance(value, property):
            value = value.fget
        if isinstance(value, FunctionType):
            yield value


def _codes(code: CodeType, *, with_functions: bool) -> Iterator[CodeType]:
    """Yield some code, and the code of classes in it, and of functions if wanted."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and (with_functions or not constant.co_flags & _OF_FUNCTION):
            yield from _codes(constant, with_functions=with_functions)


def _imports(code: CodeType, package: str) -> Iterator[_Import]:
    """Yield the imports in some code of a package."""
    loaded: deque[Any] = deque((0, None), maxlen=2)  # constants: before an import, its level and its names
    raw, extended = code.co_code, 0
    for at in range(0, len(raw), 2):
        operation, argument = raw[at], raw[at + 1] | extended
        extended = argument << 8 if operation == opmap["EXTENDED_ARG"] else 0
        if operation == opmap["LOAD_CONST"]:
            loaded.append(code.co_consts[argument])
        elif operation == opmap.get("LOAD_SMALL_INT"):  # of Python 3.14
            loaded.append(argument)
        elif operation == opmap.get("LOAD_COMMON_CONSTANT"):
            loaded.append(None)  # from Python 3.15 on, None is one of these
        elif operation == opmap["IMPORT_NAME"]:
            level, names = loaded
            module = _absolute(code.co_names[argument >> _IMPORT_FLAGS], level, package)
            if module:
                yield _Import(module, names if type(names) is tuple else ())


def _absolute(name: str, level: Any, package: str) -> str:
    if level == 0:
        return name
    parts = package.split(".")
    if type(level) is not int or not package or level > len(parts):
        return ""
    base = ".".join(parts[: len(parts) - level + 1])
    return f"{base}.{name}" if name else base


def _place(module: ModuleType) -> str:
    """Return the file of a module, or the directory of a package without one; nothing for those in the interpreter."""
    space = vars(module)
    file = space.get("__file__")
    if isinstance(file, str):
        return file
    path = [*space["__path__"]] if "__path__" in space else []
    return os.path.join(path[0], "") if path and isinstance(path[0], str) else _STANDARD


def _place_on_path(name: str) -> str:
    """Return the same for a package that has not been imported here."""
    if name in sys.stdlib_module_names:
        return _STANDARD
    spec = PathFinder.find_spec(name)
    if spec is None:
        return ""
    path = [*(spec.submodule_search_locations or ())]
    return spec.origin if spec.has_location and spec.origin else os.path.join(path[0], "") if path else ""
