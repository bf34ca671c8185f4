"""The names of one module: what binds them, and what its imports mean."""

from __future__ import annotations

import ast
from collections.abc import Iterator

#: Stands for a definition among the targets of imports.
DEFINED: tuple[str, ...] = ()


class ModuleNames:
    """The names that a module binds at its top level.

    Args:
        name: the module.
        is_package: whether it is the ``__init__`` of a package.
    """

    def __init__(self, name: str, is_package: bool):
        parts = tuple(name.split("."))
        self.name = name
        self.package = parts if is_package else parts[:-1]
        self.bound: dict[str, list[tuple[str, ...]]] = {}
        self.stars: list[tuple[str, ...]] = []
        self.imports: set[tuple[str, ...]] = set()

    def bind(self, name: str, target: tuple[str, ...] = DEFINED) -> None:
        """Note that a name is bound to a definition, or to what an import gives."""
        targets = self.bound.setdefault(name, [])
        if target not in targets:
            targets.append(target)

    def add_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Note an import at the top level."""
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            return
        self.imports.update(self.modules(node))
        for name, target in self.targets(node):
            if name == "*":
                self.stars.append(target)
            else:
                self.bind(name, target)
                self.imports.add(target)

    def imported(self, name: str) -> tuple[str, ...] | None:
        """Return the target of a name that one import binds, and nothing else; None for any other."""
        targets = self.bound.get(name, ())
        return targets[0] if len(targets) == 1 and targets[0] else None

    def may_bind(self, name: str) -> bool:
        """Whether a name may be the module's, not only a built-in."""
        return name in self.bound or bool(self.stars)

    def targets(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each name that an import binds with its absolute target; ``*`` with the module."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = tuple(alias.name.split("."))
                yield (alias.asname, parts) if alias.asname else (parts[0], parts[:1])
            return
        source = self._source(node)
        for alias in node.names:
            yield (alias.name, source) if alias.name == "*" else (alias.asname or alias.name, (*source, alias.name))

    def modules(self, node: ast.Import | ast.ImportFrom) -> list[tuple[str, ...]]:
        """Return the modules that an import certainly imports."""
        if isinstance(node, ast.Import):
            return [tuple(alias.name.split(".")) for alias in node.names]
        return [self._source(node)]

    def absolute(self, name: str) -> tuple[str, ...]:
        """Return a module's absolute name from one that may begin with dots."""
        rest = name.lstrip(".")
        return (*self._base(len(name) - len(rest)), *(rest.split(".") if rest else ()))

    def _source(self, node: ast.ImportFrom) -> tuple[str, ...]:
        return (*self._base(node.level), *(node.module.split(".") if node.module else ()))

    def _base(self, level: int) -> tuple[str, ...]:
        return self.package[: len(self.package) - (level - 1)] if level else ()
