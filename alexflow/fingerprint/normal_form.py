"""The normal form of a unit of code, and what it refers to.

Two texts with one normal form do the same: formatting, comments, docstrings, names of locals, type hints of locals and
of plain functions, and the spelling of imports do not count. The reverse is not claimed: a rewrite that happens to do
the same has another form.

The form is our own, because the others are not the same in every Python: ``ast.dump`` differs between 3.11 and 3.12 for
nine files in ten, bytecode at each step, and ``repr`` of a text depends on the interpreter's Unicode tables.

* A node is its class and its fields in order, tagged by name. What is empty is left out, so that fields which later
  versions add (``type_params`` of 3.12) do not count where they are not used.
* A name that is imported once is its absolute target: ``np.mean``, ``numpy.mean`` and ``from numpy import mean`` are
  one. A local is a number, in order of first use; a parameter keeps its name, since callers may use it.
* Text inside an f-string is joined first: implicit concatenation is parsed differently by different versions.
* Chains of operators and of ``elif`` are written without recursion. What is nested deeper than :data:`DEEPEST_CODE`
  raises :class:`TooDeep`, at the same place in every Python.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from alexflow.fingerprint.dynamic_code import literal_code, note_call
from alexflow.fingerprint.module_names import ModuleNames
from alexflow.fingerprint.references import References
from alexflow.fingerprint.scopes import READS_LOCALS, Scope, bound_names, dotted, parameter_names
from alexflow.fingerprint.summary import CodeUnit, digest_of

#: Levels of nesting. Python's own parser stops at about 100 parentheses.
DEEPEST_CODE = 160

#: Links of a chain such as ``a + b + …``.
LONGEST_CHAIN = 900

_LEFT_OUT = frozenset({"lineno", "col_offset", "end_lineno", "end_col_offset", "ctx", "type_comment", "kind"})
_BLOCKS = frozenset({"body", "orelse", "finalbody"})
_MAY_NAME_CODE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*(:[A-Za-z0-9_.]+)?", re.ASCII)
_LONGEST_NAME = 200


class TooDeep(Exception):
    """The code is nested so deeply that some Python could not read it."""


class NormalForm(References):
    """Writes the normal form of one unit, and collects what it refers to.

    Attributes:
        text: the form, in pieces.
        docstrings: those that were left out.
    """

    def __init__(self, module: ModuleNames, members: Iterable[str] = ()):
        super().__init__(module, members)
        self.text: list[str] = []
        self.docstrings: list[str] = []
        self._depth = 0

    def unit(self, owner: str = "") -> CodeUnit:
        """Return what has been written as a unit."""
        return CodeUnit(
            digest_of("".join(self.text)),
            digest_of("\0".join(self.docstrings)) if self.docstrings else "",
            tuple(sorted(self.references)),
            tuple(sorted(self.attributes)),
            tuple(sorted(self.dynamic)),
            tuple(sorted(self.strings)),
            tuple(sorted(self.writes)),
            tuple(sorted(self.imports)),
            owner,
        )

    def write(self, *parts: ast.AST | str | None) -> None:
        """Write nodes and literal text."""
        for part in parts:
            if isinstance(part, str):
                self.text.append(part)
            elif part is not None:
                self._node(part)

    def each(self, nodes: Iterable[ast.AST | None], before: str = "", after: str = ",") -> None:
        """Write nodes with text before and after each."""
        for node in nodes:
            self.write(before, node, after)

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Write statements without those that do nothing."""
        self.text.append("{")
        for number, statement in enumerate(statements):
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                if number == 0 and isinstance(statement.value.value, str):
                    self.docstrings.append(statement.value.value)
            elif not isinstance(statement, ast.Pass):
                self._node(statement)
        self.text.append("}")

    def _node(self, node: ast.AST) -> None:
        if self._depth >= DEEPEST_CODE:
            raise TooDeep
        self._depth += 1
        writer = _WRITERS.get(type(node))
        if writer is None:
            self._any(node)
        else:
            writer(self, node)
        self._depth -= 1

    def _any(self, node: ast.AST) -> None:
        self.write("(", type(node).__name__)
        for field in node._fields:
            value = getattr(node, field, None)
            if field in _LEFT_OUT or value is None or value == []:
                continue
            self.write(":", field)
            if field in _BLOCKS and isinstance(value, list):
                self.block(value)
            elif isinstance(value, list):
                self.text.append("[")
                self.each([part for part in value if isinstance(part, ast.AST)])
                self.text.extend(ascii(part) for part in value if not isinstance(part, ast.AST))
                self.text.append("]")
            else:
                self.write(value if isinstance(value, ast.AST) else ascii(value))
        self.text.append(")")

    def hint(self, annotation: ast.expr | None) -> None:
        """Note what a type hint refers to: it may be all that leads to the class of an object. It is not written."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                annotation = ast.parse(annotation.value, mode="eval").body
            except (SyntaxError, ValueError):
                return
        if annotation is None:
            return
        kept = self.text, self.attributes, self.strings, self.dynamic
        self.text, self.attributes, self.strings, self.dynamic = [], set(), set(), set()
        self._node(annotation)
        self.text, self.attributes, self.strings, self.dynamic = kept

    def _name(self, node: ast.Name) -> None:
        self.text.append(self.name([node.id]))

    def _attribute(self, node: ast.Attribute) -> None:
        self.attribute(node.attr)
        parts = dotted(node)
        if parts:
            self.text.append(self.name(parts))
        else:
            self.attributes.add(node.attr)
            self.write(node.value, ".", node.attr)

    # literals

    def _constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, str):
            if len(value) <= _LONGEST_NAME and _MAY_NAME_CODE.fullmatch(value):
                self.strings.add(value)
            self.text.append("s" + ascii(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            self.text.append("i" + hex(value))
        else:
            self.text.append(type(value).__name__ + repr(value))

    def _fstring(self, node: ast.JoinedStr) -> None:
        self.text.append("(f")
        for part in _joined(node.values):
            self.write(ascii(part) if isinstance(part, str) else part)
        self.text.append(")")

    def _replacement(self, node: ast.FormattedValue) -> None:
        self.write(f"<{node.conversion}", node.value)
        if node.format_spec is not None:
            spec = node.format_spec
            self.text.append(":")
            self._fstring(spec if isinstance(spec, ast.JoinedStr) else ast.JoinedStr(values=[spec]))
        self.text.append(">")

    # expressions

    def _chain(self, node: ast.BinOp) -> None:
        """Write ``a + b + …`` from its innermost operand outwards."""
        links: list[ast.BinOp] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp):
            links.append(first)
            first = first.left
        if len(links) > LONGEST_CHAIN:
            raise TooDeep
        self.write("(" * len(links), first)
        for link in reversed(links):
            self.write(type(link.op).__name__, link.right, ")")

    def _call(self, node: ast.Call) -> None:
        note_call(self, node)
        self.each(literal_code(node) or ())
        self.write("(", node.func, "(")
        self.each(node.args)
        for keyword in node.keywords:
            self.write(f"{keyword.arg or '**'}=", keyword.value, ",")
        self.text.append("))")

    def _lambda(self, node: ast.Lambda) -> None:
        self.text.append("(lambda ")
        self.parameters(node.args, with_hints=False)
        names = parameter_names(node.args)
        self.scopes.push(Scope("function", set(names), names))
        self.write(node.body, ")")
        self.scopes.pop()

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        targets = [name for part in node.generators for name in ast.walk(part.target)]
        self.text.append("(" + type(node).__name__)
        self.scopes.push(Scope("comprehension", {name.id for name in targets if isinstance(name, ast.Name)}))
        for part in node.generators:
            self.write("for", part.target, "in", part.iter)
            self.each(part.ifs, before="if")
            self.text.append("async" if part.is_async else "")
        if isinstance(node, ast.DictComp):
            self.write(node.key, ":", node.value)
        else:
            self.write(node.elt)
        self.scopes.pop()
        self.text.append(")")

    # statements

    def _delete(self, node: ast.Delete) -> None:
        targets: list[ast.expr] = []
        for target in node.targets:  # black writes `del (a, b)` as `del a, b`
            targets += target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        self.text.append("(del")
        for target in targets:
            self.written(target)
        self.each(targets)
        self.text.append(")")

    def _assign(self, node: ast.Assign) -> None:
        self.text.append("(=")
        for target in node.targets:
            self.written(target)
            self.write(target, "=")
        self.write(node.value, ")")

    def _augmented(self, node: ast.AugAssign) -> None:
        self.written(node.target)
        self.write(f"({type(node.op).__name__}=", node.target, node.value, ")")

    def _annotated(self, node: ast.AnnAssign) -> None:
        scope = self.scopes.innermost
        self.hint(node.annotation)
        if scope is None or scope.kind != "function":  # of a class or module: dataclasses and others read these
            self.write("(:=", node.target, ":", node.annotation)
            self.write(*(("=", node.value) if node.value is not None else ()), ")")
        elif node.value is not None:
            self.write("(=", node.target, "=", node.value, ")")

    def _if(self, node: ast.If) -> None:
        self.text.append("(if")
        arms = 0
        while True:
            self.write(node.test)
            self.block(node.body)
            arms += 1
            if len(node.orelse) != 1 or not isinstance(node.orelse[0], ast.If):
                break
            if arms > LONGEST_CHAIN:
                raise TooDeep
            self.text.append("elif")
            node = node.orelse[0]
        self.block(node.orelse)
        self.text.append(")")

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Note a function's import. It is not written: its names are, as their targets."""
        scope = self.scopes.innermost
        for name, target in self.module.targets(node):
            if scope is not None and name != "*":
                scope.imports[name] = target
        self.imports.update(self.module.modules(node))

    def _handler(self, node: ast.ExceptHandler) -> None:
        self.write("(except", node.type)
        if node.name:
            self.text.append(" as ")
            self.text.append(self.name([node.name]))
        self.block(node.body)
        self.text.append(")")

    def _captured(self, node: ast.MatchAs | ast.MatchStar) -> None:
        self.write("(as", getattr(node, "pattern", None), " ")
        if node.name:
            self.text.append(self.name([node.name]))
        self.text.append(")")

    def _mapping(self, node: ast.MatchMapping) -> None:
        self.text.append("(map")
        self.each(node.keys)
        self.each(node.patterns)
        if node.rest:
            self.text.append("**")
            self.text.append(self.name([node.rest]))
        self.text.append(")")

    def _outer(self, node: ast.Global | ast.Nonlocal) -> None:
        if isinstance(node, ast.Global):
            self.text.append("global" + ",".join(sorted(node.names)))

    # functions and classes

    def parameters(self, node: ast.arguments, *, with_hints: bool) -> None:
        """Write the parameters of a function, and their defaults."""
        kinds = [("p", node.posonlyargs), ("a", node.args), ("*", [node.vararg] if node.vararg else [])]
        kinds += [("k", node.kwonlyargs), ("**", [node.kwarg] if node.kwarg else [])]
        self.text.append("args(")
        for kind, parameters in kinds:
            for parameter in parameters:
                self.write(f"{kind}{parameter.arg},")
                self._hinted(parameter.annotation, with_hints)
        self.text.append("=[")
        self.each(node.defaults)
        self.text.append("][")
        self.each(node.kw_defaults)
        self.text.append("])")

    def _hinted(self, annotation: ast.expr | None, with_hints: bool) -> None:
        if annotation is not None and with_hints:
            self.write(":", annotation)
        self.hint(annotation)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Write a function. Decorators may read its type hints, so these count where there are any."""
        decorated = bool(node.decorator_list)
        local = self.scopes.local(node.name) if self.scopes.in_function() else None
        self.write("(", type(node).__name__, " ", local or node.name)
        self.each(node.decorator_list, before="@", after="")
        self.parameters(node.args, with_hints=decorated)
        self._hinted(node.returns, decorated)
        names, parameters = bound_names(node.body), parameter_names(node.args)
        parameters += [parameter.name for parameter in getattr(node, "type_params", [])]
        inside = list(ast.walk(node))
        keep = any(isinstance(part, ast.Name) and part.id in READS_LOCALS for part in inside)
        self.scopes.push(Scope("function", names.own | set(parameters), parameters, names.outer, keep))
        for part in inside:  # an import may stand behind the use of its name, in a loop
            if isinstance(part, ast.Import | ast.ImportFrom):
                self._import(part)
        self.block(node.body)
        self.scopes.pop()
        self.text.append(")")

    def class_header(self, node: ast.ClassDef) -> None:
        """Write all of a class that stands before its body."""
        self.write("(class ", node.name)
        self.each(node.decorator_list, before="@", after="")
        self.each(node.bases, before="<", after="")
        for keyword in node.keywords:
            self.write(f"{keyword.arg or '**'}=", keyword.value, ",")

    def _class(self, node: ast.ClassDef) -> None:
        self.class_header(node)
        names = bound_names(node.body).own
        self.scopes.push(Scope("class", names, names))
        self.block(node.body)
        self.scopes.pop()
        self.text.append(")")


def _joined(values: Iterable[ast.expr]) -> list[ast.expr | str]:
    """Return the parts of an f-string, with neighbouring texts as one."""
    parts: list[ast.expr | str] = []
    for value in values:
        inner = _joined(value.values) if isinstance(value, ast.JoinedStr) else [value]
        for part in inner:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                part = part.value
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part != "":
                parts.append(part)
    return parts


_WRITERS: dict[type[ast.AST], Callable[[NormalForm, Any], None]] = {
    ast.Name: NormalForm._name,
    ast.Attribute: NormalForm._attribute,
    ast.Constant: NormalForm._constant,
    ast.JoinedStr: NormalForm._fstring,
    ast.FormattedValue: NormalForm._replacement,
    ast.BinOp: NormalForm._chain,
    ast.Call: NormalForm._call,
    ast.Lambda: NormalForm._lambda,
    ast.ListComp: NormalForm._comprehension,
    ast.SetComp: NormalForm._comprehension,
    ast.DictComp: NormalForm._comprehension,
    ast.GeneratorExp: NormalForm._comprehension,
    ast.Delete: NormalForm._delete,
    ast.Assign: NormalForm._assign,
    ast.AugAssign: NormalForm._augmented,
    ast.AnnAssign: NormalForm._annotated,
    ast.If: NormalForm._if,
    ast.Import: NormalForm._import,
    ast.ImportFrom: NormalForm._import,
    ast.ExceptHandler: NormalForm._handler,
    ast.MatchAs: NormalForm._captured,
    ast.MatchStar: NormalForm._captured,
    ast.MatchMapping: NormalForm._mapping,
    ast.Global: NormalForm._outer,
    ast.Nonlocal: NormalForm._outer,
    ast.FunctionDef: NormalForm.function,
    ast.AsyncFunctionDef: NormalForm.function,
    ast.ClassDef: NormalForm._class,
}
