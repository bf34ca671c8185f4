"""A graph as a tree of text: a task, and indented below it what it reads."""

from __future__ import annotations

from collections.abc import Iterator

from alexflow.cli.task_graph import TaskGraph

#: Tasks of one class below one reader that are shown; the others are counted.
ALIKE_SHOWN = 3

_MARKS = {True: "✓", False: "·", None: " "}


def tree(graph: TaskGraph, alike_shown: int = ALIKE_SHOWN) -> Iterator[str]:
    """The lines of the tree. What was shown above is not shown again, which its line says."""
    shown: set[str] = set()
    # a name, what stands before it, and whether it is the last of its siblings; no recursion, since graphs are deep
    pending: list[tuple[str, str, str]] = [(name, "", "") for name in reversed(_some(graph, graph.tops(), alike_shown))]
    while pending:
        name, before, branch = pending.pop()
        if name not in graph.nodes:  # a count of others
            yield f"{before}{branch}{name}"
            continue
        node = graph.nodes[name]
        below = graph.reads[name]
        again = name in shown and below
        shown.add(name)
        yield f"{before}{branch}{_MARKS[node.done]} {node.text}{'  (above)' if again else ''}"
        if again:
            continue
        inner = before + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        lines = _some(graph, below, alike_shown)
        pending += [(each, inner, "└─ " if number == len(lines) - 1 else "├─ ") for number, each in enumerate(lines)][
            ::-1
        ]


def _some(graph: TaskGraph, names: list[str], alike_shown: int) -> list[str]:
    """Names, the first few of each class, with a line that counts the others."""
    classes: dict[str, list[str]] = {}
    for name in names:
        classes.setdefault(graph.nodes[name].class_name, []).append(name)
    lines: list[str] = []
    for class_name, members in classes.items():
        more = len(members) - alike_shown
        lines += members if more <= 1 else members[:alike_shown]
        if more > 1:
            lines.append(f"  and {more:,} more {class_name.rpartition('.')[2]}")
    return lines
