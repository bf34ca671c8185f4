"""``alexflow graph TARGET``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alexflow.cli import answers, drawing
from alexflow.cli.arguments import MAX_DRAWN
from alexflow.cli.recorded import record_of, short_id
from alexflow.cli.targets import is_live, target_and_storage
from alexflow.cli.task_graph import TaskGraph, graph_of_record, graph_of_target
from alexflow.cli.tree import tree
from alexflow.cli.wrong_use import WrongUse


def execute(options: argparse.Namespace) -> int:
    """Draw the graph."""
    if is_live(options.target):
        graph = graph_of_target(*target_and_storage(options))
    elif options.fields or options.set:
        raise WrongUse(f"{options.target} is stored with the fields that it has; name a class to draw another one")
    else:
        graph = graph_of_record(record_of(options), options.target)
    graph = _part(graph, options)
    if options.json:
        answers.print_json(_as_data(graph.by_class() if options.by_class else graph))
        return 0
    format = _format(options)
    lines = _drawn(graph, format, options)
    if options.output is None:
        if format == "tree":
            answers.headline(_counted(graph))
        else:
            answers.write_as_data()
        print(*lines, sep="\n")
        if format == "tree":
            answers.helps_next(_next(graph, options), options.storage)
    else:
        try:
            Path(options.output).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        except OSError as error:
            raise WrongUse(f"{options.output} cannot be written: {error.strerror}") from None
        answers.headline(f"{options.output}: {_counted(graph)}", good=True)
    return 0


def _next(graph: TaskGraph, options: argparse.Namespace) -> str:
    first = next(iter(graph.nodes.values()))
    return f"alexflow show {short_id(first.name)}" if first.done else f"alexflow plan {options.target}"


def _counted(graph: TaskGraph) -> str:
    done = sum(node.done is True for node in graph.nodes.values())
    return f"{answers.counted(len(graph.nodes), 'task')}, {done:,} done"


def _part(graph: TaskGraph, options: argparse.Namespace) -> TaskGraph:
    if options.first is None and options.last is None:
        return graph
    last = graph.find(options.last) if options.last is not None else graph.tops()[0]
    if options.first is None:
        raise WrongUse("--to needs --from: the paths between the two are shown")
    first = graph.find(options.first)
    part = graph.between(first, last)
    if not part.nodes:
        raise WrongUse(f"{graph.nodes[last].text} does not depend on {graph.nodes[first].text}")
    return part


def _format(options: argparse.Namespace) -> str:
    if options.format is not None:
        return str(options.format)
    if options.output is None:
        return "tree"
    ending = Path(options.output).suffix.lstrip(".")
    known = {"svg": "svg", "html": "html", "dot": "dot", "gv": "dot", "mmd": "mermaid", "txt": "tree"}
    if ending not in known:
        raise WrongUse(
            f"{options.output} says no format; end it with .svg, .html, .dot, .mmd or .txt, or give --format"
        )
    return known[ending]


def _drawn(graph: TaskGraph, format: str, options: argparse.Namespace) -> Iterable[str]:
    by_class = options.by_class or (format != "tree" and len(graph.nodes) > MAX_DRAWN)
    if by_class and not options.by_class:
        print(f"{len(graph.nodes):,} tasks are too many for a picture; drawn by class", file=sys.stderr)
    shown = graph.by_class() if by_class else graph
    if format == "tree":
        return tree(shown)
    if format == "html":
        return drawing.page(shown, options.target, graph)
    return {"mermaid": drawing.mermaid, "dot": drawing.dot, "svg": drawing.svg}[format](shown)


def _as_data(graph: TaskGraph) -> dict[str, Any]:
    return {
        "nodes": [
            {"name": node.name, "class": node.class_name, "text": node.text, "done": node.done, "count": node.count}
            for node in graph.nodes.values()
        ],
        "edges": [{"from": name, "to": reader} for reader, names in graph.reads.items() for name in names],
    }
