"""``AttemptSpan``: the span of an attempt, of which the SDK makes no more than is asked for.

A span of the SDK begins with a question to its sampler, and is ready for attributes, events and links from any thread:
14 µs. Most attempts need none of it. Their run is sampled, and what is known of them is known when they end; so they go
to the processors as the readable span that these would be given anyway. One to which its task, or a processor, adds
something becomes a whole span of the SDK at that moment.

That depends on names of the SDK that are meant for its own use, so it is tried once for each tracer. Where the trial
fails, and where a sampler decides on each span by itself, the tracer makes all spans.
"""

from __future__ import annotations

import threading
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, ParentBasedTraceIdRatio
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

#: Attributes that alexflow itself gives a span, at most.
_MOST_ATTRIBUTES = 16

_UNSET = Status(StatusCode.UNSET)

#: Held while a span becomes whole: two threads of a task may add to it at once.
_becoming_whole = threading.RLock()


class AttemptSpans:
    """Makes spans as one tracer does.

    Args:
        tracer: one of the SDK.
        processor: where they go.

    Attributes:
        tracer: as given.
        processor: as given.
        resource: what makes spans.
        limits: what a span may hold.
        scope: the instrumentation's name and version.
        kind: the class of these spans.
    """

    def __init__(self, tracer: Any, processor: SpanProcessor):
        self.tracer = tracer
        self.processor = processor
        self.resource = tracer.resource
        self.limits: SpanLimits = tracer._span_limits
        self.scope = tracer._instrumentation_scope
        self.kind = AttemptSpan

    def begin(self, name: str, context: SpanContext, parent: SpanContext, within: Context, began: int) -> AttemptSpan:
        """Begin a span.

        Args:
            name: of the span.
            context: its id, and what belongs to it.
            parent: those of the span that it is in.
            within: the context that has that span.
            began: nanoseconds since 1970.
        """
        span = AttemptSpan(self, name, context, parent, began)
        self.processor.on_start(span, parent_context=within)
        return span


class AttemptSpan(Span):
    """A span that is made as far as it is used.

    Args:
        maker: has what all spans of a tracer have in common.
        name: as for :meth:`AttemptSpans.begin`.
        context: the same.
        parent: the same.
        began: the same.
    """

    def __init__(self, maker: AttemptSpans, name: str, context: SpanContext, parent: SpanContext, began: int):
        self.__maker = maker
        self.__given = name, context, parent
        self.__began = began
        self.__ended: int | None = None
        self.__is_whole = False

    def __getattr__(self, name: str) -> Any:
        """Become a whole span when something is asked for that only such a one has."""
        if name.startswith("__") or self.__is_whole:
            raise AttributeError(name)
        with _becoming_whole:
            if not self.__is_whole:
                self.__become_whole()
        return getattr(self, name)

    def __become_whole(self) -> None:
        maker = self.__maker
        super().__init__(
            *self.__given,
            maker.tracer.sampler,
            resource=maker.resource,
            span_processor=maker.processor,
            limits=maker.limits,
            instrumentation_scope=maker.scope,
        )
        self._start_time = self.__began  # not by start(), which would call the processors again
        self._end_time = self.__ended
        self.__is_whole = True

    def get_span_context(self) -> SpanContext:
        """Return its id, and what belongs to it."""
        return self.__given[1]

    def is_recording(self) -> bool:
        """Return whether it has not ended."""
        return (self._end_time if self.__is_whole else self.__ended) is None

    def end_with(self, attributes: dict[str, Any], status: Status | None, ended: int) -> None:
        """End it, with all that is known of the attempt.

        Args:
            attributes: of types that spans take.
            status: how it ended, if that is worth one.
            ended: nanoseconds since 1970.
        """
        if self.__is_whole:
            self.set_attributes(attributes)
            if status is not None:
                self.set_status(status)
            self.end(ended)
            return
        self.__ended = ended
        maker, (name, context, parent) = self.__maker, self.__given
        maker.processor.on_end(
            ReadableSpan(
                name,
                context,
                parent,
                maker.resource,
                attributes,
                status=status or _UNSET,
                start_time=self.__began,
                end_time=ended,
                instrumentation_scope=maker.scope,
            )
        )


def attempt_spans_of(tracer: Any) -> AttemptSpans | None:
    """Return what makes the spans of attempts; None where the tracer, one of the SDK, has to make each."""
    try:
        suits = _follows_parents(tracer.sampler) and _has_room(tracer._span_limits) and _passes_trial(tracer)
    except Exception:  # another version of the SDK
        return None
    return AttemptSpans(tracer, tracer.span_processor) if suits else None


def _follows_parents(sampler: Any) -> bool:
    """Return whether a span is recorded wherever the one that it is in is sampled."""
    if type(sampler) in (ParentBased, ParentBasedTraceIdRatio):
        sampler = sampler._local_parent_sampled
    return sampler is ALWAYS_ON


def _has_room(limits: SpanLimits) -> bool:
    most = limits.max_span_attributes
    return limits.max_span_attribute_length is None and (most is None or most >= _MOST_ATTRIBUTES)


class _LastSpan(SpanProcessor):
    """Keeps the last span that ended."""

    span: ReadableSpan

    def on_end(self, span: ReadableSpan) -> None:
        self.span = span


def _passes_trial(tracer: Any) -> bool:
    """Return whether a span to which something is added, and one to which nothing is, are what the SDK would make."""
    kept = _LastSpan()
    maker = AttemptSpans(tracer, kept)
    parent, context = (SpanContext(1, number, False, TraceFlags(1)) for number in (1, 2))
    as_text = set()
    for adds in (False, True):
        span = maker.begin("trial", context, parent, Context(), 1)
        if adds:
            span.set_attribute("number", 0)
        span.end_with({"number": 1}, Status(StatusCode.ERROR, "trial"), 2)
        as_text.add(kept.span.to_json())
    return len(as_text) == 1 and not span.is_recording() and kept.span.end_time == 2
