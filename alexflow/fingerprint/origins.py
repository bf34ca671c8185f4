"""First-party modules, and their places. Decided for each module by its origin; nothing is imported.

First-party is what is neither of the standard library nor in ``site-packages``; and what is there but was installed
from a folder (PEP 610), as in a Docker image; the package of the task class itself; and what ``[tool.alexflow] code``
names. alexflow itself never is.

Rejected: ``importlib.util.find_spec``, which imports parent packages; ``importlib.metadata.packages_distributions``,
which takes 23 ms for 26 distributions.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec
from typing import Any

from msgspec import Struct

from alexflow.fingerprint.memo import importable_names
from alexflow.identity.names import main_module_name

_STANDARD_LIBRARY = os.path.dirname(os.__file__)
_INSTALLED = re.compile(r"^(.*[/\\](?:site|dist)-packages)[/\\]")


class Origin(Struct, frozen=True):
    """The place of a first-party module.

    Attributes:
        path: its file; empty for a namespace package.
        is_package: whether it has submodules.
        directories: where its submodules are looked for.
        loader: reads a file that is inside an archive.
    """

    path: str
    is_package: bool
    directories: tuple[str, ...] = ()
    loader: Any = None


class Origins:
    """Finds first-party modules.

    Args:
        own: top-level packages that are first-party wherever they are.

    Attributes:
        searched: directories in which a new file could change what is found: for each the names that were looked for
            there, or None for all.
    """

    def __init__(self, own: Iterable[str] = ()):
        self.searched: dict[str, set[str] | None] = {}
        self._own = frozenset(own)
        self._found: dict[str, Origin | None] = {}
        self._from_folders: dict[str, frozenset[str]] = {}

    def find(self, name: str) -> Origin | None:
        """Return the place of a module; None if it is not first-party, or not there."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def submodules(self, name: str) -> list[str]:
        """Return the names of all first-party modules below a package."""
        found, todo = list[str](), [name]
        while todo:
            package = todo.pop()
            origin = self.find(package)
            if origin is None:
                continue
            found.append(package)
            for directory in origin.directories:
                self.searched[directory] = None
                todo += [f"{package}.{child}" for child in importable_names(directory)]
        return sorted(set(found))

    def _find(self, name: str) -> Origin | None:
        top, _, _ = name.partition(".")
        if top == "alexflow" or top in sys.builtin_module_names:
            return None
        parent = name.rpartition(".")[0]
        directories: Sequence[str] | None = None
        if parent:
            package = self.find(parent)
            if package is None or not package.is_package:
                return None
            directories = package.directories
        if directories is not None or name not in sys.stdlib_module_names:
            self._note_search(name, filter(_is_of_project, sys.path) if directories is None else directories)
        spec = _loaded_spec(name) or self._spec(name, directories)
        if spec is not None and spec.has_location:
            return self._origin(top, spec)
        if spec is None and directories is None:
            return None
        return self._namespace(name, sys.path if directories is None else directories)

    def _note_search(self, name: str, directories: Iterable[str]) -> None:
        """Note where a module was looked for, or would have been if it were not imported already."""
        for directory in directories:
            names = self.searched.setdefault(directory, set())
            if names is not None:
                names.add(name.rpartition(".")[2])

    def _spec(self, name: str, directories: Sequence[str] | None) -> ModuleSpec | None:
        if directories is None and name in sys.stdlib_module_names:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            try:
                spec: ModuleSpec | None = find(name, directories) if find is not None else None
            except Exception:  # of another package's finder; of Python's own, where a parent is no imported namespace
                continue
            if spec is not None:
                return spec
        return None

    def _origin(self, top: str, spec: ModuleSpec) -> Origin | None:
        directories = spec.submodule_search_locations
        if spec.origin is None or not self._is_first_party(top, spec.origin):
            return None
        return Origin(spec.origin, directories is not None, tuple(directories or ()), spec.loader)

    def _namespace(self, name: str, directories: Sequence[str]) -> Origin | None:
        """Return the portions of a namespace package. Its spec computes them only after its parents are imported."""
        top, leaf = name.partition(".")[0], name.rpartition(".")[2]
        portions = [os.path.join(os.path.abspath(directory), leaf) for directory in directories]
        ours = [path for path in portions if os.path.isdir(path) and self._is_first_party(top, os.path.join(path, ""))]
        return Origin("", True, tuple(ours)) if ours else None

    def _is_first_party(self, top: str, path: str) -> bool:
        installed = _INSTALLED.match(path)
        if installed is None:
            return not path.startswith(_STANDARD_LIBRARY + os.sep)
        return top in self._own or top in self._installed_from_folders(installed[1])

    def _installed_from_folders(self, site: str) -> frozenset[str]:
        """Return the top-level names in a ``site-packages`` that come from a folder of this machine."""
        if site not in self._from_folders:
            self.searched[site] = None
            names = (_local_names(os.path.join(site, name)) for name in _listed(site) if name.endswith(".dist-info"))
            self._from_folders[site] = frozenset().union(*names)
        return self._from_folders[site]


def _loaded_spec(name: str) -> ModuleSpec | None:
    """Return the spec of an imported module; of the program that was started, its file."""
    if name == main_module_name():
        main = sys.modules.get("__main__")
        file = getattr(main, "__file__", None)
        if isinstance(file, str) and os.path.isfile(file):
            spec = ModuleSpec(name, None, origin=os.path.abspath(file))
            spec.has_location = True
            return spec
    loaded = getattr(sys.modules.get(name), "__spec__", None)
    return loaded if isinstance(loaded, ModuleSpec) else None


def _is_of_project(directory: str) -> bool:
    return _INSTALLED.match(os.path.join(directory, "")) is None and not directory.startswith(_STANDARD_LIBRARY)


def _local_names(information: str) -> list[str]:
    """Return the top-level names of an installed distribution if it was installed from a folder."""
    try:
        with open(os.path.join(information, "direct_url.json"), encoding="utf-8") as file:
            if '"file://' not in file.read():
                return []
        with open(os.path.join(information, "RECORD"), encoding="utf-8") as file:
            tops = {line.partition(",")[0].strip('"').partition("/")[0] for line in file}
    except (OSError, UnicodeDecodeError):
        return []
    return [top.removesuffix(".py") for top in tops if top.removesuffix(".py").isidentifier()]


def _listed(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory or "."))
    except OSError:
        return []
