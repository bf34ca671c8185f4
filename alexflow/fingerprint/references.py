"""``References``: what a unit of code mentions, so that the linker can follow it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from alexflow.fingerprint.module_names import ModuleNames
from alexflow.fingerprint.scopes import Scopes, dotted
from alexflow.fingerprint.summary import ABSOLUTE, GLOBAL, MEMBER, Reference


class References:
    """Collects what one unit refers to.

    Args:
        module: the names of the module that the unit is in.
        members: the names bound in the class that it is a member of.

    Attributes:
        scopes: the scopes around the place that is looked at.
        references, attributes, dynamic, strings, writes, imports: see :class:`.CodeUnit`.
    """

    def __init__(self, module: ModuleNames, members: Iterable[str] = ()):
        self.module = module
        self.scopes = Scopes()
        self.references: set[Reference] = set()
        self.attributes: set[str] = set()
        self.dynamic: set[tuple[str, str]] = set()
        self.strings: set[str] = set()
        self.writes: set[Reference] = set()
        self.imports: set[tuple[str, ...]] = set()
        self._members = frozenset(members)

    def target(self, parts: Sequence[str]) -> tuple[str, ...] | None:
        """Return the absolute target of ``a.b.c`` if ``a`` is imported; None if it is not."""
        first = parts[0]
        if self.scopes.binds(first):
            found = self.scopes.imported(first)
        else:
            found = None if self._is_member(first) else self.module.imported(first)
        return None if found is None else (*found, *parts[1:])

    def name(self, parts: Sequence[str]) -> str:
        """Note ``a.b.c``, and return what stands for it in the normal form."""
        first, rest = parts[0], parts[1:]
        target = self.target(parts)
        if target is not None:
            self.references.add((ABSOLUTE, *target))
            return "I" + ".".join(target)
        self.attributes.update(rest)
        local = self.scopes.local(first)
        if local is not None:
            return ".".join([local, *rest])
        if self._is_member(first):
            self.references.add((MEMBER, first))
            return "C" + ".".join(parts)
        if self.module.may_bind(first):
            self.references.add((GLOBAL, *parts))
        if first == "__doc__":
            self.dynamic.add(("docstrings", ""))
        return "G" + ".".join(parts)

    def attribute(self, name: str) -> None:
        """Note what the name of an attribute alone says."""
        if name == "__doc__":
            self.dynamic.add(("docstrings", ""))
        elif name == "__subclasses__":
            self.dynamic.add(("subclasses", ""))

    def written(self, node: ast.AST) -> None:
        """Note that something is assigned to, if it is not local."""
        if isinstance(node, ast.Tuple | ast.List):
            for element in node.elts:
                self.written(element)
        elif isinstance(node, ast.Starred):
            self.written(node.value)
        elif isinstance(node, ast.Subscript | ast.Attribute):
            root = self.root(node)
            if root is not None:
                is_attribute = isinstance(node, ast.Attribute) and root[0] == GLOBAL and len(root) > 2
                self.writes.add(root[:-1] if is_attribute else root)
        elif isinstance(node, ast.Name) and self.scopes.declared_global(node.id):
            self.writes.add((GLOBAL, node.id))

    def root(self, node: ast.AST) -> Reference | None:
        """Return what an expression such as ``a.b[0].c`` belongs to; None if that is local."""
        while isinstance(node, ast.Subscript | ast.Attribute) and not dotted(node):
            node = node.value
        parts = dotted(node)
        if not parts:
            return None
        target = self.target(parts)
        if target is not None:
            return (ABSOLUTE, *target)
        return None if self.scopes.binds(parts[0]) else (GLOBAL, *parts)

    def _is_member(self, name: str) -> bool:
        return name in self._members and not self.scopes.in_function()
