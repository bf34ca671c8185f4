"""Public names of a package whose modules are imported when a name is first used (PEP 562).

Importing alexflow loads what its tasks need, which counts most in a worker process; everything else waits for its first
use. A package says each name twice: under ``if TYPE_CHECKING``, for type checkers, and in the table given here, from
which ``__all__`` is made. ``tests/test_exports.py`` holds the two against each other.

Rejected: reading the names from the block under ``TYPE_CHECKING`` at run time. It takes the source, which a frozen
program lacks, or bytecode, which a compiled one lacks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import Any


def lazy_names(
    package: str, modules: Mapping[str, str], unlisted: Mapping[str, str] | None = None, submodules: str = ""
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Args:
        package: the package's name.
        modules: names by the module that has them, relative to the package: ``{"text": "BytesOutput TextOutput"}``.
        unlisted: more of those, which ``__all__`` leaves out.
        submodules: those that are imported when they are first used as attributes. Where the package lacks a name that
            one of them has, an error says so: for ``from package import name`` an ImportError, as the message of an
            AttributeError would not be shown.
    """
    namespace = vars(sys.modules[package])
    listed = _module_of_each(modules)
    module_of = listed | _module_of_each(unlisted or {})
    public = submodules.split()

    def __getattr__(name: str) -> Any:
        module = module_of.get(name)
        if module is None:
            if name in public:
                return import_module(f"{package}.{name}")
            if not name.startswith("_") and (home := _home_of(name, package, public)):
                text = f"{name} is in {home}: from {home} import {name}"
                raise ImportError(text, name=package) if _is_import(sys._getframe(1)) else AttributeError(text)
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        thing = namespace[name] = getattr(import_module(f"{package}.{module}"), name)
        return thing

    def __dir__() -> list[str]:
        return sorted({*namespace, *module_of, *public})

    return __getattr__, __dir__, sorted(listed)


def _is_import(frame: FrameType) -> bool:
    """Whether a frame is in a ``from … import``: to that alone an AttributeError is no message."""
    from opcode import opmap  # deferred: for a name that is not there

    return frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


def _module_of_each(modules: Mapping[str, str]) -> dict[str, str]:
    return {name: module for module, names in modules.items() for name in names.split()}


def _home_of(name: str, package: str, submodules: Iterable[str]) -> str:
    """Return the submodule that has a public name; nothing if there is none, or its library is not installed."""
    for submodule in submodules:
        with suppress(ImportError):
            module = import_module(f"{package}.{submodule}")
            if name in getattr(module, "__all__", ()) or _is_own(vars(module).get(name), package):
                return module.__name__
    return ""


def _is_own(thing: object, package: str) -> bool:
    return isinstance(thing, type) and thing.__module__.startswith(f"{package}.")
