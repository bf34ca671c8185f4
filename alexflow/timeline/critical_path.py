"""The reason why a run took as long as it did: a path of tasks that ends with the last one.

The longest chain of inputs alone misleads. Of a run of 1,000,000 tasks on 64 lanes whose work fills them, that chain is
200 tasks and 97 % waiting. So the path steps from a task to whichever ended last: a task that it read from, the task
that its worker ran before it, the one that gave it the slot of a limit, or its own attempt before. Its tasks and the
gaps between them are then exactly the time until the last end.

A dynamic task ends after what it has generated, so the path steps from it to the child that makes its outputs. A task
below that one waited at least for the inputs of what has generated it.

Three bounds beside it say what would help: the makespan itself, the work divided by the lanes (all lanes busy all the
time), and the longest chain (as many lanes as could be used).
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal, NamedTuple

from alexflow.timeline.holders import before_in_lane, before_in_limits, earlier_attempts, is_bounded
from alexflow.timeline.lanes import Lane
from alexflow.timeline.run_fold import RunFold
from alexflow.timeline.task_columns import TaskColumns

#: The reason for which a task began when it did, and not before.
StartCause = Literal["start", "input", "lane", "limit", "attempt", "child", "generator"]


class Step(NamedTuple):
    """A task on the path.

    Attributes:
        task: the index of its attempt, in the columns.
        cause: what it waited for last: an input, its lane, a limit, its own attempt before, a child that it has
            generated, or an input of the task that has generated it; ``start`` of the first.
        gap: microseconds between the end of that and its own start.
        took: microseconds of its own, after both.
    """

    task: int
    cause: StartCause
    gap: int
    took: int


@dataclass(frozen=True)
class Bounds:
    """Times in microseconds, none of which a run can be quicker than but by changing what it is made of.

    Attributes:
        makespan: from the first start to the last end.
        work: durations of all attempts on workers, added up.
        workers: how many of those there were at once, at most.
        chain: the longest chain of tasks each of which reads from the one before.
        chain_length: its tasks.
    """

    makespan: int
    work: int
    workers: int
    chain: int
    chain_length: int

    @property
    def work_per_worker(self) -> float:
        """The work divided by the workers; 0 where everything ran on an event loop, which has no limit."""
        return self.work / self.workers if self.workers else 0.0


def critical_path(columns: TaskColumns, run: RunFold) -> list[Step]:
    """Return the path that ends with the last task, the first one first."""
    if not len(columns):
        return []
    waits = _Waits(columns, run)
    start, end = columns.start, columns.end
    index = max(range(len(columns)), key=end.__getitem__)
    path: list[Step] = []
    while index >= 0:
        cause, follows = waits.before(index)
        ended = end[follows] if follows >= 0 else 0
        path.append(Step(index, cause, max(0, start[index] - ended), end[index] - max(start[index], ended)))
        index = follows
    path.reverse()
    return path


class _Waits:
    """A walk back through a run: what each attempt waited for last."""

    def __init__(self, columns: TaskColumns, run: RunFold):
        self._columns = columns
        self._in_lane = before_in_lane(columns, run)
        self._in_limits = before_in_limits(columns, run)
        self._earlier = earlier_attempts(columns)
        self._generators: list[int] = []  # dynamic tasks below which the walk is

    def before(self, index: int) -> tuple[StartCause, int]:
        """Return the cause and the attempt that ended last of those that another waited for; -1 for none."""
        columns = self._columns
        children = columns.children(index)
        if children:
            self._generators.append(index)
            return "child", max(children, key=columns.end.__getitem__)
        found: list[tuple[StartCause, int]] = [("input", each) for each in columns.parents(index)]
        found.extend(
            [
                ("lane", self._in_lane[index]),
                ("limit", self._in_limits.get(index, -1)),
                ("attempt", self._earlier.get(index, -1)),
            ]
        )
        if self._generators:
            found.extend(("generator", each) for each in columns.parents(self._generators[-1]))
        # Clocks, and forced runs, may put an input after its reader: no step back in time.
        found = [each for each in found if each[1] >= 0 and columns.start[each[1]] < columns.start[index]]
        if not found:
            return "start", -1
        latest = max(columns.end[each] for _, each in found)
        cause, follows = max((each for each in found if columns.end[each[1]] == latest), key=_rank)
        if cause == "generator":
            self._generators.pop()
        return cause, follows


def _rank(found: tuple[StartCause, int]) -> int:
    """Return which of several causes is named: where a limit is held by the worker's own task, the limit."""
    return ("generator", "lane", "limit", "attempt", "input").index(found[0])


def bounds(columns: TaskColumns, run: RunFold) -> Bounds:
    """Return the three bounds of a run."""
    chain, length = _longest_chain(columns)
    lanes = [lane for lane in run.timeline.lanes if lane.count and is_bounded(run, lane)]
    makespan = max(columns.end, default=0) - min(columns.start, default=0)
    return Bounds(makespan, sum(lane.busy for lane in lanes), _most_at_once(lanes), chain, length)


def _most_at_once(lanes: list[Lane]) -> int:
    """Return how many workers there were at once: those that were recycled had others in their place."""
    changes = sorted([(lane.begun, 1) for lane in lanes] + [(lane.end, -1) for lane in lanes])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def _longest_chain(columns: TaskColumns) -> tuple[int, int]:
    """Return the microseconds and the tasks of the longest chain."""
    longest, lengths = array("q", bytes(8 * len(columns))), array("I", bytes(4 * len(columns)))
    best = at = -1
    for index in sorted(range(len(columns)), key=columns.start.__getitem__):  # what it has read began before it
        parents = columns.parents(index)
        through = max(parents, key=longest.__getitem__) if parents else -1
        took = columns.end[index] - columns.start[index]
        longest[index] = took + (longest[through] if through >= 0 else 0)
        lengths[index] = 1 + (lengths[through] if through >= 0 else 0)
        if longest[index] > best:
            best, at = longest[index], index
    return (0, 0) if at < 0 else (best, lengths[at])


class ClassOnPath(NamedTuple):
    """A class on the path: its tasks, and their microseconds."""

    cls: int
    tasks: int
    took: int


def classes_on(path: list[Step], columns: TaskColumns) -> list[ClassOnPath]:
    """Return the classes on a path, those that take longest first."""
    tasks, took = defaultdict[int, int](int), defaultdict[int, int](int)
    for step in path:
        cls = columns.cls[step.task]
        tasks[cls] += 1
        took[cls] += step.took
    return sorted((ClassOnPath(cls, tasks[cls], took[cls]) for cls in tasks), key=lambda each: -each.took)


class ClassEdge(NamedTuple):
    """Reads of one class's outputs by another: numbers of the classes, how many reads, and their bytes."""

    source: int
    target: int
    reads: int
    bytes: int


def class_edges(columns: TaskColumns) -> list[ClassEdge]:
    """Return the graph grouped by class: the outputs that tasks of the run have read of each other."""
    counts, sizes = defaultdict[tuple[int, int], int](int), defaultdict[tuple[int, int], int](int)
    cls = columns.cls
    for index in range(len(columns)):
        target = cls[index]
        for parent, size in columns.reads(index):
            counts[cls[parent], target] += 1
            sizes[cls[parent], target] += size
    edges = [ClassEdge(*pair, count, sizes[pair]) for pair, count in counts.items()]
    return sorted(edges, key=lambda edge: -edge.bytes)
