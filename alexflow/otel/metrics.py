"""Metrics of all engines that report to one meter provider.

Counts are kept here, and read when a reader asks: an event costs an addition, and not a call of the SDK. So seconds are
a sum, and no histogram, to which each would have to be given by itself, at the cost of half a span; spans have each.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

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
from alexflow.otel.event_follower import EventFollower
from alexflow.version import __version__

#: Attributes of a measurement, each with its value.
Labels = tuple[tuple[str, str], ...]


class Metrics:
    """The instruments of one meter provider, and their counts."""

    def __init__(self, provider: MeterProvider):
        scope = {names.SCOPE_VERSION: names.NAMES_VERSION}
        meter = provider.get_meter(names.SCOPE, __version__, attributes=scope)
        self.queued: Counter[Labels] = Counter()
        self.running: Counter[Labels] = Counter()
        self.active: Counter[Labels] = Counter()
        self.ended: Counter[Labels] = Counter()
        self.errors: Counter[Labels] = Counter()
        self.seconds: defaultdict[Labels, float] = defaultdict(float)
        self.bytes: Counter[Labels] = Counter()
        for name, counts, unit, text in (
            (names.TASKS_QUEUED, self.queued, "{task}", "Tasks that have all they read and wait for a place"),
            (names.TASKS_RUNNING, self.running, "{task}", "Attempts that run"),
            (names.RUNS_ACTIVE, self.active, "{run}", "Runs that are under way"),
        ):
            meter.create_observable_up_down_counter(name, [_observer(counts)], unit, text)
        counters: tuple[tuple[str, Mapping[Labels, float], str, str], ...] = (
            (names.TASKS_ENDED, self.ended, "{task}", "Ends of attempts, and tasks that were done already"),
            (names.TASK_ERRORS, self.errors, "{attempt}", "Attempts that failed"),
            (names.TASK_SECONDS, self.seconds, "s", "What run() and publishing took, of tasks that succeeded"),
            (names.OUTPUT_BYTES, self.bytes, "By", "Bytes of outputs that were published"),
        )
        for name, sums, unit, text in counters:
            meter.create_observable_counter(name, [_observer(sums)], unit, text)


def _observer(counts: Mapping[Labels, float]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, dict(labels)) for labels, count in list(counts.items())]  # a reader has a thread

    return observe


class EngineMetrics(EventFollower):
    """Counts the events of one engine.

    Args:
        metrics: those of its meter provider.
    """

    def __init__(self, metrics: Metrics):
        super().__init__()
        self._metrics = metrics
        self._queued: dict[str, Labels] = {}
        self._running: dict[str, Labels] = {}
        self._runs: set[str] = set()
        self._labels: dict[str, Labels] = {}
        self._labels_ended: dict[tuple[str, str], Labels] = {}

    def close(self) -> None:
        """Take back what is under way: its end will not be counted."""
        for task_id in list(self._queued):
            self._leave(task_id)
        for task_id in list(self._running):
            self._leave(task_id)
        self._metrics.active[()] -= len(self._runs)
        self._runs.clear()

    def _labels_of(self, class_name: str) -> Labels:
        labels = self._labels.get(class_name)
        if labels is None:
            labels = self._labels[class_name] = ((names.TASK_CLASS, class_name),)
        return labels

    def _run_started(self, event: RunStarted) -> None:
        self._runs.add(event.run_id)
        self._metrics.active[()] += 1

    def _run_finished(self, event: RunFinished) -> None:
        if event.run_id in self._runs:
            self._runs.remove(event.run_id)
            self._metrics.active[()] -= 1

    def _task_queued(self, event: TaskQueued) -> None:
        if event.task_id not in self._queued:
            labels = self._queued[event.task_id] = self._labels_of(event.class_name)
            self._metrics.queued[labels] += 1

    def _task_started(self, event: TaskStarted) -> None:
        self._leave(event.task_id)
        labels = self._running[event.task_id] = self._labels_of(event.class_name)
        self._metrics.running[labels] += 1

    def _leave(self, task_id: str) -> None:
        """Take a task out of what is queued or runs."""
        queued = self._queued.pop(task_id, None)
        if queued is not None:
            self._metrics.queued[queued] -= 1
        running = self._running.pop(task_id, None)
        if running is not None:
            self._metrics.running[running] -= 1

    def _put_back(self, event: TasksPutBack) -> None:
        for task_id in event.task_ids:
            labels = self._running.pop(task_id, None)
            if labels is not None:
                self._metrics.running[labels] -= 1
                self._queued[task_id] = labels
                self._metrics.queued[labels] += 1

    def _not_run(self, event: TasksFound | TasksMadeElsewhere, outcome: str) -> None:
        for task_id in event.task_ids if outcome == "elsewhere" else ():
            self._leave(task_id)
        for task_id in event.task_ids:
            self._count(task_id.rpartition(".")[0], outcome)

    def _count(self, class_name: str, outcome: str) -> None:
        labels = self._labels_ended.get((class_name, outcome))
        if labels is None:
            labels = (names.TASK_CLASS, class_name), (names.TASK_OUTCOME, outcome)
            self._labels_ended[class_name, outcome] = labels
        self._metrics.ended[labels] += 1

    def _succeeded(self, event: TaskSucceeded) -> None:
        self._end(event, "succeeded")
        labels = self._labels_of(event.class_name)
        self._metrics.seconds[labels] += event.seconds
        if event.bytes_out:
            self._metrics.bytes[labels] += event.bytes_out

    def _failed(self, event: TaskRetrying | TaskGivenUp, outcome: str) -> None:
        self._end(event, outcome)
        labels = self._labels_of(event.class_name)
        self._metrics.errors[(*labels, (names.ERROR_TYPE, event.error_class or "unknown"))] += 1

    def _end(self, event: TaskEvent, outcome: str) -> None:
        self._leave(event.task_id)
        self._count(event.class_name, outcome)
