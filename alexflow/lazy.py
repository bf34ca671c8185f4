"""Public names of a package whose modules are imported when a name is first used (PEP 562).

Importing alexflow loads what its tasks need, which counts most in a worker process; everything else waits for its first
use. A package says each name twice: under ``if TYPE_CHECKING``, for type checkers, and in the table given here, from
which ``__all__`` is made. ``tests/test_exports.py`` holds the two against each other.

Rejected: reading the names from the block under ``TYPE_CHECKING`` at run time. It takes the source, which a frozen
program lacks, or bytecode, which a compiled one lacks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, modules: Mapping[str, str], unlisted: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Args:
        package: the package's name.
        modules: names by the module that has them, relative to the package: ``{"text": "BytesOutput TextOutput"}``.
        unlisted: more of those, which ``__all__`` leaves out.
    """
    namespace = vars(sys.modules[package])
    listed = _module_of_each(modules)
    module_of = listed | _module_of_each(unlisted or {})

    def __getattr__(name: str) -> Any:
        module = module_of.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        thing = namespace[name] = getattr(import_module(f"{package}.{module}"), name)
        return thing

    def __dir__() -> list[str]:
        return sorted({*namespace, *module_of})

    return __getattr__, __dir__, sorted(listed)


def _module_of_each(modules: Mapping[str, str]) -> dict[str, str]:
    return {name: module for module, names in modules.items() for name in names.split()}
