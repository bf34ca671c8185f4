"""Metrics of all engines that report to one meter provider.

What each task adds to is counted by its engine, by class, and read when a reader asks: for a task that succeeds there
is no event, and no call of the SDK. So seconds are a sum, and no histogram, to which each would have to be given by
itself, at the cost of half a span; spans have each.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import ref

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from alexflow.errors import EngineClosed
from alexflow.events import (
    RunFinished,
    RunStarted,
    TaskEvent,
    TaskGivenUp,
    TaskRetrying,
    TasksFound,
    TasksMadeElsewhere,
)
from alexflow.otel import names
from alexflow.otel.event_follower import EventFollower, class_of
from alexflow.version import __version__

if TYPE_CHECKING:
    from alexflow.engine.open_engine import OpenEngine
    from alexflow.engine.tallies import ClassTally, Tallies

#: Questions to an engine until its answer is taken for none: it may change while another thread looks at it.
TRIES = 10

#: Attributes of a measurement.
Labels = dict[str, str]


class ClassCounts:
    """Counts of one class of tasks: attributes, since each event adds to some.

    Args:
        name: the class.

    Attributes:
        name: as given.
        queued: tasks that wait for a place, when they were last counted.
        running: attempts that run, likewise.
        seconds: what tasks took that succeeded.
        bytes: bytes of their outputs.
        ended: ends of attempts, and tasks that did not have to run, by outcome.
        errors: attempts that failed, by the class of the error.
    """

    __slots__ = ("bytes", "ended", "errors", "name", "queued", "running", "seconds")

    def __init__(self, name: str):
        self.name = name
        self.queued = self.running = self.bytes = 0
        self.seconds = 0.0
        self.ended: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()


class EngineCounts:
    """Counts of one engine, and how much of them has been taken.

    Args:
        tallies: its counts, which hold on to the engine; so they are not held here.
    """

    def __init__(self, tallies: Tallies):
        self._tallies = ref(tallies)
        self._by_class = tallies.by_class  # once more when the engine is gone
        self._taken: dict[ClassTally, tuple[int, float, int]] = {}
        self.take()

    def is_of(self, tallies: Tallies | None) -> bool:
        """Return whether these are an engine's counts; None for those of one that is gone."""
        return self._tallies() is tallies

    def take(self) -> list[tuple[str, int, float, int]]:
        """Return for each class the tasks that have succeeded since the last call, their seconds and bytes."""
        found: list[tuple[str, int, float, int]] = []
        for tally in list(self._by_class.values()):
            now = tally.done, tally.seconds, tally.bytes
            done, seconds, size = self._taken.get(tally, (0, 0.0, 0))
            self._taken[tally] = now
            found.append((tally.name, now[0] - done, now[1] - seconds, now[2] - size))
        return found

    def under_way(self) -> list[tuple[str, int, int]]:
        """Return for each class the tasks that wait for a place, and those that run."""
        tallies = self._tallies()
        if tallies is None:
            return []
        for _ in range(TRIES):
            try:
                return tallies.under_way()
            except (RuntimeError, StopIteration):  # it works on meanwhile, in another thread
                continue
        return []


class Metrics:
    """The instruments of one meter provider, and their counts.

    Attributes:
        active: runs that are under way.
    """

    def __init__(self, provider: MeterProvider):
        scope = {names.SCOPE_VERSION: names.NAMES_VERSION}
        meter = provider.get_meter(names.SCOPE, __version__, attributes=scope)
        self.active = 0
        self._classes: dict[str, ClassCounts] = {}
        self._engines: list[EngineCounts] = []
        self._lock = threading.Lock()  # readers have threads of their own
        gauges: tuple[tuple[str, Observe, str, str], ...] = (
            (names.TASKS_QUEUED, self._under_way("queued"), "{task}", "Tasks that have all they read, without a place"),
            (names.TASKS_RUNNING, self._under_way("running"), "{task}", "Attempts that run"),
            (names.RUNS_ACTIVE, lambda: [({}, self.active)], "{run}", "Runs that are under way"),
        )
        for name, observe, unit, text in gauges:
            meter.create_observable_up_down_counter(name, [_observer(observe)], unit, text)
        ended, errors = self._by("ended", names.TASK_OUTCOME), self._by("errors", names.ERROR_TYPE)
        counters: tuple[tuple[str, Observe, str, str], ...] = (
            (names.TASKS_ENDED, ended, "{task}", "Ends of attempts, and tasks that were done already"),
            (names.TASK_ERRORS, errors, "{attempt}", "Attempts that failed"),
            (names.TASK_SECONDS, self._each("seconds"), "s", "What run() and publishing took, of tasks that succeeded"),
            (names.OUTPUT_BYTES, self._each("bytes"), "By", "Bytes of outputs that were published"),
        )
        for name, observe, unit, text in counters:
            meter.create_observable_counter(name, [_observer(observe)], unit, text)

    def of_class(self, name: str) -> ClassCounts:
        """Return the counts of a class."""
        counts = self._classes.get(name)
        if counts is None:
            counts = self._classes[name] = ClassCounts(name)
        return counts

    # -- engines

    def follow(self, tallies: Tallies) -> None:
        """Add to the counts what an engine counts from now on."""
        with self._lock:
            self._take()
            self._engines = [each for each in self._engines if not each.is_of(None)]  # those are gone
            if not any(each.is_of(tallies) for each in self._engines):
                self._engines.append(EngineCounts(tallies))

    def leave(self, tallies: Tallies) -> None:
        """Add no more of what an engine counts."""
        with self._lock:
            self._take()
            self._engines = [each for each in self._engines if not each.is_of(tallies)]

    def _take(self) -> None:
        """Add what engines have counted."""
        for engine in self._engines:
            for name, done, seconds, size in engine.take():
                counts = self.of_class(name)
                if done:
                    counts.ended["succeeded"] += done
                    counts.seconds += seconds
                    counts.bytes += size

    def _count(self) -> list[ClassCounts]:
        with self._lock:
            self._take()
            return list(self._classes.values())

    # -- what readers ask

    def _each(self, field: str) -> Observe:
        """Read one number of each class."""
        return lambda: [({names.TASK_CLASS: each.name}, getattr(each, field)) for each in self._count()]

    def _under_way(self, field: str) -> Observe:
        """Read one number of each class, of what is under way."""
        return lambda: [({names.TASK_CLASS: each.name}, getattr(each, field)) for each in self._counted()]

    def _counted(self) -> list[ClassCounts]:
        found = self._count()
        for counts in found:
            counts.queued = counts.running = 0
        for name, queued, running in [each for engine in self._engines for each in engine.under_way()]:
            counts = self.of_class(name)
            counts.queued += queued
            counts.running += running
        return found

    def _by(self, field: str, label: str) -> Observe:
        """Read counts of each class that have one more label."""
        return lambda: [
            ({names.TASK_CLASS: each.name, label: value}, count)
            for each in self._count()
            for value, count in list(getattr(each, field).items())
        ]


#: Reads counts, for a reader that has a thread of its own.
Observe = Callable[[], Iterable[tuple[Labels, float]]]


def _observer(observe: Observe) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda options: [Observation(count, labels) for labels, count in observe()]


class EngineMetrics(EventFollower):
    """Counts what one engine does: of its events those that not every task has.

    Args:
        metrics: those of its meter provider.
        engine: the engine.
    """

    def __init__(self, metrics: Metrics, engine: OpenEngine):
        super().__init__()
        self._metrics = metrics
        self._engine = ref(engine)
        self._tallies: ref[Tallies] | None = None
        self._runs: set[str] = set()
        with suppress(EngineClosed):  # it will be opened
            self._follow(engine)

    def _follow(self, engine: OpenEngine) -> None:
        tallies = engine.tallies()  # others once the engine has been opened again
        if self._tallies is None or self._tallies() is not tallies:
            self._tallies = ref(tallies)
            self._metrics.follow(tallies)

    def close(self) -> None:
        """Take back what is under way: its end will not be counted."""
        tallies = None if self._tallies is None else self._tallies()
        if tallies is not None:
            self._metrics.leave(tallies)
        self._metrics.active -= len(self._runs)
        self._runs.clear()

    def _run_started(self, event: RunStarted) -> None:
        self._runs.add(event.run_id)
        self._metrics.active += 1
        engine = self._engine()
        if engine is not None:
            self._follow(engine)

    def _run_finished(self, event: RunFinished) -> None:
        if event.run_id in self._runs:
            self._runs.remove(event.run_id)
            self._metrics.active -= 1

    def _not_run(self, event: TasksFound | TasksMadeElsewhere, outcome: str) -> None:
        for name, count in Counter(map(class_of, event.task_ids)).items():
            self._metrics.of_class(name).ended[outcome] += count

    def _failed(self, event: TaskRetrying | TaskGivenUp, outcome: str) -> None:
        counts = self._metrics.of_class(class_of(event.task_id))
        counts.ended[outcome] += 1
        counts.errors[event.error_class or "unknown"] += 1

    def _end(self, event: TaskEvent, outcome: str) -> None:
        self._metrics.of_class(class_of(event.task_id)).ended[outcome] += 1
