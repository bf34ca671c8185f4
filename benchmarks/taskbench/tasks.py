"""The tasks of Task Bench for alexflow. Workers import this module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alexflow import BinaryOutput, Output, Task
from benchmarks.taskbench.kernel import spin
from benchmarks.taskbench.patterns import Graph, Place, stored


@dataclass(frozen=True)
class Point(Task):
    """A task of a step."""

    step: int
    point: int
    turns: int
    before: tuple[Output[int], ...]

    def input(self) -> tuple[Output[int], ...]:
        return self.before

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")

    def run(self, input: Sequence[Output[int]], output: BinaryOutput[int]) -> None:
        values = [part.load() for part in input]
        spin(self.turns)
        output.store(stored(self.step, self.point, values))


def ends(graph: Graph, turns: int) -> list[Output[int]]:
    """The outputs that no task reads, and behind them all of a graph."""
    outputs: dict[Place, Output[int]] = {}
    for place in graph.places:
        before = tuple(outputs[other] for other in graph.reads[place])
        outputs[place] = Point(*place, turns, before).output()
    return [outputs[place] for place in graph.ends]
