"""Names of a package whose modules are loaded when somebody first uses them.

Whoever imports alexflow pays for what its tasks need, a worker process above all; the rest waits for its use (PEP 562).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: its name.
        homes: the module of each name that is loaded on demand.
    """
    names = vars(sys.modules[package])

    def __getattr__(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        thing = names[name] = getattr(import_module(home), name)
        return thing

    def __dir__() -> list[str]:
        return sorted({*names, *homes})

    return __getattr__, __dir__
