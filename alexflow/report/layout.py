"""Layout of a graph in layers: each node after all that it reads, ordered so that few edges cross.

Layers by the longest path, order by sweeps of the barycentre heuristic (Sugiyama 1981). For pictures of up to some
thousand nodes, that is what Graphviz does without its refinements; a library for it would be an extra dependency.

Classes may read each other in a circle. One edge of each circle is passed over then, so that the rest still has an
order: that into the first node of the circle that is reached from outside of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

N = TypeVar("N", bound=Hashable)

#: Sweeps over all layers; more change nothing that the eye sees.
SWEEPS = 6


class Placed(NamedTuple):
    """The place of a node: the number of its layer, and that in the layer, a fraction since layers are centred."""

    layer: int
    place: float


def placed(nodes: Sequence[N], reads: Mapping[N, Sequence[N]]) -> dict[N, Placed]:
    """Return the place of each node.

    Args:
        nodes: all of them; those that are asked for come first.
        reads: for each, those that it reads.
    """
    readers: dict[N, list[N]] = {node: [] for node in nodes}
    for node in nodes:
        for each in reads[node]:
            readers[each].append(node)
    layer_of = _layer_of(nodes, reads, readers)
    layers: list[list[N]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for node in nodes:
        layers[layer_of[node]].append(node)
    for sweep in range(SWEEPS):
        is_forward = sweep % 2 == 0
        _sweep(layers if is_forward else layers[::-1], reads if is_forward else readers)
    widest = max(map(len, layers), default=0)
    return {
        node: Placed(number, (widest - len(layer)) / 2 + place)
        for number, layer in enumerate(layers)
        for place, node in enumerate(layer)
    }


def _layer_of(nodes: Sequence[N], reads: Mapping[N, Sequence[N]], readers: Mapping[N, Sequence[N]]) -> dict[N, int]:
    """Return the length of the longest path to each node."""
    left = {node: len(reads[node]) for node in nodes}
    ready = deque(node for node in nodes if not left[node])
    reached: deque[N] = deque()  # something that they read has its layer
    upstream_first = reversed(nodes)
    layer_of: dict[N, int] = {}
    longest = dict.fromkeys(nodes, 0)
    while len(layer_of) < len(nodes):
        node = ready.popleft() if ready else _first_without(layer_of, reached, upstream_first)
        layer_of[node] = longest[node]
        for reader in readers[node]:
            if reader in layer_of:
                continue  # it closes a circle
            longest[reader] = max(longest[reader], longest[node] + 1)
            left[reader] -= 1
            (reached if left[reader] else ready).append(reader)
    return layer_of


def _first_without(layer_of: Mapping[N, int], reached: deque[N], others: Iterable[N]) -> N:
    """Return the node of a circle to go on with."""
    while reached:
        node = reached.popleft()
        if node not in layer_of:
            return node
    return next(node for node in others if node not in layer_of)


def _sweep(layers: Sequence[list[N]], neighbours: Mapping[N, Sequence[N]]) -> None:
    position: dict[N, float] = {}
    for layer in layers:
        middle = {node: _mean([position[each] for each in neighbours[node] if each in position]) for node in layer}
        before = {node: number for number, node in enumerate(layer)}
        layer.sort(key=lambda node: (middle[node] if middle[node] is not None else before[node], before[node]))
        position |= {node: number - len(layer) / 2 for number, node in enumerate(layer)}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
