"""One linking, from the name of a class to its fingerprint; and the packages that ``pyproject.toml`` names."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from alexflow.fingerprint.code_state import Fingerprint, make_fingerprint
from alexflow.fingerprint.linker import Linker
from alexflow.fingerprint.modules import Modules, Summarized
from alexflow.fingerprint.origins import Origins


class Linked(NamedTuple):
    """A fingerprint, and how it was found.

    Attributes:
        fingerprint: the code.
        paths: files that were read, and directories that were searched: for each the names that were looked for there,
            or None for all.
        summaries: of the modules, with those of before.
        parsed: number of modules that had to be parsed.
    """

    fingerprint: Fingerprint
    paths: dict[str, Collection[str] | None]
    summaries: dict[str, Summarized]
    parsed: int


def link(
    module: str,
    qualname: str,
    summaries: dict[str, Summarized],
    own: Iterable[str] = (),
    given: dict[str, bytes] | None = None,
) -> Linked:
    """Find the code that a class reaches.

    Args:
        module: the class's module.
        qualname: the class in it.
        summaries: of modules, from before.
        own: top-level packages that are first-party wherever they are.
        given: sources that are in no file, by module.
    """
    modules = Modules(Origins(own), summaries, given)
    linker = Linker(modules)
    linker.link(module, qualname)
    paths: dict[str, Collection[str] | None] = dict.fromkeys(modules.files)
    paths.update((os.path.abspath(directory), names) for directory, names in modules.origins.searched.items())
    return Linked(linked_fingerprint(linker), paths, modules.summaries, modules.parsed)


def linked_fingerprint(linker: Linker) -> Fingerprint:
    """Return everything that was reached as a fingerprint."""
    units = []
    for (module, name), unit in linker.reached.items():
        shown = f"{module} (at import)" if name.startswith("<") else f"{module}.{name}"
        units.append((shown, unit.digest + unit.docstrings if linker.reads_docstrings else unit.digest))
    return make_fingerprint(units, linker.marks)


class NamedPackages(NamedTuple):
    """Top-level packages that a project names, and the files that were read for that."""

    packages: frozenset[str]
    files: frozenset[str]


def first_party_packages(module: ModuleType | None) -> NamedPackages:
    """Return what ``[tool.alexflow] code`` names in the ``pyproject.toml`` above a module, else above here."""
    file = getattr(module, "__file__", None)
    start = Path(file).resolve().parent if isinstance(file, str) else Path.cwd()
    for directory in (start, *start.parents):
        project = directory / "pyproject.toml"
        if project.is_file():
            return NamedPackages(frozenset(_named_in(project)), frozenset({str(project)}))
    return NamedPackages(frozenset(), frozenset())


def _named_in(project: Path) -> list[str]:
    try:
        named = tomllib.loads(project.read_text(encoding="utf-8")).get("tool", {}).get("alexflow", {}).get("code", [])
    except (OSError, ValueError):
        return []
    return [name.partition(".")[0] for name in named if isinstance(name, str)] if isinstance(named, list) else []
