"""The patterns of Task Bench, by name: which task reads which, and what is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

RADIX = 5  # the nearest that may be read, of `nearest`
FRACTION = 0.5  # of those, how many are
PERIOD = 3  # steps after which it is chosen in the same way again
MODULUS = 1_000_003

Place = tuple[int, int]  # step and point


@dataclass(frozen=True)
class Graph:
    """Steps of tasks.

    Attributes:
        pattern: one of ``PATTERNS``.
        width: tasks of a step, a power of two.
        steps: how many steps.
    """

    pattern: str
    width: int = 32
    steps: int = 40

    def width_at(self, step: int) -> int:
        """A tree begins with one task and doubles."""
        return min(self.width, 2**step) if self.pattern == "tree" else self.width

    @cached_property
    def reads(self) -> dict[Place, list[Place]]:
        """Return the inputs of each task."""
        return {place: self._reads(*place) for place in self.places}

    def _reads(self, step: int, point: int) -> list[Place]:
        if step == 0:
            return []
        last = self.width_at(step - 1)
        points = PATTERNS[self.pattern](self, step, point)
        return [(step - 1, other) for other in points if 0 <= other < last]

    @cached_property
    def places(self) -> list[Place]:
        """All tasks, in an order in which each comes after what it reads."""
        return [(step, point) for step in range(self.steps) for point in range(self.width_at(step))]

    @cached_property
    def ends(self) -> list[Place]:
        """The tasks that no other task reads."""
        read = {other for place in self.places for other in self.reads[place]}
        return [place for place in self.places if place not in read]

    @cached_property
    def expected(self) -> int:
        """The sum over the ends."""
        values: dict[Place, int] = {}
        for place in self.places:
            values[place] = stored(*place, (values[other] for other in self.reads[place]))
        return sum(values[place] for place in self.ends)


def stored(step: int, point: int, inputs: Iterable[int]) -> int:
    """Return the value that a task stores."""
    return (sum(inputs) + 31 * step + point + 1) % MODULUS


def trivial(graph: Graph, step: int, point: int) -> list[int]:
    """Nothing."""
    return []


def stencil(graph: Graph, step: int, point: int) -> list[int]:
    """Itself and its neighbours."""
    return [point - 1, point, point + 1]


def fft(graph: Graph, step: int, point: int) -> list[int]:
    """Itself and two at a distance that doubles from step to step."""
    distances = max((graph.width - 1).bit_length(), 1)
    distance = 2 ** ((step + distances - 1) % distances)
    return [point - distance, point, point + distance]


def tree(graph: Graph, step: int, point: int) -> list[int]:
    """A parent, which has two children."""
    return [point // 2]


def nearest(graph: Graph, step: int, point: int) -> list[int]:
    """Itself, and of its nearest a random half."""
    around = range(point - RADIX // 2, point + (RADIX - 1) // 2 + 1)
    return [other for other in around if other == point or _chance(step % PERIOD, other, point) < FRACTION]


def _chance(*numbers: int) -> float:
    """The same for the same numbers, everywhere."""
    return hashlib.blake2b(repr(numbers).encode(), digest_size=1).digest()[0] / 256


PATTERNS: dict[str, Callable[[Graph, int, int], list[int]]] = {
    "trivial": trivial,
    "stencil": stencil,
    "fft": fft,
    "tree": tree,
    "nearest": nearest,
}
