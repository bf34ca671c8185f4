"""Names of classes and functions: the same whether their module was imported or run as a script."""

from __future__ import annotations

import os
import sys
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

#: Names of the main module in its own process, and in a process that :mod:`multiprocessing` has spawned.
MAIN_MODULES = ("__main__", "__mp_main__")

_main_name: str | None = None


def main_module_name() -> str:
    """The importable name of what runs as ``__main__``.

    Its spec (``python -m pkg.mod``), else the stem of its file (``python mod.py``), else ``"__main__"``
    (a notebook or an interactive session, which no other process can import).
    """
    if _main_name is not None:
        return _main_name
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file: str | None = getattr(main, "__file__", None)
    if not file or file.startswith("<"):  # <stdin>
        return "__main__"
    return os.path.splitext(os.path.basename(file))[0]


def set_main_module_name(name: str) -> None:
    """Name classes of ``__main__`` as in the process that sent them (for worker processes)."""
    global _main_name
    _main_name = name


def has_anothers_main() -> bool:
    """Whether ``__main__`` is that of another process, as in a worker process."""
    return _main_name is not None


def module_name(name: str) -> str:
    """``name``, or the importable name of ``__main__``."""
    return main_module_name() if name in MAIN_MODULES else name


def qualified_name(thing: type | FunctionType | BuiltinFunctionType) -> str:
    """``module:qualname``, with ``__main__`` replaced by the module's real name."""
    module = thing.__module__
    return f"{module_name(_MOVED.get(module, module))}:{thing.__qualname__}"


#: Modules of the standard library that some Python versions have given to classes of another.
_MOVED = {"pathlib._local": "pathlib"}  # 3.13


def look_up(module: object, qualname: str) -> Any:
    """Resolve a qualified name in a module; None if there is no such name.

    It reads ``__dict__``s, so that no property runs, and goes from the module into classes only.
    """
    first, *steps = qualname.split(".")
    found = vars(module).get(first) if isinstance(module, ModuleType) else None
    for step in steps:
        found = vars(found).get(step) if isinstance(found, type) else None
    return found.__func__ if isinstance(found, staticmethod) else found
