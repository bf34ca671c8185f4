"""Code objects of the running program: the last resort without a source, and the check whether a file still holds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from importlib.machinery import SourceFileLoader
from types import CodeType, FunctionType, ModuleType
from typing import TypeGuard

from alexflow.fingerprint.summary import digest_of
from alexflow.hooks import bases_of, module_of

#: Files that are older than this were certainly imported as they are. Generous: comparing costs 1 ms a file, no more.
_IMPORTED_SINCE = time.time() - 600


def bytecode_units(cls: type) -> list[tuple[str, str]]:
    """Return name and digest of the functions of a class that has no source. Each version of Python has others."""
    tag = f"bytecode of Python {sys.version_info.major}.{sys.version_info.minor}"
    found: dict[str, str] = {}
    for owner in bases_of(cls):
        module = module_of(owner)
        if owner is not object and not module.startswith("alexflow."):
            for qualname, code in _functions_in(_attributes_of(owner)):
                found.setdefault(f"{module}.{qualname} ({tag})", digest_of(repr(_essence(code))))
    return sorted(found.items())


def edited_after_import(files: Iterable[tuple[str, float]]) -> list[str]:
    """Return the modules of which the file says something else than the functions that are running.

    Args:
        files: paths, each with the time of its last modification in seconds since 1970.
    """
    recent = {path for path, modified in files if modified > _IMPORTED_SINCE}
    if not recent:
        return []
    loaded = [(name, module) for name, module in tuple(sys.modules.items()) if isinstance(module, ModuleType)]
    return sorted(name for name, module in loaded if module.__dict__.get("__file__") in recent and _differs(module))


def _differs(module: ModuleType) -> bool:
    """Whether a function of a module is another one than its file would give."""
    path, spec = module.__dict__["__file__"], module.__dict__.get("__spec__")
    if spec is not None and type(spec.loader) is not SourceFileLoader:
        return False  # pytest's, for one, compiles something else than what the file says
    try:
        with open(path, "rb") as file:
            compiled = compile(file.read(), path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return not os.path.exists(path)
    in_file: dict[str, list[object]] = {}
    for code in _codes(compiled):
        in_file.setdefault(code.co_qualname, []).append(_essence(code))
    name = module.__dict__.get("__name__")
    own = (value for value in tuple(module.__dict__.values()) if _is_defined_in(name, value))
    return any(
        _essence(code) not in in_file.get(qualname, ())
        for qualname, code in _functions_in(own)
        if code.co_filename == path
    )


def _is_defined_in(module: object, value: object) -> bool:
    """Whether a value is a function or a class of this module. Nothing is asked that a user's object could answer."""
    if type(value) is FunctionType:
        defined_in: object = value.__module__
    else:
        defined_in = module_of(value) if _is_class(value) else None
    return type(defined_in) is str and defined_in == module


def _functions_in(values: Iterable[object]) -> Iterator[tuple[str, CodeType]]:
    """Yield the functions among some values and in the classes among them, with their qualified names."""
    for value in values:
        function: object = value
        if type(value) is property:
            function = value.fget
        elif type(value) is staticmethod or type(value) is classmethod:
            function = value.__func__
        if type(function) is FunctionType:
            yield function.__code__.co_qualname, function.__code__
        elif _is_class(value):
            yield from _functions_in(_attributes_of(value))


def _is_class(value: object) -> TypeGuard[type]:
    return issubclass(type(value), type)  # isinstance would ask the value for its class


def _attributes_of(cls: type) -> tuple[object, ...]:
    """Return the attributes that a class defines, without asking its metaclass."""
    return tuple(type.__dict__["__dict__"].__get__(cls).values())


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _essence(code: CodeType) -> tuple[object, ...]:
    """Everything of a code object but its place."""
    constants = tuple(_essence(c) if isinstance(c, CodeType) else _plain(c) for c in code.co_consts)
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars


def _plain(constant: object) -> object:
    """A constant as it compares: ``1``, ``1.0`` and ``True`` are three, and a set has no order."""
    if isinstance(constant, frozenset):
        return "frozenset", sorted(map(repr, constant))
    return repr(constant)
