"""The place of the engine's main module, for interpreters that a worker's tasks start afresh.

:mod:`multiprocessing` has such a child ("spawn", "forkserver") run the file of ``__main__`` again, under another name,
so that it finds the functions of a script. A worker's ``__main__`` gets that file, or the name that ``python -m`` was
given, with the first class or function of the script that a task needs: a child of any other task would run the script
for nothing, and a script without a guard must not be run twice.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec


class MainModule:
    """The file and the spec of the main module."""

    def __init__(self) -> None:
        self._file = ""
        self._spec = ""

    def file(self) -> bytes:
        """Its file, in the engine's process; none in a notebook or an interactive session, and for ``python -c``."""
        file = getattr(sys.modules.get("__main__"), "__file__", None)
        return os.fsencode(file) if isinstance(file, str) and os.path.isabs(file) else b""  # not of <stdin>

    def spec(self) -> str:
        """Return the argument of ``python -m``, in the engine's process."""
        name = getattr(getattr(sys.modules.get("__main__"), "__spec__", None), "name", "")
        return name if isinstance(name, str) else ""

    def remember(self, file: str, spec: str) -> None:
        """Note, in a worker, where it is."""
        self._file, self._spec = file, spec

    def appear(self) -> None:
        """Give the worker's ``__main__`` its place, as something of it has arrived."""
        main = sys.modules["__main__"]
        if self._file:
            main.__file__ = self._file
        if self._spec:
            main.__spec__ = ModuleSpec(self._spec, None, origin=self._file or None)


main_module = MainModule()
