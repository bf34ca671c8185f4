"""Names of classes and functions, and whether another process can import them by these names."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from importlib.machinery import ModuleSpec
from math import inf
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from alexflow.blocks_briefly import blocks_briefly


def name_of(thing: type | FunctionType) -> str:
    """Return the name of a class or function in a definition."""
    return f"{thing.__module__}:{thing.__qualname__}"


def importable(thing: type | FunctionType) -> bool:
    """Return whether another process gets the same object by importing its name."""
    if thing.__module__ == "__main__" or "<" in thing.__qualname__:
        return False
    found: Any = sys.modules.get(thing.__module__)
    if found is None or not is_found_again(found, thing.__module__):
        return False
    for name in thing.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is thing


def is_in(module: str, packages: Collection[str]) -> bool:
    """Return whether a module is one of these, or in one of them."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


#: Whether modules are found where their names say.
_found_again: WeakKeyDictionary[ModuleType, bool] = WeakKeyDictionary()


def is_found_again(module: ModuleType, name: str) -> bool:
    """Whether an import in another process finds this module: not if it was executed from a file or a cell by hand."""
    known = _found_again.get(module)
    if known is None:
        known = _found_again[module] = _search(module, name)
    return known


@blocks_briefly("once a module")
def _search(module: ModuleType, name: str) -> bool:
    spec = getattr(module, "__spec__", None)
    if spec is None:
        return False
    path = None
    if parent := name.rpartition(".")[0]:
        package = sys.modules.get(parent)
        path = getattr(package, "__path__", None)
        if package is None or path is None or not is_found_again(package, parent):
            return False
    found = (finder.find_spec(name, path) for finder in sys.meta_path if hasattr(finder, "find_spec"))
    return any(other is not None and other.origin == spec.origin for other in found)


class _Reloads:
    """A finder that finds nothing, and counts how often a module is looked for in order to be executed again.

    IPython's autoreload changes functions and classes of a module in place where it can, without executing the module.
    So the times of files that it goes by are compared with those that they had when their modules were first seen here.
    """

    def __init__(self) -> None:
        self.count = 0
        self._times: dict[str, float] = {}

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if target is not None:  # given by importlib.reload, and by nothing else
            self.count += 1
        return None

    def look_at_autoreload(self) -> None:
        """Count what IPython's autoreload has changed since the last look."""
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        magics = getattr(getattr(shell, "magics_manager", None), "registry", {}).get("AutoreloadMagics")
        times = getattr(getattr(magics, "_reloader", None), "modules_mtimes", {})
        for name in sys.modules.keys() - self._times.keys():
            self._times[name] = _time_of_file(sys.modules.get(name))
        if any(self._times.get(name, time) < time for name, time in times.items()):
            self.count += 1
        self._times.update(times)


@blocks_briefly("once a module, in a notebook that has loaded autoreload")
def _time_of_file(module: object) -> float:
    try:
        return os.stat(module.__file__).st_mtime  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError, OSError):  # it has none
        return inf


_reloads = _Reloads()


def reloads() -> int:
    """Return how often modules have been reloaded in this process since the first call."""
    if _reloads not in sys.meta_path:
        sys.meta_path.insert(0, _reloads)
    if "IPython.extensions.autoreload" in sys.modules:
        _reloads.look_at_autoreload()
    return _reloads.count
