"""The reason why a run took as long as it did: a path of tasks that ends with the last one.

The longest chain of inputs alone misleads. Of a run of 1,000,000 tasks on 64 lanes whose work fills them, that chain is
200 tasks and 97 % waiting. So the path steps from a task to whichever ended later: the last of the tasks that it read
from, or the task that its worker ran before it. Its tasks and the gaps between them are then exactly the time until the
last end.

Three bounds beside it say what would help: the makespan itself, the work divided by the lanes (all lanes busy all the
time), and the longest chain (as many lanes as could be used).
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal, NamedTuple

from alexflow.timeline.lanes import Lane
from alexflow.timeline.run_fold import LOOP, RunFold
from alexflow.timeline.task_columns import TaskColumns

#: The reason for which a task began when it did, and not before.
StartCause = Literal["start", "input", "lane"]


class Step(NamedTuple):
    """A task on the path.

    Attributes:
        task: the index of its attempt, in the columns.
        cause: what it waited for last: an input, or its lane; ``start`` of the first.
        gap: microseconds between the end of that and its own start.
    """

    task: int
    cause: StartCause
    gap: int


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
    before = _before_in_lane(columns, run)
    end = columns.end
    index = max(range(len(columns)), key=end.__getitem__)
    path: list[Step] = []
    while index >= 0:
        start = columns.start[index]
        parents = columns.parents(index)
        parent = max(parents, key=end.__getitem__) if parents else -1
        held = before[index]
        follows, cause = parent, "input"
        if held >= 0 and (parent < 0 or end[held] > end[parent]):
            follows, cause = held, "lane"
        if follows >= 0 and columns.start[follows] >= start:  # clocks, or a forced run: no step back in time
            follows = -1
        gap = max(0, start - end[follows]) if follows >= 0 else start
        path.append(Step(index, cause if follows >= 0 else "start", gap))  # type: ignore[arg-type]
        index = follows
    path.reverse()
    return path


def _before_in_lane(columns: TaskColumns, run: RunFold) -> array[int]:
    """Return for each task the one before it on its worker; -1 on an event loop, whose lanes hold nothing up."""
    before, last = array("i", [-1]) * len(columns), [-1] * len(run.timeline.lanes)
    bounded = [is_bounded(run, lane) for lane in run.timeline.lanes]
    for index, lane in enumerate(columns.lane):
        if bounded[lane]:
            before[index] = last[lane]
            last[lane] = index
    return before


def bounds(columns: TaskColumns, run: RunFold) -> Bounds:
    """Return the three bounds of a run."""
    chain, length = _longest_chain(columns)
    lanes = [lane for lane in run.timeline.lanes if lane.count and is_bounded(run, lane)]
    makespan = max(columns.end, default=0) - min(columns.start, default=0)
    return Bounds(makespan, sum(lane.busy for lane in lanes), _most_at_once(lanes), chain, length)


def is_bounded(run: RunFold, lane: Lane) -> bool:
    """Whether a lane is a worker or a thread, of which there are so many, and not one of an event loop's."""
    return not run.timeline.places[lane.place].endswith((LOOP, "dynamic"))


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
        took[cls] += columns.end[step.task] - columns.start[step.task]
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
