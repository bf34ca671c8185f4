"""Everything that a report says of a run, computed once: exact figures, the path, the bounds, what is dearest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from alexflow.progress.text import counted, duration, short_names
from alexflow.timeline.critical_path import (
    Bounds,
    ClassEdge,
    ClassOnPath,
    StartCause,
    Step,
    bounds,
    class_edges,
    classes_on,
    critical_path,
)
from alexflow.timeline.fold import GIVEN_UP, RETRIED, SUCCEEDED, SUCCEEDED_LATER
from alexflow.timeline.run_fold import Cost, RunFold
from alexflow.timeline.task_columns import TaskColumns

_MICROS = 1e6

#: What a step of the path waited for, in words.
START_CAUSES: dict[StartCause, str] = {
    "start": "nothing before it",
    "input": "an input",
    "lane": "its worker",
    "limit": "a limit",
    "attempt": "its attempt before",
    "child": "a task that it generated",
    "generator": "an input of what generated it",
}


class ClassFigures(NamedTuple):
    """Figures of one class; durations in seconds, of the attempts that succeeded, exact."""

    name: str
    cost: Cost
    median: float
    p95: float
    longest: float
    total: float


class DearThing(NamedTuple):
    """A thing that cost time.

    Attributes:
        seconds: of the run.
        title: what it is.
        advice: what would help.
    """

    seconds: float
    title: str
    advice: str


@dataclass(frozen=True)
class RunFacts:
    """The figures of a run.

    Attributes:
        columns: its attempts.
        run: the run, folded.
    """

    columns: TaskColumns
    run: RunFold

    @cached_property
    def path(self) -> list[Step]:
        """The critical path, through inputs and through what held the lanes."""
        return critical_path(self.columns, self.run)

    @cached_property
    def bounds(self) -> Bounds:
        """The three bounds."""
        return bounds(self.columns, self.run)

    @cached_property
    def edges(self) -> list[ClassEdge]:
        """The graph grouped by class."""
        return class_edges(self.columns)

    @cached_property
    def on_path(self) -> list[ClassOnPath]:
        """The classes on the path, the dearest first."""
        return classes_on(self.path, self.columns)

    @cached_property
    def names(self) -> dict[str, str]:
        """The short names of the classes."""
        return short_names(each.name for each in self.run.timeline.classes)

    def short(self, cls: int) -> str:
        """Return the short name of a class by its number."""
        return self.names[self.run.timeline.classes[cls].name]

    @cached_property
    def classes(self) -> list[ClassFigures]:
        """The classes, those first whose tasks took longest together."""
        took: list[list[int]] = [[] for _ in self.run.timeline.classes]
        columns = self.columns
        for index, cls in enumerate(columns.cls):
            if columns.state[index] in (SUCCEEDED, SUCCEEDED_LATER):
                took[cls].append(columns.end[index] - columns.start[index])
        figures = [
            _figures(each.name, self.run.cost(each.name), sorted(took[cls]))
            for cls, each in enumerate(self.run.timeline.classes)
        ]
        return sorted(figures, key=lambda each: -each.total)

    @cached_property
    def busy(self) -> float:
        """The share of the makespan in which the workers were busy; 0 without workers."""
        found = self.bounds
        return found.work_per_worker / found.makespan if found.makespan else 0.0

    def dearest(self) -> list[DearThing]:
        """Return the three things that cost most of the run."""
        found = sorted(self._dear_things(), key=lambda thing: -thing.seconds)
        return [thing for thing in found if thing.seconds > 0][:3]

    def _dear_things(self) -> Iterator[DearThing]:
        failed = self._failed_on_path()
        for each in self.on_path:
            count, took = failed.get(each.cls, (0, 0))
            yield DearThing(
                (each.took - took) / _MICROS,
                f"{counted(each.tasks - count, 'task')} of {self.short(each.cls)} on the critical path",
                "Quicker code of this class, or fewer of its tasks one after another, shorten it by up to this.",
            )
        if failed:
            yield DearThing(
                sum(took for _, took in failed.values()) / _MICROS,
                "Attempts that failed, on the critical path",
                "They held a worker and were for nothing. The failures are listed below.",
            )
        if self.path:
            start, *others = self.path
            yield DearThing(
                start.gap / _MICROS,
                "Before the first task of the path began",
                "Workers were starting and importing, or tasks of other places ran. An engine that stays open, and "
                "Workers(preload=…), spare this."
                if self.bounds.workers
                else "Other tasks ran on the event loop before it, or it waited for a limit, or for max_concurrency.",
            )
            yield DearThing(
                sum(step.gap for step in others) / _MICROS,
                f"Gaps between the {counted(len(self.path), 'step')} of the path",
                "Time in which nothing that they waited for was running: limits of rates, delays before retries, "
                "outputs being published, or tasks so short that handing them over counts.",
            )

    def _failed_on_path(self) -> dict[int, tuple[int, int]]:
        """Return by class how many attempts of the path failed, and their microseconds."""
        columns = self.columns
        found: dict[int, tuple[int, int]] = {}
        for step in self.path:
            if columns.state[step.task] in (GIVEN_UP, RETRIED):
                cls = columns.cls[step.task]
                count, took = found.get(cls, (0, 0))
                found[cls] = count + 1, took + step.took
        return found

    def advice(self) -> str:
        """Return what would shorten the run, from the three bounds."""
        found = self.bounds
        if not found.makespan:
            return "Nothing ran."
        chain, work = found.chain / found.makespan, self.busy
        dearest = f" Of the classes, {self.short(self.on_path[0].cls)} takes most of the path." if self.on_path else ""
        if chain >= 0.8:
            return (
                f"The longest chain of inputs is {chain:.0%} of the makespan: more workers would not help, only "
                f"quicker tasks on that chain, or a graph with shorter chains.{dearest}"
            )
        if work >= 0.8:
            gain = found.makespan / max(found.chain, found.makespan / 100)
            return (
                f"The {counted(found.workers, 'worker')} were busy {work:.0%} of the time: more workers help, by up to "
                f"{gain:.1f} times before the longest chain of inputs is all that is left.{dearest}"
            )
        if not found.workers:
            return (
                f"All tasks ran on the event loop. The longest chain of inputs is {chain:.0%} of the makespan; the "
                f"rest is waiting: for limits, for max_concurrency, or for the loop itself.{dearest}"
            )
        return (
            f"The {counted(found.workers, 'worker')} were busy {work:.0%} of the time, and the longest chain of inputs "
            f"is {chain:.0%} of the makespan: neither explains the run alone. Look at the gaps: start-up, limits, "
            f"retries, and tasks at its end that too few others run beside.{dearest}"
        )


def _figures(name: str, cost: Cost, took: Sequence[int]) -> ClassFigures:
    if not took:
        return ClassFigures(name, cost, 0.0, 0.0, 0.0, 0.0)
    median, p95 = (took[-(-len(took) * percent // 100) - 1] for percent in (50, 95))  # what so many do not exceed
    return ClassFigures(name, cost, median / _MICROS, p95 / _MICROS, took[-1] / _MICROS, sum(took) / _MICROS)


def seconds_text(micros: float) -> str:
    """Format microseconds."""
    return duration(micros / _MICROS)
