"""Edits of a program's code, in lines that were seen to run, and reformattings of it that change nothing."""

from __future__ import annotations

import ast
import importlib
import random
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from inspect import CO_NEWLOCALS
from pathlib import Path
from types import FrameType
from typing import NamedTuple

_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.Lt: ast.GtE, ast.Gt: ast.LtE,
    ast.LtE: ast.Gt, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
_REMOVABLE = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.If, ast.For, ast.Raise)


def ran_lines(root: Path, driver: str) -> dict[str, dict[str, set[int]]]:
    """The lines of each file that ran, those of functions ("f") and those of modules ("m") apart."""
    ran: dict[str, dict[str, set[int]]] = {}

    def trace(frame: FrameType, event: str, argument: object) -> Callable[..., object] | None:
        code = frame.f_code
        if not code.co_filename.startswith(str(root)):
            return None
        lines = ran.setdefault(code.co_filename, {"f": set(), "m": set()})["f" if code.co_flags & CO_NEWLOCALS else "m"]

        def in_frame(frame: FrameType, event: str, argument: object) -> Callable[..., object]:
            lines.add(frame.f_lineno)
            return in_frame

        return in_frame(frame, event, argument)

    before, modules = sys.gettrace(), set(sys.modules)
    try:
        sys.settrace(trace)
        importlib.import_module(driver).run()
    finally:
        sys.settrace(before)
        for name in set(sys.modules) - modules:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(root)):
                del sys.modules[name]
    return ran


class Place(NamedTuple):
    """A place of an edit: the kind, where the code is, the file, and the number of the node in it."""

    kind: str
    where: str
    file: str
    node: int


class _Places:
    """Finds the places of one file."""

    def __init__(self, file: str, ran: dict[str, set[int]]):
        self._file = file
        self._ran = ran
        self._tree = ast.parse(Path(file).read_bytes())
        self._numbers = {id(node): number for number, node in enumerate(ast.walk(self._tree))}
        self.found: list[Place] = []
        for statement in self._tree.body:
            self._visit(statement, "module", statement)

    def _ran_at(self, where: str, *nodes: ast.AST) -> bool:
        lines = self._ran["f" if where in ("function", "method") else "m"]
        return any(getattr(node, "lineno", None) in lines for node in nodes)

    def _add(self, kind: str, where: str, node: ast.AST) -> None:
        self.found.append(Place(kind, where, self._file, self._numbers[id(node)]))

    def _visit(self, node: ast.AST, where: str, statement: ast.AST) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr) or _is_idle(node):
            return
        if isinstance(node, ast.stmt):
            statement = node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._function(node, where)
            return
        if self._ran_at(where, node, statement):
            self._add_edits(node, where)
        inner = "class" if isinstance(node, ast.ClassDef) and where in ("module", "class") else where
        skipped = [getattr(node, "annotation", None)] if isinstance(node, ast.AnnAssign) else []
        skipped += node.decorator_list if isinstance(node, ast.ClassDef) else []
        for child in ast.iter_child_nodes(node):
            if child not in skipped:
                self._visit(child, inner, statement)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, where: str) -> None:
        inner = {"module": "function", "class": "method"}.get(where, where)
        if self._ran_at(inner, *node.body):
            if _changeable_defaults(node):
                self._add("default", inner, node)
            if node.decorator_list:
                self._add("decorator", inner, node)
        for child in node.body:
            self._visit(child, inner, child)

    def _add_edits(self, node: ast.AST, where: str) -> None:
        if isinstance(node, ast.Constant) and _another(node.value) is not None:
            self._add("constant", where, node)
        if type(getattr(node, "op", None) or getattr(node, "ops", [None])[0]) in _OPERATORS:
            self._add("operator", where, node)
        if isinstance(node, _REMOVABLE):
            self._add("deleted", where, node)
        if isinstance(node, ast.Dict) and node.keys:
            self._add("entry", where, node)
        if isinstance(node, ast.ClassDef) and node.decorator_list:
            self._add("decorator", where, node)


def _is_idle(node: ast.AST) -> bool:
    """A docstring, or the block of a main program."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Compare) and getattr(node.test.left, "id", "") == "__name__"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _another(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    return 0 if value is None else None


def _changeable_defaults(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.Constant]:
    defaults = [*node.args.defaults, *node.args.kw_defaults]
    return [d for d in defaults if isinstance(d, ast.Constant) and _another(d.value) is not None]


def places(ran: dict[str, dict[str, set[int]]], chance: random.Random) -> Iterator[Place]:
    """Draw places without end to kinds: as many of each kind and place as there are."""
    strata = defaultdict[tuple[str, str], list[Place]](list)
    for file in sorted(ran):
        for place in _Places(file, ran[file]).found:
            strata[place.kind, place.where].append(place)
    for drawn in strata.values():
        chance.shuffle(drawn)
    while any(strata.values()):
        for key in sorted(strata):
            if strata[key]:
                yield strata[key].pop()


def edited(place: Place, chance: random.Random) -> str:
    """The text of a file with one edit."""
    tree = ast.parse(Path(place.file).read_bytes())
    nodes = list(ast.walk(tree))
    node = nodes[place.node]
    if isinstance(node, ast.Constant):
        node.value = _another(node.value)
    elif place.kind == "operator" and isinstance(node, ast.Compare):
        node.ops[0] = _OPERATORS[type(node.ops[0])]()
    elif place.kind == "operator":
        node.op = _OPERATORS[type(node.op)]()
    elif place.kind == "deleted":
        _replace(nodes, node)
    elif place.kind == "entry":
        number = chance.randrange(len(node.keys))
        del node.keys[number], node.values[number]
    elif place.kind == "default":
        default = chance.choice(_changeable_defaults(node))
        default.value = _another(default.value)
    elif place.kind == "decorator":
        node.decorator_list.pop(chance.randrange(len(node.decorator_list)))
    return ast.unparse(ast.fix_missing_locations(tree))


def _replace(nodes: list[ast.AST], node: ast.AST) -> None:
    for parent in nodes:
        for _, values in ast.iter_fields(parent):
            if isinstance(values, list) and any(value is node for value in values):
                values[[value is node for value in values].index(True)] = ast.Pass()
                return


class _Docstrings(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.body.insert(0, ast.Expr(ast.Constant("Another docstring.")))
        return node


class _Hints(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        if not node.decorator_list:
            node.returns = node.returns or ast.Name("object", ast.Load())
        return node


class _Locals(ast.NodeTransformer):
    """Renames locals of functions that have no scopes inside."""

    _SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.GeneratorExp)
    _OTHERS = (ast.SetComp, ast.DictComp, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        inside = [inner for statement in node.body for inner in ast.walk(statement)]
        reads = {"locals", "vars", "eval", "exec", "dir"}
        names = [inner for inner in inside if isinstance(inner, ast.Name)]
        if any(isinstance(inner, (*self._SCOPES, *self._OTHERS)) for inner in inside) or any(
            n.id in reads for n in names
        ):
            return node
        own = {name.id for name in names if not isinstance(name.ctx, ast.Load)}
        own -= {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
        for name in names:
            name.id = f"my_{name.id}" if name.id in own else name.id
        return node


def _by(transformer: type[ast.NodeTransformer]) -> Callable[[str], str]:
    return lambda text: ast.unparse(ast.fix_missing_locations(transformer().visit(ast.parse(text))))


def _ruff(*options: str) -> Callable[[str], str]:
    command = [sys.executable, "-m", "ruff", "format", "-q", "--isolated", *options, "-"]
    return lambda text: subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


REFORMATTINGS: dict[str, Callable[[str], str]] = {
    "syntax only": lambda text: ast.unparse(ast.parse(text)),
    "docstrings": _by(_Docstrings),
    "type hints": _by(_Hints),
    "locals renamed": _by(_Locals),
    "blank lines": lambda text: re.sub(r"\n\n", "\n\n\n", text),
    "comments": lambda text: (
        re.sub(r"^(\s*)(return|if|for|def) ", r"\1# note\n\1\2 ", text, flags=re.MULTILINE)
        if '"""' not in text and "'''" not in text
        else text + "\n# note\n"
    ),
    "line ends": lambda text: text.replace("\n", "\r\n"),
    "byte order mark": lambda text: "\ufeff" + text,
}
FORMATTERS = {
    "ruff": _ruff(),
    "ruff, narrow": _ruff("--line-length", "40"),
    "ruff, quotes": _ruff("--config", "format.quote-style='single'"),
}
