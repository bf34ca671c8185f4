"""``Linker``: from a task class to everything first-party that it may reach, with a worklist over summaries.

A name that is known is followed. An attribute of an object that is not known reaches the members of that name of every
class that is reached (rapid type analysis, by name). A class with a base outside, whose methods that may call, is
reached whole. What contributes to something that is reached, such as an entry of a registry, is reached with it; and
so is whatever a module that is imported does without being asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from alexflow.fingerprint.modules import Modules
from alexflow.fingerprint.name_resolver import NameResolver, UnitKey
from alexflow.fingerprint.summary import ABSOLUTE, GLOBAL, HOW_IT_RUNS, MEMBER, CodeUnit, ModuleSummary, Reference

#: Methods of a task that decide what it stores. Those of other tasks that it mentions are theirs.
OF_THE_TASK = ("run", "generate", "input", "output")

#: Modules that read docstrings of the code which imports them.
_READS_DOCSTRINGS = frozenset({"docopt", "ply", "sly", "dspy", "langchain", "langchain_core"})

#: Modules that call no methods of what is passed to them, beyond the dunders.
_QUIET = frozenset(
    {"abc", "alexflow", "codecs", "collections", "contextlib", "copy", "dataclasses", "datetime", "enum", "hashlib"}
    | {"html", "importlib", "inspect", "io", "json", "logging", "math", "os", "pathlib", "random", "re", "shutil"}
    | {"statistics", "string", "struct", "sys", "tempfile", "textwrap", "time", "types", "typing", "unicodedata"}
    | {"urllib", "warnings"}
)

_LONGEST_PATH = 40  # parts; only a circle of imports makes longer ones


class Linker:
    """Collects what a task class reaches.

    Args:
        modules: the first-party modules.

    Attributes:
        reached: all units.
        marks: what could not be followed.
        loaded: the modules that are imported on the way.
    """

    def __init__(self, modules: Modules):
        self.reached: dict[UnitKey, CodeUnit] = {}
        self.marks: set[str] = set()
        self.loaded: dict[str, ModuleSummary | None] = {}
        self.reads_docstrings = False
        self._modules = modules
        self._resolver = NameResolver(modules)
        self._todo: list[UnitKey] = []
        self._to_open: list[str] = []
        self._own: set[UnitKey] = set()
        self._classes: set[UnitKey] = set()
        self._attributes: set[str] = set()
        self._strings: set[str] = set()
        self._prefixes: set[str] = set()
        self._by_string = False  # whether some attribute is read whose name may be any string constant
        self._subclasses = False
        self._contributors: defaultdict[UnitKey, list[UnitKey]] = defaultdict(list)
        self._values: set[str] = set()  # modules used as objects
        self._whole: set[str] = set()
        self._seen: set[tuple[str, tuple[str, ...]]] = set()

    def link(self, module: str, qualname: str) -> None:
        """Reach everything that a task class reaches."""
        parts = tuple(part for part in qualname.split(".") if part != "<locals>")
        self._load(module)
        self._own = set(self._resolver.lineage((module, parts[0])))
        for owner, name in self._own:
            members = self._resolver.members((owner, name))
            self._todo += [(owner, f"{name}.{method}") for method in OF_THE_TASK if method in members]
        self._name(module, parts)
        while self._todo or self._to_open or (self._subclasses and self._add_subclasses()):
            while self._to_open:
                self._open(self._to_open.pop())
            if self._todo:
                self._reach(self._todo.pop())

    # modules

    def _load(self, name: str) -> ModuleSummary | None:
        if name not in self.loaded:
            self.loaded[name] = self._modules.summary(name)
            self._to_open.append(name)
        return self.loaded[name]

    def _load_path(self, path: tuple[str, ...]) -> None:
        length = self._modules.longest(path)
        if length:
            self._load(".".join(path[:length]))

    def _open(self, name: str) -> None:
        """Import a module: its packages, its imports, and its effects."""
        summary = self.loaded[name]
        if summary is None:
            return
        self._load_path(tuple(name.split(".")[:-1]))
        for path in summary.imports:
            self._load_path(path)
        for contribution in summary.contributions:
            targets = {*contribution.writes, *self._resolver.called(name, contribution.called)}
            found = [key for target in targets if (key := self._resolver.resolve(name, target)) is not None]
            for key in found:
                self._contribute(key, (name, contribution.unit))
            if not found and not contribution.is_decorated and not summary.loose:
                self._todo.append((name, contribution.unit))
        for cls, bases in summary.bases.items():
            for base in bases:
                key = self._resolver.resolve(name, base)
                if key is not None and self._resolver.registers_subclasses(key):
                    self._contribute(key, (name, cls))

    def _contribute(self, to: UnitKey, unit: UnitKey) -> None:
        self._contributors[to].append(unit)
        if to in self.reached:
            self._todo.append(unit)

    def _whole_module(self, name: str) -> None:
        summary = self._load(name)
        if name in self._whole or summary is None:
            return
        self._whole.add(name)
        self._todo += [(name, unit) for unit in summary.units]
        for star in summary.stars:
            self._whole_module(".".join(star))
        for targets in summary.bound.values():
            for target in targets:
                self._path(target)

    # names

    def _path(self, path: tuple[str, ...]) -> None:
        """Reach ``a.b.c``. An attribute that a package binds wins over a submodule of the same name."""
        length = self._modules.longest(path)
        if not length:
            return
        name = ".".join(path[:length])
        if length < len(path):
            self._load(name)
            self._name(name, path[length:])
            return
        if length > 1:
            package = self._load(".".join(path[:-1]))
            targets = package.bound.get(path[-1], ()) if package is not None else ()
            if targets and targets != (path,):
                self._name(".".join(path[:-1]), path[-1:])
        self._load(name)
        self._values.add(name)
        for attribute in tuple(self._attributes):
            self._value_attribute(name, attribute)

    def _value_attribute(self, module: str, attribute: str) -> None:
        summary = self._load(module)
        if summary is not None and attribute in summary.bound:
            self._name(module, (attribute,))

    def _name(self, module: str, parts: tuple[str, ...]) -> None:
        """Reach ``a.b.c`` of a module."""
        key = module, parts
        summary = self._load(module)
        if key in self._seen or summary is None or len(parts) > _LONGEST_PATH:
            return
        self._seen.add(key)
        first, rest = parts[0], parts[1:]
        if first in summary.units:
            self._todo.append((module, first))
            if rest and rest[0] in summary.members.get(first, ()):
                self._todo.append((module, f"{first}.{rest[0]}"))
            self._add_attributes(rest)
        if first in summary.bound:
            for target in summary.bound[first]:
                if target:
                    self._path((*target, *rest))
            return
        for star in summary.stars:
            self._name(".".join(star), parts)
        if "__getattr__" in summary.units:
            self._todo.append((module, "__getattr__"))

    # classes and their members

    def _class(self, key: UnitKey) -> None:
        if key in self._classes:
            return
        self._classes.add(key)
        takes_all = self._resolver.may_be_called_from_outside(key)
        for member in self._resolver.members(key):
            if takes_all or member in HOW_IT_RUNS or self._is_wanted(member):
                self._member(key, member)

    def _is_wanted(self, member: str) -> bool:
        return (
            member in self._attributes
            or (member.startswith("__") and member.endswith("__"))
            or any(member.startswith(prefix) for prefix in self._prefixes)
            or (self._by_string and member in self._strings)
        )

    def _member(self, cls: UnitKey, member: str) -> None:
        """Reach a member of a class; a task that is only mentioned has a fingerprint of its own."""
        if cls not in self._own and member in OF_THE_TASK and self._resolver.is_task(cls):
            return
        if member in HOW_IT_RUNS and self._resolver.is_task(cls):
            return
        self._todo.append((cls[0], f"{cls[1]}.{member}"))

    def _all_members(self, cls: UnitKey, prefix: str = "") -> None:
        for member in self._resolver.members(cls):
            if member.startswith(prefix):
                self._member(cls, member)

    def _add_wanted(self, wanted: set[str]) -> None:
        for cls in self._classes:
            for member in wanted.intersection(self._resolver.members(cls)):
                self._member(cls, member)

    def _add_attributes(self, names: Iterable[str]) -> None:
        new = set(names) - self._attributes
        if new:
            self._attributes |= new
            self._add_wanted(new)
            for module in tuple(self._values):
                for name in new:
                    self._value_attribute(module, name)

    def _add_subclasses(self) -> bool:
        """Reach first-party subclasses of classes that are reached; return whether there are more."""
        for module, summary in self.loaded.items():
            for cls, bases in summary.bases.items() if summary is not None else ():
                if (module, cls) not in self._classes and any(
                    self._resolver.resolve(module, base) in self._classes for base in bases
                ):
                    self._todo.append((module, cls))
        return bool(self._todo)

    # units

    def _reach(self, key: UnitKey) -> None:
        module, name = key
        summary = self._load(module)
        unit = summary.units.get(name) if summary is not None else None
        if key in self.reached or summary is None or unit is None:
            return
        self.reached[key] = unit
        if name in summary.members:
            self._class(key)
        if not _READS_DOCSTRINGS.isdisjoint(path[0] for path in summary.imports):
            self.reads_docstrings = True
        for reference in unit.references:
            self._reference(summary, name, unit, reference)
        self._add_attributes(unit.attributes)
        for word, argument in unit.dynamic:
            self._dynamic(summary, unit, word, argument)
        self._add_strings(unit.strings)
        for path in unit.imports:
            self._load_path(path)
        self._todo += self._contributors.get(key, ())

    def _reference(self, summary: ModuleSummary, name: str, unit: CodeUnit, reference: Reference) -> None:
        kind, path = reference[0], reference[1:]
        if kind == ABSOLUTE:
            self._path(path)
        elif kind == GLOBAL:
            self._name(summary.name, path)
        elif kind == MEMBER:
            cls = unit.owner or name
            if path[0] in summary.members.get(cls, ()):
                self._todo.append((summary.name, f"{cls}.{path[0]}"))
            elif path[0] in summary.bound:
                self._name(summary.name, path)

    def _add_strings(self, strings: Sequence[str]) -> None:
        """Follow string constants: ``"pkg.mod:attr"`` is an import, and others may name methods."""
        new = set(strings) - self._strings
        self._strings |= new
        if self._by_string:
            self._add_wanted(new)
        for text in new:
            parts = tuple(text.replace(":", ".").split("."))
            if len(parts) > 1 and all(parts) and self._modules.longest(parts[:2]) == 2:
                self._path(parts)

    def _dynamic(self, summary: ModuleSummary, unit: CodeUnit, word: str, argument: str) -> None:
        if word == "mark":
            self.marks.add(f"{argument} in {summary.name}")
        elif word == "docstrings":
            self.reads_docstrings = True
        elif word == "subclasses":
            self._subclasses = True
        elif word == "prefix" and argument not in self._prefixes:
            self._prefixes.add(argument)
            for cls in tuple(self._classes):
                self._all_members(cls, argument)
        elif word == "by string" and not self._by_string:
            self._by_string = True
            self._add_wanted(self._strings)
        elif word == "own members" and unit.owner:
            self._all_members((summary.name, unit.owner), argument)
        elif word == "whole module":
            self._whole_module(summary.name)
        elif word == "whole of" and self._modules.exists(argument):
            self._whole_module(argument)
        elif word == "import":
            self._import_of_unknown(summary, argument)
        elif word == "passed to":
            self._passed_outside(summary, unit, argument)

    def _import_of_unknown(self, summary: ModuleSummary, prefix: str) -> None:
        package = prefix.rstrip(".") or ".".join(summary.package)
        self.marks.add(f"an import of a name made at run time in {summary.name}")
        for module in self._modules.origins.submodules(package) if package else ():
            self._whole_module(module)

    def _passed_outside(self, summary: ModuleSummary, unit: CodeUnit, target: str) -> None:
        """Reach all of the classes that a unit names, if it passes something to a library that may call methods."""
        top = target.partition(".")[0]
        if top in _QUIET or self._modules.exists(top):
            return
        for reference in unit.references:
            key = self._resolver.resolve(summary.name, reference) if reference[0] != MEMBER else None
            if key is not None and self._resolver.is_class(key):
                self._all_members(key)
