"""The graph grouped by class, as SVG: layers from left to right, counts and bytes on the edges."""

from __future__ import annotations

from collections.abc import Sequence

from alexflow.progress.text import counted, size
from alexflow.report.layout import placed
from alexflow.report.markup import Markup, element, joined
from alexflow.report.still import css_colour
from alexflow.timeline.critical_path import ClassEdge

#: Edges that are drawn: those with the most bytes; the table has all.
MOST_EDGES = 40

_WIDTH, _HEIGHT, _ACROSS, _DOWN = 168, 44, 130, 26

#: Pixels between the lanes below the classes, in which edges run that pass a layer.
_LANE = 34


def class_graph(names: Sequence[str], counts: Sequence[int], edges: Sequence[ClassEdge]) -> Markup:
    """Return the picture.

    Args:
        names: of the classes, by number.
        counts: their tasks.
        edges: those with the most bytes first.
    """
    drawn = [edge for edge in edges if edge.source != edge.target][:MOST_EDGES]
    used = sorted({edge.source for edge in drawn} | {edge.target for edge in drawn}) or list(range(len(names)))
    at = _places(used, drawn)
    width = max((x for x, _ in at.values()), default=0) + _WIDTH + 20
    bottom = max((y for _, y in at.values()), default=0) + _HEIGHT
    passing = [edge for edge in drawn if at[edge.target][0] - at[edge.source][0] > _WIDTH + _ACROSS]
    lanes = {edge: bottom + _LANE * number for number, edge in enumerate(passing, 1)}
    height = bottom + _LANE * len(lanes) + 20
    parts = [_edge(edge, at, lanes.get(edge)) for edge in drawn]
    parts += [_node(cls, names[cls], counts[cls], at[cls]) for cls in used]
    labels = [_label(edge, at, lanes.get(edge)) for edge in drawn]
    title = element("title", "Classes of tasks, with the outputs that they read of each other")
    return element(
        "svg", title, *parts, *labels, role="img", viewBox=f"0 0 {width:.0f} {height:.0f}", width=f"{width:.0f}"
    )


def _places(used: Sequence[int], edges: Sequence[ClassEdge]) -> dict[int, tuple[float, float]]:
    """Return the corner of each class."""
    reads: dict[int, list[int]] = {cls: [] for cls in used}
    for edge in edges:
        reads[edge.target].append(edge.source)
    return {
        cls: (10.0 + layer * (_WIDTH + _ACROSS), 10.0 + place * (_HEIGHT + _DOWN))
        for cls, (layer, place) in placed(used, reads).items()
    }


def _node(cls: int, name: str, count: int, at: tuple[float, float]) -> Markup:
    x, y = at
    shown = name if len(name) <= 20 else f"…{name[-19:]}"
    return element(
        "g",
        element("rect", x=f"{x}", y=f"{y}", width=str(_WIDTH), height=str(_HEIGHT), rx="7", class_="node"),
        element("rect", x=f"{x}", y=f"{y}", width="6", height=str(_HEIGHT), rx="3", fill=css_colour(cls)),
        element("text", shown, x=f"{x + 16}", y=f"{y + 19}", class_="name"),
        element("text", counted(count, "attempt"), x=f"{x + 16}", y=f"{y + 35}", class_="small"),
        element("title", name),
    )


def _edge(edge: ClassEdge, at: dict[int, tuple[float, float]], lane: float | None) -> Markup:
    (x0, y0), (x1, y1) = at[edge.source], at[edge.target]
    a, b = x0 + _WIDTH, y0 + _HEIGHT / 2
    c, d = x1, y1 + _HEIGHT / 2
    bend = max(40.0, abs(c - a) / 2)
    if lane is None:
        line = f"M{a:.0f} {b:.0f}C{a + bend:.0f} {b:.0f} {c - bend:.0f} {d:.0f} {c:.0f} {d:.0f}"
    else:  # down and up between two layers, where no class is
        half, whole = _ACROSS / 2, _ACROSS
        down = f"C{a + half:.0f} {b:.0f} {a + half:.0f} {lane:.0f} {a + whole:.0f} {lane:.0f}"
        up = f"C{c - half:.0f} {lane:.0f} {c - half:.0f} {d:.0f} {c:.0f} {d:.0f}"
        line = f"M{a:.0f} {b:.0f}{down}H{c - whole:.0f}{up}"
    thick = min(6.0, 1.0 + (edge.bytes.bit_length()) / 8)
    return element("path", d=line, class_="edge", stroke_width=f"{thick:.1f}", fill="none")


def _label(edge: ClassEdge, at: dict[int, tuple[float, float]], lane: float | None) -> Markup:
    (x0, y0), (x1, y1) = at[edge.source], at[edge.target]
    x, y = (x0 + _WIDTH + x1) / 2, (y0 + y1) / 2 + _HEIGHT / 2 if lane is None else lane
    lines = [
        element("text", counted(edge.reads, "read"), x=f"{x:.0f}", y=f"{y - 4:.0f}", class_="on-edge"),
        element("text", size(edge.bytes), x=f"{x:.0f}", y=f"{y + 10:.0f}", class_="on-edge"),
    ]
    return element("g", joined(lines))
