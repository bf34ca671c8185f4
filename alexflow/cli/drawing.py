"""A graph as Mermaid, DOT, SVG, or a page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from alexflow.cli.task_graph import GraphNode, TaskGraph, edges_of
from alexflow.report.layout import Placed, placed

_BOX_WIDTH, _BOX_HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 190, 34, 26, 46, 20  # pixels
_CHARACTERS = 27  # of a node's text that fit into its box

_STATES = {True: "done", False: "missing", None: "unknown"}

_STYLE = """
svg { font: 12px system-ui, sans-serif; color-scheme: light dark; }
.box { stroke-width: 1.5; rx: 5px; }
.done .box { fill: #d9f0dd; stroke: #3a8f52; } .missing .box { fill: #fdf0d5; stroke: #b9801f; }
.unknown .box { fill: #eceff3; stroke: #75808f; }
.label { fill: #1b2430; text-anchor: middle; dominant-baseline: central; }
.edge { fill: none; stroke: #8592a3; stroke-width: 1.2; }
.node:hover .box { stroke-width: 3; }
"""

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 14px system-ui, sans-serif; margin: 1.5rem; color: #1b2430; background: #fff; }}
figure {{ margin: 0; overflow: auto; }} td, th {{ text-align: left; padding: .1rem 1rem .1rem 0; }}
@media (prefers-color-scheme: dark) {{ body {{ color: #e6e9ee; background: #14181f; }} }}
</style>
<h1>{title}</h1>
<p>{summary}</p>
<figure>
{svg}
</figure>
<table><thead><tr><th>class<th>tasks<th>done</thead>{rows}</table>
</html>
"""


def mermaid(graph: TaskGraph) -> Iterator[str]:
    """The lines of a Mermaid flowchart."""
    yield "flowchart TD"
    names = _numbered(graph)
    for name, node in graph.nodes.items():
        text = node.text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
        yield f'    {names[name]}["{text}"]:::{_STATES[node.done]}'
    for source, reader in edges_of(graph):
        yield f"    {names[source]} --> {names[reader]}"
    yield "    classDef done fill:#d9f0dd,stroke:#3a8f52"
    yield "    classDef missing fill:#fdf0d5,stroke:#b9801f"
    yield "    classDef unknown fill:#eceff3,stroke:#75808f"


def dot(graph: TaskGraph) -> Iterator[str]:
    """The lines of a digraph for Graphviz."""
    colours = {True: "#d9f0dd", False: "#fdf0d5", None: "#eceff3"}
    names = _numbered(graph)
    yield "digraph alexflow {"
    yield '    node [shape=box, style="rounded,filled", fontname="sans-serif"];'
    for name, node in graph.nodes.items():
        text = node.text.replace("\\", "\\\\").replace('"', '\\"')
        tooltip = node.name.replace("\\", "\\\\").replace('"', '\\"')
        yield f'    {names[name]} [label="{text}", tooltip="{tooltip}", fillcolor="{colours[node.done]}"];'
    for source, reader in edges_of(graph):
        yield f"    {names[source]} -> {names[reader]};"
    yield "}"


def _numbered(graph: TaskGraph) -> dict[str, str]:
    return {name: f"n{number}" for number, name in enumerate(graph.nodes)}


def svg(graph: TaskGraph) -> Iterator[str]:
    """The lines of a picture: sources at the top, targets at the bottom."""
    places = placed([*graph.nodes], graph.reads)
    columns = max((place for _, place in places.values()), default=0) + 1
    rows = max((layer for layer, _ in places.values()), default=0) + 1
    width = int(_MARGIN * 2 + columns * (_BOX_WIDTH + _GAP_X) - _GAP_X)
    height = _MARGIN * 2 + rows * (_BOX_HEIGHT + _GAP_Y) - _GAP_Y
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">'
    )
    yield f"<style>{_STYLE}</style>"
    for source, reader in edges_of(graph):
        yield _edge(places[source], places[reader])
    for name, node in graph.nodes.items():
        yield _box(node, places[name])
    yield "</svg>"


def _corner(place: Placed) -> tuple[float, float]:
    return _MARGIN + place.place * (_BOX_WIDTH + _GAP_X), _MARGIN + place.layer * (_BOX_HEIGHT + _GAP_Y)


def _edge(source: Placed, reader: Placed) -> str:
    (x1, y1), (x2, y2) = _corner(source), _corner(reader)
    x1, x2, y1 = x1 + _BOX_WIDTH / 2, x2 + _BOX_WIDTH / 2, y1 + _BOX_HEIGHT
    bend = (y2 - y1) / 2
    curve = f"M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}"
    return f'<path class="edge" d="{curve}"/>'


def _box(node: GraphNode, place: Placed) -> str:
    x, y = _corner(place)
    text = node.text if len(node.text) <= _CHARACTERS else f"{node.text[: _CHARACTERS - 1]}…"
    return (
        f'<g class="node {_STATES[node.done]}"><title>{escape(node.text)}\n{escape(node.name)}</title>'
        f'<rect class="box" x="{x:.0f}" y="{y:.0f}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}"/>'
        f'<text class="label" x="{x + _BOX_WIDTH / 2:.0f}" y="{y + _BOX_HEIGHT / 2:.0f}">{escape(text)}</text></g>'
    )


def page(graph: TaskGraph, title: str, whole: TaskGraph) -> Iterator[str]:
    """The lines of a page with the picture of a graph, and a table of the classes in the whole of it."""
    done = sum(node.done is True for node in whole.nodes.values())
    classes: dict[str, list[GraphNode]] = {}
    for node in whole.nodes.values():
        classes.setdefault(node.class_name, []).append(node)
    rows = "".join(
        f"<tr><td>{escape(name)}<td>{sum(node.count for node in nodes):,}"
        f"<td>{sum(node.count for node in nodes if node.done):,}"
        for name, nodes in classes.items()
    )
    yield _PAGE.format(
        title=escape(title),
        summary=f"{len(whole.nodes):,} tasks, {done:,} done",
        svg="\n".join(svg(graph)),
        rows=rows,
    )
