"""Finds calls of users' code in the package's own code, and whether a handler of the boundary is around them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

#: What code calls an exception.
EXCEPTIONS = ("error", "reason", "second", "exc", "trouble")


#: Functions that call what they are given in a `try` of the boundary.
GUARDS = ("_guarded", "_caught")


class Use(NamedTuple):
    """A use of a name: an attribute that may be a user's, a call that runs users' code, or a function of ours."""

    function: str  # as ``module:qualname``
    name: str
    line: int
    guarded: bool
    receiver: str


class _Scan(ast.NodeVisitor):
    def __init__(self, module: str):
        self._module = module
        self._names: list[str] = []
        self._guards = [False]
        self._narrow: frozenset[str] = frozenset()  # exceptions of kinds that are not the user's
        self.uses: list[Use] = []

    def _add(self, name: str, node: ast.AST, receiver: str = "") -> None:
        function = f"{self._module}:{'.'.join(self._names)}"
        self.uses.append(Use(function, name, node.lineno, self._guards[-1], receiver))  # type: ignore[attr-defined]

    def _visit_inside(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        for part in [*node.decorator_list, *getattr(node, "bases", ())]:
            self.visit(part)
        self._names.append(node.name)
        self._guards.append(False)  # what is defined inside a `try` runs elsewhere
        for part in node.body:
            self.visit(part)
        self._guards.pop()
        self._names.pop()

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _visit_inside

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._guards.append(False)
        self.visit(node.body)
        self._guards.pop()

    def visit_Try(self, node: ast.Try) -> None:
        self._guards.append(self._guards[-1] or any(map(_is_boundary, node.handlers)))
        for part in node.body:
            self.visit(part)
        self._guards.pop()
        for handler in node.handlers:
            before = self._narrow
            if handler.name and not _is_broad(handler):
                self._narrow = before | {handler.name}
            self.visit(handler)
            self._narrow = before
        for part in [*node.orelse, *node.finalbody]:
            self.visit(part)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Load):
            self._add(node.attr, node, _last_name(node.value))
        self.visit(node.value)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._add(node.id, node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in ("repr", "str", "hash", "format", "ascii") and node.args:
            self._add(f"{node.func.id}()", node, _last_name(node.args[0]))
        if _last_name(node.func) in GUARDS:
            self.visit(node.func)
            self._guards.append(True)
            for part in [*node.args, *(keyword.value for keyword in node.keywords)]:
                self.visit(part)
            self._guards.pop()
            return
        if isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr") and len(node.args) > 1:
            named = node.args[1]
            name = str(named.value) if isinstance(named, ast.Constant) else "getattr()"
            self._add(name, node, _last_name(node.args[0]))
        self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        name = _last_name(node.value)
        if node.conversion == ord("r"):
            self._add("!r", node, name)
        elif name in EXCEPTIONS and name not in self._narrow:
            self._add("{} of an exception", node, name)
        self.generic_visit(node)


def _is_boundary(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.type, ast.Name) and handler.type.id == "BaseException"


def _is_broad(handler: ast.ExceptHandler) -> bool:
    """Whether it catches what users' code may raise: more than errors of the operating system, or of ours."""
    named = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else {""}
    return not named <= {"OSError", "ValueError", "ShippingError", "StorageError", "AlexflowError"}


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call):
        return _last_name(node.func) + "()"
    return type(node).__name__


def uses(root: Path) -> Iterator[Use]:
    """All uses of names in a package's modules, from its folder."""
    for path in sorted(root.rglob("*.py")):
        scan = _Scan(".".join(path.relative_to(root.parent).with_suffix("").parts))
        scan.visit(ast.parse(path.read_text()))
        yield from scan.uses


def named_hooks(root: Path) -> set[str]:
    """The names of hooks with which a package calls the functions of the boundary, or sets ``hook`` for those."""
    found: set[str] = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            values: list[ast.expr] = []
            if isinstance(node, ast.Call) and _last_name(node.func) in ("hook_failed", "hook_error", "note_hook"):
                values = node.args[1:2]
            elif isinstance(node, ast.Assign) and _last_name(node.targets[0]) == "hook":
                values = [node.value]
            found |= {str(part.value) for value in values for part in _constants(value)}
    return {name.removesuffix("()") for name in found if name}


def _constants(node: ast.expr) -> Iterator[ast.Constant]:
    """A constant, or both of a conditional expression; nothing of a text that is put together."""
    if isinstance(node, ast.Constant):
        yield node
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)
