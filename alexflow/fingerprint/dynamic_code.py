"""Calls that look up code by a name: the name is followed where it is written down, else everything that it may be.

Each rule widens and never guesses. What cannot even be widened, such as a plugin's entry point, is a mark.
"""

from __future__ import annotations

import ast

from alexflow.fingerprint.references import References
from alexflow.fingerprint.scopes import dotted
from alexflow.fingerprint.summary import ABSOLUTE

#: Methods that change the object that they are called on.
MUTATORS = frozenset(
    {"append", "add", "update", "extend", "insert", "register", "setdefault", "pop", "remove", "clear", "discard"}
    | {"appendleft", "__setitem__"}
)

_OF_OBJECT = frozenset({"getattr", "hasattr", "setattr"})
_BY_NAME = _OF_OBJECT | {"attrgetter", "methodcaller"}
_ENTRY_POINTS = frozenset({"entry_points", "iter_entry_points"})
_OUTSIDE = frozenset({"CDLL", "Popen", "system", "check_output", "check_call"})


def note_call(found: References, node: ast.Call) -> None:
    """Note what a call may reach besides the names in it."""
    function = dotted(node.func)
    if not function:
        return
    target, name = found.target(function), function[-1]
    if target is not None and (node.args or node.keywords):
        found.dynamic.add(("passed to", ".".join(target)))
    if name in MUTATORS and isinstance(node.func, ast.Attribute):
        root = found.root(node.func.value)
        if root is not None:
            found.writes.add(root)
    if name in _BY_NAME and node.args:
        _note_attributes(found, node, name)
    elif name in ("import_module", "__import__") and node.args:
        _note_import(found, node.args[0])
    elif name == "globals":
        found.dynamic.add(("whole module", ""))
    elif function in (["eval"], ["exec"]) and node.args and literal_code(node) is None:
        found.dynamic.update({("whole module", ""), ("mark", f"{name} of text made at run time")})
    elif name in _ENTRY_POINTS:
        found.dynamic.add(("mark", f"plugins loaded by {name}"))
    elif name in _OUTSIDE:
        found.dynamic.add(("mark", f"what {name} runs"))


def literal_code(node: ast.Call) -> list[ast.stmt] | None:
    """Return the statements of ``eval("…")``; None if the text is made at run time or is no Python."""
    first = node.args[0] if node.args else None
    if dotted(node.func) not in (["eval"], ["exec"]) or not isinstance(first, ast.Constant):
        return None
    try:
        return ast.parse(first.value).body if isinstance(first.value, str) else None
    except (SyntaxError, ValueError):
        return None


def _note_attributes(found: References, node: ast.Call, function: str) -> None:
    """Note the attributes that ``getattr(object, name)`` may read."""
    owner = dotted(node.args[0]) if function in _OF_OBJECT else ()
    for name in node.args[1:2] if function in _OF_OBJECT else node.args:
        if isinstance(name, ast.Constant):
            if isinstance(name.value, str):
                found.attributes.update(name.value.split("."))
            continue
        prefix = prefix_of(name)
        found.dynamic.add(("prefix", prefix) if prefix else ("by string", ""))
        if not owner:
            continue
        target = found.target(owner)
        if target is not None:
            found.dynamic.add(("whole of", ".".join(target)))
        if owner[0] in ("self", "cls"):
            found.dynamic.add(("own members", prefix))


def _note_import(found: References, name: ast.expr) -> None:
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        module = found.module.absolute(name.value)
        found.references.add((ABSOLUTE, *module))
        found.imports.add(module)
    else:
        found.dynamic.add(("import", prefix_of(name)))


def prefix_of(node: ast.expr) -> str:
    """Return the text that a name made at run time certainly begins with."""
    if isinstance(node, ast.JoinedStr) and node.values:
        return prefix_of(node.values[0])
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return prefix_of(node.left).partition("%")[0]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return prefix_of(node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return prefix_of(node.func.value).partition("{")[0]
    return ""
