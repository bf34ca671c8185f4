"""Names in their scopes, as Python's compiler sees them, so that a local name is never taken for a global one."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

#: A function that mentions one of these sees the names of its locals; they count there, and are not numbered.
READS_LOCALS = frozenset({"locals", "vars", "eval", "exec", "dir"})

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_NAMED = (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)


class BoundNames(NamedTuple):
    """The names that statements bind in their own scope, and those that they declare to be of an outer one."""

    own: set[str]
    outer: set[str]


def bound_names(statements: Iterable[ast.stmt]) -> BoundNames:
    """Return the names that statements bind. Without recursion: an expression may be a chain of hundreds."""
    bound: set[str] = set()
    outer: set[str] = set()
    todo: list[ast.AST] = list(statements)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Global | ast.Nonlocal):
            outer.update(node.names)
        else:
            bound.update(_bound_by(node))
        todo += _in_same_scope(node)
    return BoundNames(bound - outer, outer)


def _bound_by(node: ast.AST) -> Iterable[str]:
    """Return the names that a node binds itself."""
    if isinstance(node, ast.Name):
        return () if isinstance(node.ctx, ast.Load) else (node.id,)
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, _COMPREHENSIONS):  # a scope of its own, but for `:=`, which binds in the scope around it
        return [inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)]
    if isinstance(node, ast.MatchMapping):
        return () if node.rest is None else (node.rest,)
    if isinstance(node, _NAMED) and node.name is not None:
        return (node.name,)
    return ()


def _in_same_scope(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a node that are evaluated in the scope that it is in."""
    if isinstance(node, FUNCTIONS):
        defaults = [default for default in node.args.kw_defaults if default is not None]
        return [*node.decorator_list, *node.args.defaults, *defaults]
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases]
    if isinstance(node, (ast.Lambda, *_COMPREHENSIONS)):
        return []
    return list(ast.iter_child_nodes(node))


def parameter_names(arguments: ast.arguments) -> list[str]:
    """Return the names of all parameters of a function."""
    starred = [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    return [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *starred)]


ScopeKind = Literal["function", "comprehension", "class"]


class Scope:
    """One scope inside a unit.

    Args:
        kind: what opens it.
        names: the names that are bound in it.
        kept: those of them that count by name, as parameters do. Others are numbered by first use.
        outer: names declared ``global`` or ``nonlocal``.
    """

    def __init__(
        self, kind: ScopeKind, names: set[str], kept: Iterable[str] = (), outer: Iterable[str] = (), keep: bool = False
    ):
        self.kind = kind
        self.names = names
        self.outer = set(outer)
        self.imports: dict[str, tuple[str, ...]] = {}
        self._kept = names if keep else set(kept)
        self._numbers: dict[str, int] = {}

    def token(self, name: str, depth: int) -> str:
        """Return what stands for a local name in the normal form."""
        if name in self._kept:
            return f"P{name}"
        return f"L{depth}.{self._numbers.setdefault(name, len(self._numbers))}"


class Scopes:
    """The scopes around a place, the innermost last."""

    def __init__(self) -> None:
        self._stack: list[Scope] = []

    def push(self, scope: Scope) -> None:
        """Enter a scope."""
        self._stack.append(scope)

    def pop(self) -> None:
        """Leave the innermost scope."""
        self._stack.pop()

    @property
    def innermost(self) -> Scope | None:
        """The scope of a place; None at the level of a unit."""
        return self._stack[-1] if self._stack else None

    def in_function(self) -> bool:
        """Whether a place is inside a function, where names of the class around it are not visible."""
        return any(scope.kind == "function" for scope in self._stack)

    def local(self, name: str) -> str | None:
        """Return what stands for a local name; None if it is not local, or is imported here."""
        scope, depth = self._find(name)
        return None if scope is None or name in scope.imports else scope.token(name, depth)

    def imported(self, name: str) -> tuple[str, ...] | None:
        """Return the target of a name that a function imports; None if it is no such name."""
        scope, _ = self._find(name)
        return None if scope is None else scope.imports.get(name)

    def binds(self, name: str) -> bool:
        """Whether a name is bound in one of the scopes."""
        return self._find(name)[0] is not None

    def declared_global(self, name: str) -> bool:
        """Whether a function declares this name to be the module's."""
        return any(name in scope.outer for scope in self._stack) and not self.binds(name)

    def _find(self, name: str) -> tuple[Scope | None, int]:
        for depth in range(len(self._stack) - 1, -1, -1):
            scope = self._stack[depth]
            if name in scope.names and (scope.kind != "class" or depth == len(self._stack) - 1):
                return scope, depth
        return None, 0


def dotted(node: ast.AST) -> Sequence[str]:
    """Return the parts of ``a.b.c``; nothing for what is not only names and attributes."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []
