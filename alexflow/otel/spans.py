"""The spans of runs and of attempts at tasks.

A task that runs in the engine's process has its span as the current one while it runs. One that runs elsewhere gets the
id of its span with the job, as the parent of what its own code records; the span itself is made here when its end is
reported. So nothing is exported from workers but what their code has set up, and a worker that dies has a span, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.baggage import get_all as all_baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, Span, SpanContext, Status, StatusCode, Tracer

from alexflow.events import (
    RunFinished,
    RunStarted,
    TaskEvent,
    TaskGivenUp,
    TaskRetrying,
    TasksFound,
    TasksMadeElsewhere,
    TasksPutBack,
)
from alexflow.executors.interface import Done, RemoteUsage, Settled
from alexflow.executors.trace_context import TraceHeaders, headers_of, span_context_of
from alexflow.otel import names
from alexflow.otel.event_follower import EventFollower, class_of
from alexflow.otel.span_ids import SpanIds

if TYPE_CHECKING:
    from alexflow.otel.attempt_span import AttemptSpans

#: Spans that are made for tasks of one event that are done already: making one takes some 10 µs of the event loop.
MOST_CACHED = 128

#: Characters of an error that a span's status has.
MAX_ERROR = 1000

#: The key under which a context has its span: setting it here is one copy of the context, where the API makes two.
(_SPAN_KEY,) = trace.set_span_in_context(INVALID_SPAN, Context())


class Captured:
    """The caller's context, and its baggage as a header."""

    __slots__ = ("_within", "baggage", "context")

    def __init__(self, context: Context):
        self.context = context
        self._within: tuple[RunSpan, Context] | None = None
        self.baggage = ""
        if all_baggage(context):
            carrier: dict[str, str] = {}
            W3CBaggagePropagator().inject(carrier, context)
            self.baggage = carrier.get("baggage", "")

    def within(self, run: RunSpan) -> Context:
        """Return it with the span of a run, whose tasks have none."""
        if self._within is None or self._within[0] is not run:
            self._within = run, trace.set_span_in_context(run.span, self.context)
        return self._within[1]


class RunSpan:
    """The span of a run, and what the spans of its tasks need of it."""

    __slots__ = ("context", "flags", "is_recording", "is_sampled", "span", "span_context", "state", "trace_id")

    def __init__(self, span: Span):
        self.span = span
        self.span_context = span.get_span_context()
        self.is_recording = span.is_recording()
        self.trace_id, self.flags = self.span_context.trace_id, self.span_context.trace_flags
        self.state = self.span_context.trace_state
        self.is_sampled = self.is_recording and self.flags.sampled
        self.context = trace.set_span_in_context(span, Context())


class OpenAttempt:
    """An attempt that runs.

    Attributes:
        run: the span that its span is in.
        class_name: the class of its task.
        span: its span; None where that is made at its end.
        span_context: the id of a span that is made at the end, and what belongs to it.
        place: attributes that say where it was, once it has ended without success.
        began: when it began, likewise, in seconds since 1970.
    """

    __slots__ = ("began", "class_name", "place", "run", "span", "span_context")

    def __init__(self, run: RunSpan, class_name: str, span: Span | None, span_context: SpanContext | None = None):
        self.run = run
        self.class_name = class_name
        self.span = span
        self.span_context = span_context
        self.place: dict[str, Any] | None = None
        self.began = 0.0


class Spans(EventFollower):
    """Makes the spans of one engine. Its methods are called on the event loop.

    Args:
        tracer: makes them.
    """

    def __init__(self, tracer: Tracer):
        super().__init__()
        self.handlers[TasksPutBack] = self._put_back
        self._tracer = tracer
        before = getattr(tracer, "id_generator", None)
        self._ids = None if before is None else before if isinstance(before, SpanIds) else SpanIds(before)
        if self._ids is not None:
            cast(Any, tracer).id_generator = self._ids  # of the SDK's tracers
            self._new_id = self._ids.generate
        self._attempt_spans = _attempt_spans_of(tracer)
        self._runs: dict[str, RunSpan] = {}
        self._attempts: dict[str, OpenAttempt] = {}

    def close(self) -> None:
        """End all spans that are open: their ends will not be reported."""
        now = time.time_ns()
        for task_id, attempt in self._attempts.items():
            if attempt.span is not None:
                self._finish(task_id, attempt.class_name, attempt.span, {}, None, now)
        for run in self._runs.values():
            run.span.end()
        self._attempts.clear()
        self._runs.clear()

    @property
    def are_recorded(self) -> bool:
        """Whether attempts have spans: those of a run that is sampled."""
        return any(run.is_recording for run in self._runs.values())

    # -- where attempts begin

    def capture(self) -> Captured:
        """Capture the caller's context."""
        return Captured(contexts.get_current())

    def enter(self, task_id: str, run_id: str, captured: Captured) -> None:
        """Begin an attempt's span, and make it that of the current context."""
        run = self._runs.get(run_id)
        if run is None:
            return
        if not run.is_recording:
            contexts.attach(captured.within(run))
            return
        class_name = task_id.rpartition(".")[0]
        span = self._begin(task_id, class_name, run)
        self._attempts[task_id] = OpenAttempt(run, class_name, span)
        contexts.attach(Context({**captured.context, _SPAN_KEY: span}))

    def headers(self, task_id: str, run_id: str, captured: Captured) -> TraceHeaders | None:
        """Return the span that an attempt in another process will have."""
        run = self._runs.get(run_id)
        if run is None:
            return None
        span_context = run.span_context
        class_name = class_of(task_id)
        if run.is_recording and self._ids is None:
            span = self._begin(task_id, class_name, run)
            self._attempts[task_id] = OpenAttempt(run, class_name, span)
            span_context = span.get_span_context()
        elif run.is_recording:
            span_context = SpanContext(run.trace_id, self._new_id(), False, run.flags, run.state)
            self._attempts[task_id] = OpenAttempt(run, class_name, None, span_context)
        return headers_of(span_context, captured.baggage)

    def _begin(self, task_id: str, class_name: str, run: RunSpan) -> Span:
        name = class_name.rpartition(".")[2]
        if self._attempt_spans is not None and run.is_sampled:
            span_context = SpanContext(run.trace_id, self._new_id(), False, run.flags, run.state)
            return self._attempt_spans.begin(name, span_context, run.span_context, run.context, time.time_ns())
        attributes = {names.TASK_ID: task_id, names.TASK_CLASS: class_name}
        return self._tracer.start_span(name, run.context, attributes=attributes)

    # -- runs

    def _run_started(self, event: RunStarted) -> None:
        context = Context()
        if event.traceparent:
            parent = span_context_of(TraceHeaders(event.traceparent, event.tracestate), trace)
            context = trace.set_span_in_context(NonRecordingSpan(parent), context)
        attributes: dict[str, Any] = {names.RUN_ID: event.run_id, names.RUN_TARGETS: event.targets}
        attributes.update(
            {names.REQUEST + name: value for name, value in event.attributes.items() if value is not None}
        )
        span = self._tracer.start_span(names.RUN_SPAN, context, attributes=attributes, start_time=_ns(event.time))
        self._runs[event.run_id] = RunSpan(span)

    def _run_finished(self, event: RunFinished) -> None:
        run = self._runs.pop(event.run_id, None)
        if run is None:
            return
        run.span.set_attributes(
            {
                names.RUN_OUTCOME: event.outcome,
                names.RUN_RAN: event.ran,
                names.RUN_CACHED: event.cached,
                names.RUN_SHARED: event.shared,
                names.RUN_FAILED: event.failed,
                names.RUN_SKIPPED: event.skipped,
            }
        )
        if event.outcome in ("failed", "error"):
            run.span.set_status(Status(StatusCode.ERROR, f"{event.failed} tasks failed" if event.failed else None))
        run.span.end(_ns(event.time))

    # -- tasks

    def _not_run(self, event: TasksFound | TasksMadeElsewhere, outcome: str) -> None:
        if outcome == "elsewhere":
            self._forget(event.task_ids)
        run = self._runs.get(event.run_id)
        if run is not None and run.is_recording:
            now = _ns(event.time)
            for task_id in event.task_ids[:MOST_CACHED]:
                class_name = class_of(task_id)
                attributes: dict[str, Any] = {names.TASK_ID: task_id, names.TASK_CLASS: class_name}
                attributes.update({names.TASK_OUTCOME: outcome, names.TASK_CACHED: True})
                name = class_name.rpartition(".")[2]
                self._tracer.start_span(name, run.context, attributes=attributes, start_time=now).end(now)

    def _put_back(self, event: TasksPutBack) -> None:
        self._forget(event.task_ids)

    def _forget(self, task_ids: Iterable[str]) -> None:
        """Drop attempts that have not done anything; a span that has begun has to end."""
        for task_id in task_ids:
            attempt = self._attempts.pop(task_id, None)
            if attempt is not None and attempt.span is not None:
                self._finish(task_id, attempt.class_name, attempt.span, {}, None, time.time_ns())

    def settled(self, outcome: Settled, executor: str, number: int, ended: float) -> None:
        """End the span of an attempt, or note where it was, until an event says what came of it."""
        task_id = outcome.task_id
        attempt = self._attempts.get(task_id)
        if attempt is None:
            return
        attributes: dict[str, Any] = {names.TASK_EXECUTOR: executor}  # few attributes: each costs time
        if number > 1:
            attributes[names.TASK_ATTEMPT] = number
        if not isinstance(outcome, Done):
            if outcome.reason != "cancelled" or outcome.seconds:  # else it has not begun
                _add_place(attributes, outcome.worker, outcome.host)
                attempt.place, attempt.began = attributes, ended - outcome.seconds
            return
        del self._attempts[task_id]
        attributes[names.TASK_OUTCOME] = "succeeded"
        if (usage := outcome.usage) is not None:
            size = 0
            for stored, _ in usage.stored.values():
                size += stored
            attributes[names.TASK_BYTES] = size
            if usage.worker:
                _add_place(attributes, usage.worker, usage.host if isinstance(usage, RemoteUsage) else "")
        now = int(ended * 1e9)
        span = attempt.span
        if span is None:
            span = self._late(task_id, attempt, now - int(outcome.seconds * 1e9))
        self._finish(task_id, attempt.class_name, span, attributes, None, now)

    def _failed(self, event: TaskRetrying | TaskGivenUp, outcome: str) -> None:
        attributes = {names.TASK_OUTCOME: outcome, names.ERROR_TYPE: event.error_class or "unknown"}
        self._end_with(event, attributes, Status(StatusCode.ERROR, event.error[:MAX_ERROR]))

    def _end(self, event: TaskEvent, outcome: str) -> None:
        self._end_with(event, {names.TASK_OUTCOME: outcome})

    def _end_with(self, event: TaskEvent, attributes: dict[str, Any], status: Status | None = None) -> None:
        """End the span of an attempt that has not succeeded, if it had begun."""
        task_id = event.task_id
        attempt = self._attempts.pop(task_id, None)
        if attempt is None or (attempt.place is None and attempt.span is None):
            return
        attributes.update(attempt.place or {})
        span = attempt.span
        if span is None:
            span = self._late(task_id, attempt, _ns(attempt.began))
        self._finish(task_id, attempt.class_name, span, attributes, status, _ns(event.time))

    def _finish(
        self, task_id: str, class_name: str, span: Span, attributes: dict[str, Any], status: Status | None, now: int
    ) -> None:
        """End the span of an attempt."""
        if self._attempt_spans is not None and type(span) is self._attempt_spans.kind:
            attributes[names.TASK_ID] = task_id
            attributes[names.TASK_CLASS] = class_name
            span.end_with(attributes, status, now)
            return
        span.set_attributes(attributes)
        if status is not None:
            span.set_status(status)
        span.end(now)

    def _late(self, task_id: str, attempt: OpenAttempt, began: int) -> Span:
        """Make the span of an attempt that has ended, under the id that it has had."""
        run, span_context, class_name = attempt.run, attempt.span_context, attempt.class_name
        assert span_context is not None
        name = class_name.rpartition(".")[2]
        if self._attempt_spans is not None and run.is_sampled:
            return self._attempt_spans.begin(name, span_context, run.span_context, run.context, began)
        assert self._ids is not None
        attributes = {names.TASK_ID: task_id, names.TASK_CLASS: class_name}
        self._ids.use(span_context.span_id)
        span = self._tracer.start_span(name, run.context, attributes=attributes, start_time=began)
        self._ids.use(0)  # should the tracer have made none
        return span


def _attempt_spans_of(tracer: Tracer) -> AttemptSpans | None:
    if not type(tracer).__module__.startswith("opentelemetry.sdk."):
        return None
    from alexflow.otel.attempt_span import attempt_spans_of  # deferred: it needs the SDK, which this tracer is of

    return attempt_spans_of(tracer)


def _add_place(attributes: dict[str, Any], worker: int, host: str) -> None:
    if worker:
        attributes[names.TASK_WORKER] = worker
    if host:
        attributes[names.TASK_HOST] = host


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
