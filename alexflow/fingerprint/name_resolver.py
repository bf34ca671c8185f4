"""``NameResolver``: questions about names of first-party modules. It answers, and reaches nothing."""

from __future__ import annotations

import builtins

from alexflow.fingerprint.modules import Modules
from alexflow.fingerprint.summary import ABSOLUTE, GLOBAL, CodeUnit, ModuleSummary, Reference

#: A unit: its module, and its name in it.
UnitKey = tuple[str, str]

#: Bases that call no methods of their subclasses beyond the dunders. Others may call any.
_INERT = frozenset(
    {"object", "ABC", "ABCMeta", "Protocol", "Generic", "NamedTuple", "TypedDict", "Enum", "IntEnum", "StrEnum", "Flag"}
    | {"Task", "DynamicTask", "WrapperTask", "AbstractTask", "Workflow"}
)

_LONGEST_CHAIN = 200  # of re-exports


class NameResolver:
    """Finds what names stand for.

    Args:
        modules: the first-party modules.
    """

    def __init__(self, modules: Modules):
        self._modules = modules
        self._resolved: dict[tuple[str, Reference], UnitKey | None] = {}

    def resolve(self, module: str, reference: Reference, depth: int = 0) -> UnitKey | None:
        """Return the unit that a reference begins with; None if it is not first-party."""
        key = module, reference
        if key not in self._resolved:
            self._resolved[key] = None  # of a circle of imports
            found = None
            if reference and depth < _LONGEST_CHAIN:
                resolved = self._global if reference[0] == GLOBAL else self._absolute
                found = resolved(module, reference[1:], depth + 1)
            self._resolved[key] = found
        return self._resolved[key]

    def _global(self, module: str, path: tuple[str, ...], depth: int) -> UnitKey | None:
        summary = self._modules.summary(module)
        if summary is None or not path:
            return None
        name = path[0]
        if name in summary.units:
            return module, name
        if name in summary.bound:
            return self.resolve(module, (ABSOLUTE, *summary.bound[name][0], *path[1:]), depth)
        for star in summary.stars:
            found = self.resolve(".".join(star), (GLOBAL, *path), depth)
            if found is not None:
                return found
        return None

    def _absolute(self, module: str, path: tuple[str, ...], depth: int) -> UnitKey | None:
        length = self._modules.longest(path)
        return self.resolve(".".join(path[:length]), (GLOBAL, *path[length:]), depth) if length else None

    def unit(self, key: UnitKey) -> CodeUnit | None:
        """Return a unit; None if there is none of this name."""
        summary = self._modules.summary(key[0])
        return None if summary is None else summary.units.get(key[1])

    def is_class(self, key: UnitKey) -> bool:
        """Whether a unit is a class."""
        summary = self._modules.summary(key[0])
        return summary is not None and key[1] in summary.members

    def members(self, key: UnitKey) -> tuple[str, ...]:
        """Return the names of a class's methods and nested classes."""
        summary = self._modules.summary(key[0])
        return () if summary is None else summary.members.get(key[1], ())

    def lineage(self, key: UnitKey) -> list[UnitKey]:
        """Return a class and all its first-party bases."""
        found: dict[UnitKey, None] = {}
        todo = [key]
        while todo:
            cls = todo.pop()
            if cls not in found and self.is_class(cls):
                found[cls] = None
                bases = [self.resolve(cls[0], base) for base in self._bases(cls)]
                todo += [base for base in bases if base is not None]
        return list(found)

    def outer_bases(self, key: UnitKey) -> list[Reference]:
        """Return the bases of a class, and of its bases, that are not first-party."""
        return [base for cls in self.lineage(key) for base in self._bases(cls) if self.resolve(cls[0], base) is None]

    def may_be_called_from_outside(self, key: UnitKey) -> bool:
        """Whether code that is not first-party may call any method: some library's base class does."""
        return any(
            base[-1] not in _INERT and not (base[0] == GLOBAL and hasattr(builtins, base[-1]))
            for base in self.outer_bases(key)
        )

    def is_task(self, key: UnitKey) -> bool:
        """Whether a class is one of alexflow's tasks, which have fingerprints of their own."""
        return any(base[:2] == (ABSOLUTE, "alexflow") for base in self.outer_bases(key))

    def registers_subclasses(self, key: UnitKey) -> bool:
        """Whether a class runs code for each of its subclasses as they are defined."""
        for cls in self.lineage(key):
            is_metaclass = any(base[-1] == "type" for base in self._bases(cls))
            hooks = {"__init_subclass__", *(("__new__", "__init__") if is_metaclass else ())}
            if hooks & set(self.members(cls)):
                return True
        return False

    def called(self, module: str, call: Reference) -> set[Reference]:
        """Return what a call changes: the object whose method it is, or what the function writes to."""
        key = self.resolve(module, call)
        unit = self.unit(key) if key is not None else None
        if key is None or unit is None:
            return set()
        owner, name = key
        if self.is_class(key) or (call[-1] != name and name in call[1:]):
            return {(ABSOLUTE, *owner.split("."), name)}
        return {write if write[0] == ABSOLUTE else (ABSOLUTE, *owner.split("."), *write[1:2]) for write in unit.writes}

    def _bases(self, key: UnitKey) -> tuple[Reference, ...]:
        summary: ModuleSummary | None = self._modules.summary(key[0])
        return () if summary is None else summary.bases.get(key[1], ())
