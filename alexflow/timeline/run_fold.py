"""A run, folded from the lines of the record: its timeline, costs by class, failures, and what is under way.

The same fold serves a report of a run that is over, and a view of one that goes on, in this process or another.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from alexflow.record.lines import (
    REASONS,
    AttemptLine,
    ClosedLine,
    Completion,
    CompletionLine,
    EnvironmentLine,
    MadeFromLine,
    RunBegunLine,
    RunEndedLine,
    SegmentHeader,
    SegmentLine,
    Shape,
    ShapesLine,
)
from alexflow.timeline.earlier_runs import EarlierRuns
from alexflow.timeline.fold import GIVEN_UP, RETRIED, SUCCEEDED, SUCCEEDED_LATER, TimelineFold, one_after_another
from alexflow.timeline.lanes import Lane

#: Failed attempts whose texts are kept; all are counted.
MOST_FAILURES = 500

#: The end of the name of a place that is an event loop.
LOOP = "event loop"

_MICROS = 1_000_000


class Cost:
    """The time and the storage that the tasks of a class have taken.

    Attributes:
        done: tasks that ran and published.
        failed: tasks that were given up.
        retries: failed attempts that were followed by another.
        cpu: microseconds of processor time; of the tasks in ``measured``.
        measured: tasks of which it is known.
        rss: the highest memory of a worker that ran one of them, in bytes.
        bytes: stored.
        reasons: why they ran.
    """

    __slots__ = ("bytes", "cpu", "done", "failed", "measured", "reasons", "retries", "rss")

    def __init__(self) -> None:
        self.done = self.failed = self.retries = self.cpu = self.measured = self.rss = self.bytes = 0
        self.reasons: Counter[str] = Counter()


class FoldedAttempt(NamedTuple):
    """An attempt that has ended, as it went into a timeline.

    Attributes:
        section: the section that names its task.
        cls: its class.
        lane: the lane that it was put into, as the last one.
        start: microseconds from the run's start.
        end: the same.
        state: how it ended.
        line: what the record says of it.
    """

    section: SectionFold
    cls: str
    lane: Lane
    start: int
    end: int
    state: int
    line: Completion | AttemptLine


class SectionFold:
    """The lines of one engine that later lines refer to.

    Attributes:
        header: the engine.
        environment: what it ran in.
        shapes: by number.
        shape_of: the number of each task's shape, by the task's number.
        under_way: digests of tasks that are about to run, or do, by number.
        closed: whether the engine came to its end.
        failed: ids of tasks that were given up.
    """

    def __init__(self, header: SegmentHeader):
        self.header = header
        self.environment = EnvironmentLine("", "")
        self.shapes: dict[int, Shape] = {}
        self.shape_of: array[int] = array("I")
        self.under_way: dict[int, str] = {}
        self.runs: dict[int, RunFold] = {}
        self.closed = False

    def made_from(self, line: MadeFromLine) -> None:
        """Note tasks that are about to run."""
        short = line.first + len(line.shapes) - len(self.shape_of)
        self.shape_of.extend([0] * max(0, short))
        for number, kind, digest in line.named():
            self.shape_of[number] = kind
            shape = self.shapes[kind]
            if shape.executor:
                self.under_way[number] = f"{shape.name}.{digest.hex()}"

    def shape(self, task: int) -> Shape | None:
        """Return the shape of a task; None if its line is not there."""
        return self.shapes.get(self.shape_of[task]) if task < len(self.shape_of) else None

    def leave(self, task_id: str) -> None:
        """Drop a task that failed from those under way."""
        number = next((number for number, each in self.under_way.items() if each == task_id), None)
        if number is not None:
            del self.under_way[number]


class RunFold:
    """One run.

    Attributes:
        begun: its beginning.
        header: the engine.
        started: seconds since 1970.
        timeline: of its attempts; times count from ``started``.
        costs: by class.
        failures: the last failed attempts.
        failed_attempts: how many there were.
        ended: its end, once that is there.
        ended_after: microseconds from its start.
        sections: what names its tasks.
        changes: counts up with each line; of a view's use.
        earlier: the runs of the same record that began before.
    """

    def __init__(self, begun: RunBegunLine, header: SegmentHeader, earlier: EarlierRuns):
        self.begun = begun
        self.header = header
        self.started = header.started + begun.at / _MICROS
        self.timeline = TimelineFold()
        self.costs: dict[str, Cost] = {}
        self.failures: deque[AttemptLine] = deque(maxlen=MOST_FAILURES)
        self.failed_attempts = 0
        self.ended: RunEndedLine | None = None
        self.ended_after = 0
        self.sections: list[SectionFold] = []
        self.changes = 0
        self.earlier = earlier

    @property
    def outcome(self) -> str:
        """Its outcome; ``unknown`` if its engine was killed or it goes on."""
        return "unknown" if self.ended is None else self.ended.outcome

    @property
    def seconds(self) -> float:
        """Its duration; of a run that goes on, until its latest line."""
        return (self.ended_after if self.ended is not None else self.timeline.end) / _MICROS

    def cost(self, cls: str) -> Cost:
        """Return the costs of a class."""
        found = self.costs.get(cls)
        if found is None:
            found = self.costs[cls] = Cost()
        return found

    def under_way(self) -> list[str]:
        """Return ids of tasks that are running or about to, as far as the record says; none once it has ended."""
        if self.ended is not None:
            return []
        return [task for section in self.sections if not section.closed for task in section.under_way.values()]

    def add(self, section: SectionFold, tasks: Iterable[Completion]) -> list[FoldedAttempt]:
        """Note tasks that have run, which were written together."""
        offset = int((section.header.started - self.started) * _MICROS)
        by_worker: dict[tuple[str, str, int], list[Completion]] = {}
        for each in tasks:
            shape = section.shape(each.task)
            if shape is not None:
                by_worker.setdefault((each.host, shape.executor, each.worker), []).append(each)
        folded: list[FoldedAttempt] = []
        for (host, executor, worker), several in by_worker.items():
            several.sort(key=_end)
            ends = [_end(each) for each in several]
            alone = worker != 0 and executor == "process"
            if alone:
                ends = one_after_another(ends, [each.took for each in several])
            place = place_of(host or section.header.host, executor, worker)
            for each, end in zip(several, ends, strict=True):
                folded.append(self._add(section, each, place, end + offset, alone=alone))
        self.changes += 1
        return folded

    def _add(self, section: SectionFold, each: Completion, place: str, end: int, *, alone: bool) -> FoldedAttempt:
        shape = section.shapes[section.shape_of[each.task]]
        cls = class_name(shape.cls)
        state = SUCCEEDED if each.attempts == 1 else SUCCEEDED_LATER
        lane = self.timeline.add(cls, place, end - each.took, end, state, alone=alone)
        cost = self.cost(cls)
        cost.done += 1
        cost.reasons[REASONS[each.reason] if each.reason < len(REASONS) else "unknown"] += 1
        for stored in each.stored:
            if stored is not None:
                cost.bytes += stored[0]
        if each.cpu is not None:
            cost.cpu += each.cpu
            cost.measured += 1
            lane.cpu += each.cpu
        if each.rss is not None:
            cost.rss, lane.rss = max(cost.rss, each.rss), max(lane.rss, each.rss)
        return FoldedAttempt(section, cls, lane, end - each.took, end, state, each)

    def add_failure(self, section: SectionFold, line: AttemptLine, cls: str, executor: str) -> FoldedAttempt:
        """Note an attempt that failed."""
        self.failures.append(line)
        self.failed_attempts += 1
        cost = self.cost(cls)
        if line.is_last:
            cost.failed += 1
        else:
            cost.retries += 1
        end = int((section.header.started - self.started) * _MICROS) + line.at
        place = place_of(section.header.host, executor, line.worker)
        alone = line.worker != 0 and executor == "process"
        state = GIVEN_UP if line.is_last else RETRIED
        self.changes += 1
        lane = self.timeline.add(cls, place, end - line.took, end, state, alone=alone)
        return FoldedAttempt(section, cls, lane, end - line.took, end, state, line)

    def end(self, section: SectionFold, line: RunEndedLine) -> None:
        """Note its end."""
        self.ended = line
        self.ended_after = max(0, int((section.header.started - self.started) * _MICROS) + line.at)
        self.changes += 1


def _end(completion: Completion) -> int:
    return completion.started + completion.took


def place_of(host: str, executor: str, worker: int) -> str:
    """Return the name of a worker or an event loop, for people."""
    return f"{host} {worker}" if worker else f"{host} {LOOP if executor == 'loop' else executor}"


def class_name(cls: str) -> str:
    """Return ``module.qualname`` for ``module:qualname``."""
    return cls.replace(":", ".")


#: Called with each attempt that has ended, as it was folded.
TakeAttempt = Callable[[RunFold, FoldedAttempt], None]


class RecordFold:
    """All runs in the lines of a record.

    Args:
        take_attempt: called with each attempt that has ended, for callers that keep more of it.

    Attributes:
        runs: by id.
        sections: by number, as :class:`~alexflow.timeline.segments.RecordTail` counts them.
    """

    def __init__(self, take_attempt: TakeAttempt | None = None):
        self.runs: dict[str, RunFold] = {}
        self.sections: dict[int, SectionFold] = {}
        self._take_attempt = take_attempt

    def add(self, number: int, line: SegmentLine) -> None:
        """Handle a line of a section; lines of a section come in their order, its header first."""
        if isinstance(line, SegmentHeader):
            self.sections[number] = SectionFold(line)
            return
        section = self.sections[number]
        if isinstance(line, CompletionLine):
            self._completed(section, line)
        elif isinstance(line, MadeFromLine):
            section.made_from(line)
        elif isinstance(line, ShapesLine):
            section.shapes.update((shape.number, shape) for shape in line.shapes)
        elif isinstance(line, RunBegunLine):
            self._begun(section, line)
        elif isinstance(line, AttemptLine):
            self._failed(section, line)
        elif isinstance(line, RunEndedLine):
            if line.number in section.runs:
                section.runs[line.number].end(section, line)
        elif isinstance(line, EnvironmentLine):
            section.environment = line
        elif isinstance(line, ClosedLine):
            section.closed = True

    def begun(self) -> dict[str, RunBegunLine]:
        """Return the beginnings of all runs, by id."""
        return {run_id: run.begun for run_id, run in self.runs.items()}

    def _begun(self, section: SectionFold, line: RunBegunLine) -> None:
        run = self.runs.get(line.id)
        if run is None:
            run = self.runs[line.id] = RunFold(line, section.header, EarlierRuns(partial(self._before, line.id)))
        section.runs[line.number] = run
        if section not in run.sections:
            run.sections.append(section)

    def _before(self, run_id: str) -> Iterator[TimelineFold]:
        """The timelines of the runs that began before one, the newest first."""
        return (self.runs[each].timeline for each in sorted(self.runs, reverse=True) if each < run_id)

    def _completed(self, section: SectionFold, line: CompletionLine) -> None:
        by_run: dict[int, list[Completion]] = {}
        for each in line.tasks:
            section.under_way.pop(each.task, None)
            by_run.setdefault(each.run, []).append(each)
        for number, tasks in by_run.items():
            run = section.runs.get(number)
            if run is not None:
                for folded in run.add(section, tasks):
                    if self._take_attempt is not None:
                        self._take_attempt(run, folded)

    def _failed(self, section: SectionFold, line: AttemptLine) -> None:
        run = section.runs.get(line.run)
        if run is None:
            return
        name = line.task_id.rpartition(".")[0]
        shape = next((each for each in section.shapes.values() if each.name == name and each.executor), None)
        cls, executor = (name, "") if shape is None else (class_name(shape.cls), shape.executor)
        folded = run.add_failure(section, line, cls, executor)
        if self._take_attempt is not None:
            self._take_attempt(run, folded)
        if line.is_last:
            section.leave(line.task_id)
