"""Layout of a graph in layers: each task below all that it reads, ordered so that few edges cross.

Layers by the longest path, order by sweeps of the barycentre heuristic (Sugiyama 1981). For pictures of up to some
thousand nodes, that is what Graphviz does without its refinements; a library for it would be an extra dependency.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from alexflow.cli.task_graph import TaskGraph

#: Sweeps over all layers; more change nothing that the eye sees.
SWEEPS = 6


class Placed(NamedTuple):
    """The place of a node, in boxes: ``column`` may be a fraction, since layers are centred."""

    row: int
    column: float


def placed(graph: TaskGraph) -> dict[str, Placed]:
    """The place of each node."""
    readers: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for name, names in graph.reads.items():
        for each in names:
            readers[each].append(name)
    rows = _rows(graph, readers)
    layers: list[list[str]] = [[] for _ in range(max(rows.values(), default=-1) + 1)]
    for name in graph.nodes:
        layers[rows[name]].append(name)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        order = layers if downwards else layers[::-1]
        _sweep(order, graph.reads if downwards else readers)
    widest = max(map(len, layers), default=0)
    return {
        name: Placed(row, (widest - len(layer)) / 2 + number)
        for row, layer in enumerate(layers)
        for number, name in enumerate(layer)
    }


def _rows(graph: TaskGraph, readers: Mapping[str, list[str]]) -> dict[str, int]:
    """The length of the longest path to each node; a class on a circle, as classes may be, comes last."""
    left = {name: len(names) for name, names in graph.reads.items()}
    ready = deque(name for name, count in left.items() if not count)
    rows = dict.fromkeys(graph.nodes, 0)
    done: set[str] = set()
    while ready:
        name = ready.popleft()
        done.add(name)
        for reader in readers[name]:
            rows[reader] = max(rows[reader], rows[name] + 1)
            left[reader] -= 1
            if not left[reader]:
                ready.append(reader)
    last = max((rows[name] for name in done), default=-1)
    return {name: row if name in done else last + 1 for name, row in rows.items()}


def _sweep(layers: list[list[str]], neighbours: Mapping[str, list[str]]) -> None:
    position: dict[str, float] = {}
    for layer in layers:
        middle = {name: _mean([position[each] for each in neighbours[name] if each in position]) for name in layer}
        before = {name: number for number, name in enumerate(layer)}
        layer.sort(key=lambda name: (middle[name] if middle[name] is not None else before[name], before[name]))
        position |= {name: number - len(layer) / 2 for number, name in enumerate(layer)}


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
