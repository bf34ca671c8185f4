"""From the source of a module to its summary. Nothing is imported or executed.

Top-level statements are grouped by the name that they bind: a function, a constant, a class without its methods, each
method. A name that is bound twice, as by ``try … except ImportError``, is one unit of both. What a condition guards
counts with the condition; the body of ``if __name__ == "__main__"`` does not count. Statements that bind nothing are
effects of the import.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from alexflow.fingerprint.module_names import DEFINED, ModuleNames
from alexflow.fingerprint.normal_form import NormalForm, TooDeep
from alexflow.fingerprint.scopes import FUNCTIONS, Scope, bound_names, dotted
from alexflow.fingerprint.summary import (
    ABSOLUTE,
    GLOBAL,
    HOW_IT_RUNS,
    CodeUnit,
    Contribution,
    ModuleSummary,
    Reference,
    digest_of,
    opaque_summary,
)

UNREADABLE = "syntax that this Python cannot read"


class _GuardedStatement(NamedTuple):
    """A top-level statement, and the conditions around it, each with whether it holds."""

    statement: ast.stmt
    guards: tuple[tuple[str, ast.expr], ...] = ()


def summarize(name: str, source: bytes, *, is_package: bool = False, loose: bool = False) -> ModuleSummary:
    """Summarize a module.

    Args:
        name: its absolute name.
        source: its bytes.
        is_package: whether it is the ``__init__`` of a package.
        loose: whether it is a notebook: of a name that is bound again only the last binding counts.
    """
    try:
        tree = ast.parse(source)
        return _Summarizer(name, is_package, loose).summarize(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError, TooDeep):
        return opaque_summary(name, source, UNREADABLE)


class _Summarizer:
    """Collects the units of one module."""

    def __init__(self, name: str, is_package: bool, loose: bool):
        self._names = ModuleNames(name, is_package)
        self._loose = loose
        self._units: dict[str, CodeUnit] = {}
        self._members: dict[str, list[str]] = {}
        self._bases: dict[str, tuple[Reference, ...]] = {}
        self._contributions: list[Contribution] = []

    def summarize(self, body: Sequence[ast.stmt]) -> ModuleSummary:
        statements = list(_flattened(body))
        if self._loose:
            statements = _last_bindings(statements)
        for statement, _ in statements:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self._names.add_import(statement)
            else:
                for name in bound_names([statement]).own:
                    self._names.bind(name)
        for number, guarded in enumerate(statements):
            self._add_statement(number, guarded)
        return ModuleSummary(
            self._names.name,
            self._names.package,
            {name: tuple(targets) for name, targets in sorted(self._names.bound.items())},
            tuple(self._names.stars),
            tuple(sorted(self._names.imports)),
            self._units,
            {name: tuple(dict.fromkeys(members)) for name, members in self._members.items()},
            self._bases,
            tuple(self._contributions),
            self._loose,
        )

    def _add_statement(self, number: int, guarded: _GuardedStatement) -> None:
        statement = guarded.statement
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._add_import(statement, guarded)
        elif isinstance(statement, FUNCTIONS):
            form = self._form(guarded)
            form.function(statement)
            self._add(statement.name, form.unit())
            self._add_decorators(statement)
        elif isinstance(statement, ast.ClassDef):
            self._add_class(statement, guarded)
        elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            self._add_other(number, statement, guarded)

    def _form(self, guarded: _GuardedStatement, members: Iterable[str] = ()) -> NormalForm:
        form = NormalForm(self._names, members)
        for word, test in guarded.guards:
            form.write(word, test)
        return form

    def _add(self, name: str, unit: CodeUnit) -> None:
        other = self._units.get(name)
        self._units[name] = unit if other is None else _merged(other, unit)

    def _add_import(self, node: ast.Import | ast.ImportFrom, guarded: _GuardedStatement) -> None:
        """Add an import if another statement binds the same name: which of them counts is up to its condition."""
        for name, target in self._names.targets(node):
            if len(self._names.bound.get(name, ())) > 1:
                form = self._form(guarded)
                form.write("import", ".".join(target))
                form.references.update((ABSOLUTE, *other) for other in self._names.bound[name] if other != DEFINED)
                self._add(name, form.unit())

    def _add_class(self, node: ast.ClassDef, guarded: _GuardedStatement) -> None:
        methods = [part for part in node.body if _member_name(part)]
        names = bound_names(node.body).own
        header = self._form(guarded, names)
        header.class_header(node)
        header.scopes.push(Scope("class", set()))
        header.block([part for part in node.body if part not in methods])
        header.docstrings[:] = [ast.get_docstring(node, clean=False) or ""]
        self._add(node.name, header.unit())
        self._bases[node.name] = tuple(self._base_references(node))
        members = self._members.setdefault(node.name, [])
        for method in methods:
            name = _member_name(method)
            members.append(name)
            form = NormalForm(self._names, names)
            form.write(method)
            self._add(f"{node.name}.{name}", form.unit(owner=node.name))
        self._add_decorators(node)

    def _base_references(self, node: ast.ClassDef) -> Iterator[Reference]:
        for base in (*node.bases, *(keyword.value for keyword in node.keywords)):
            while isinstance(base, ast.Subscript):
                base = base.value
            parts = dotted(base)
            if parts:
                yield self._reference(parts)

    def _reference(self, parts: Sequence[str]) -> Reference:
        target = self._names.imported(parts[0])
        return (GLOBAL, *parts) if target is None else (ABSOLUTE, *target, *parts[1:])

    def _add_decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            called = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if called:
                self._contributions.append(Contribution(node.name, (), self._reference(called), is_decorated=True))

    def _add_other(self, number: int, statement: ast.stmt, guarded: _GuardedStatement) -> None:
        form = self._form(guarded)
        form.write(statement)
        names = bound_names([statement]).own
        unit = form.unit()
        for name in names:
            self._add(name, unit)
        if not names or unit.writes:
            self._add(f"<{number}>", unit)
            called: Sequence[str] = ()
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                called = dotted(statement.value.func)
            reference = self._reference(called) if called else ()
            self._contributions.append(Contribution(f"<{number}>", unit.writes, reference, is_decorated=False))


def _flattened(
    statements: Sequence[ast.stmt], guards: tuple[tuple[str, ast.expr], ...] = ()
) -> Iterator[_GuardedStatement]:
    """Yield statements out of ``if``, ``try`` and ``with``, with the conditions that they stand under."""
    for statement in statements:
        if isinstance(statement, ast.If):
            if _is_main(statement.test):
                continue
            counts = (dotted(statement.test) or [""])[-1] != "TYPE_CHECKING"
            yield from _flattened(statement.body, (*guards, ("if", statement.test)) if counts else guards)
            yield from _flattened(statement.orelse, (*guards, ("else", statement.test)) if counts else guards)
        elif isinstance(statement, ast.Try | ast.TryStar):
            yield from _flattened(statement.body, guards)
            for handler in statement.handlers:
                caught = (("except", handler.type),) if handler.type is not None else ()
                yield from _flattened(handler.body, (*guards, *caught))
            yield from _flattened([*statement.orelse, *statement.finalbody], guards)
        elif isinstance(statement, ast.With):
            entered = tuple(("with", item.context_expr) for item in statement.items)
            yield from _flattened(statement.body, (*guards, *entered))
        else:
            yield _GuardedStatement(statement, guards)


def _member_name(statement: ast.stmt) -> str:
    """Return the name of a statement in a class that is a unit of its own; nothing for one that is of the class."""
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return statement.name
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    return target.id if isinstance(target, ast.Name) and target.id in HOW_IT_RUNS else ""


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _last_bindings(statements: Sequence[_GuardedStatement]) -> list[_GuardedStatement]:
    """Return the statements without those of which all names are bound again later, as when a cell is run again."""
    seen: set[str] = set()
    kept: list[_GuardedStatement] = []
    for guarded in reversed(statements):
        names = _names_of(guarded.statement)
        if not names or names - seen:
            kept.append(guarded)
        if not isinstance(guarded.statement, ast.AugAssign):
            seen |= names
    return kept[::-1]


def _names_of(statement: ast.stmt) -> set[str]:
    return bound_names([statement]).own


_COLLECTED = ("references", "attributes", "dynamic", "strings", "writes", "imports")


def _merged(first: CodeUnit, second: CodeUnit) -> CodeUnit:
    both = {name: tuple(sorted({*getattr(first, name), *getattr(second, name)})) for name in _COLLECTED}
    docstrings = digest_of(first.docstrings + second.docstrings)
    return CodeUnit(digest_of(first.digest + second.digest), docstrings, owner=second.owner, **both)
