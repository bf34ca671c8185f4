"""Metrics of all engines that report to one meter provider.

Counts are kept here, and read when a reader asks: an event costs an addition, and not a call of the SDK. So seconds are
a sum, and no histogram, to which each would have to be given by itself, at the cost of half a span; spans have each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from alexflow.events import (
    RunFinished,
    RunStarted,
    TaskEvent,
    TaskGivenUp,
    TaskQueued,
    TaskRetrying,
    TasksFound,
    TasksMadeElsewhere,
    TasksPutBack,
    TaskStarted,
    TaskSucceeded,
)
from alexflow.otel import names
from alexflow.otel.event_follower import EventFollower, class_of
from alexflow.version import __version__

#: Attributes of a measurement.
Labels = dict[str, str]


class ClassCounts:
    """Counts of one class of tasks: attributes, since each event adds to some.

    Args:
        name: the class.

    Attributes:
        name: as given.
        queued: tasks that wait for a place.
        running: attempts that run.
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
        gauges: tuple[tuple[str, Observe, str, str], ...] = (
            (names.TASKS_QUEUED, self._each("queued"), "{task}", "Tasks that have all they read and wait for a place"),
            (names.TASKS_RUNNING, self._each("running"), "{task}", "Attempts that run"),
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

    def _each(self, field: str) -> Observe:
        """Read one number of each class."""
        return lambda: [({names.TASK_CLASS: each.name}, getattr(each, field)) for each in list(self._classes.values())]

    def _by(self, field: str, label: str) -> Observe:
        """Read counts of each class that have one more label."""
        return lambda: [
            ({names.TASK_CLASS: each.name, label: value}, count)
            for each in list(self._classes.values())
            for value, count in list(getattr(each, field).items())
        ]


#: Reads counts, for a reader that has a thread of its own.
Observe = Callable[[], Iterable[tuple[Labels, float]]]


def _observer(observe: Observe) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda options: [Observation(count, labels) for labels, count in observe()]


class EngineMetrics(EventFollower):
    """Counts the events of one engine.

    Args:
        metrics: those of its meter provider.
    """

    def __init__(self, metrics: Metrics):
        super().__init__()
        self.handlers[TaskQueued] = self._task_queued  # a span does not begin before its task
        self._metrics = metrics
        self._queued: dict[str, ClassCounts] = {}
        self._running: dict[str, ClassCounts] = {}
        self._runs: set[str] = set()

    def close(self) -> None:
        """Take back what is under way: its end will not be counted."""
        for task_id in [*self._queued, *self._running]:
            self._leave(task_id)
        self._metrics.active -= len(self._runs)
        self._runs.clear()

    def _run_started(self, event: RunStarted) -> None:
        self._runs.add(event.run_id)
        self._metrics.active += 1

    def _run_finished(self, event: RunFinished) -> None:
        if event.run_id in self._runs:
            self._runs.remove(event.run_id)
            self._metrics.active -= 1

    def _task_queued(self, event: TaskQueued) -> None:
        task_id = event.task_id
        if task_id not in self._queued:
            counts = self._queued[task_id] = self._metrics.of_class(class_of(task_id))
            counts.queued += 1

    def _task_started(self, event: TaskStarted) -> None:
        task_id = event.task_id
        counts = self._leave(task_id) or self._metrics.of_class(class_of(task_id))
        counts.running += 1
        self._running[task_id] = counts

    def _leave(self, task_id: str) -> ClassCounts | None:
        """Take a task out of what is queued or runs. Returns the counts of its class if it was there."""
        counts = self._running.pop(task_id, None)
        if counts is not None:
            counts.running -= 1
            return counts
        counts = self._queued.pop(task_id, None)
        if counts is not None:
            counts.queued -= 1
        return counts

    def _put_back(self, event: TasksPutBack) -> None:
        for task_id in event.task_ids:
            counts = self._running.pop(task_id, None)
            if counts is not None:
                counts.running -= 1
                counts.queued += 1
                self._queued[task_id] = counts

    def _not_run(self, event: TasksFound | TasksMadeElsewhere, outcome: str) -> None:
        for task_id in event.task_ids:
            counts = self._leave(task_id) if outcome == "elsewhere" else None
            (counts or self._metrics.of_class(class_of(task_id))).ended[outcome] += 1

    def _succeeded(self, event: TaskSucceeded) -> None:
        counts = self._ended(event, "succeeded")
        counts.seconds += event.seconds
        if event.bytes_out:
            counts.bytes += event.bytes_out

    def _failed(self, event: TaskRetrying | TaskGivenUp, outcome: str) -> None:
        self._ended(event, outcome).errors[event.error_class or "unknown"] += 1

    def _end(self, event: TaskEvent, outcome: str) -> None:
        self._ended(event, outcome)

    def _ended(self, event: TaskEvent, outcome: str) -> ClassCounts:
        counts = self._leave(event.task_id) or self._metrics.of_class(class_of(event.task_id))
        counts.ended[outcome] += 1
        return counts
