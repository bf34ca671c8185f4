"""Spans of OpenTelemetry on their way: as headers of W3C Trace Context and Baggage.

The library is never imported here: a program that uses it has done so.
"""

import sys
from typing import Any

from msgspec import Struct


class TraceHeaders(Struct, frozen=True, array_like=True):
    """A span, and what travels with it.

    Attributes:
        traceparent: the span.
        tracestate: what vendors add to it; "" for nothing.
        baggage: the application's own values; "" for none.
    """

    traceparent: str
    tracestate: str = ""
    baggage: str = ""


NO_TRACE = TraceHeaders("")


def headers_of(span_context: Any, baggage: str = "") -> TraceHeaders:
    """Return the headers of a span, given its ``SpanContext``."""
    traceparent = f"00-{span_context.trace_id:032x}-{span_context.span_id:016x}-{int(span_context.trace_flags):02x}"
    return TraceHeaders(traceparent, span_context.trace_state.to_header() if span_context.trace_state else "", baggage)


def current_trace() -> TraceHeaders:
    """Return the headers of the current context's span, without baggage; ``NO_TRACE`` if there is none."""
    trace = sys.modules.get("opentelemetry.trace")
    get_current_span = getattr(trace, "get_current_span", None)  # none while the module is being imported
    if get_current_span is None:
        return NO_TRACE
    context = get_current_span().get_span_context()
    return headers_of(context) if context.is_valid else NO_TRACE


def enter_trace(headers: TraceHeaders) -> None:
    """Make a span of another process that of the current context, if the library is there."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None or not hasattr(trace, "set_span_in_context"):
        return
    from opentelemetry import context  # it is there

    now = None
    if headers.baggage:
        from opentelemetry.baggage.propagation import W3CBaggagePropagator  # deferred: few have any

        now = W3CBaggagePropagator().extract({"baggage": headers.baggage})
    context.attach(trace.set_span_in_context(trace.NonRecordingSpan(span_context_of(headers, trace)), now))


def span_context_of(headers: TraceHeaders, trace: Any) -> Any:
    """Return the ``SpanContext`` of a span of elsewhere; ``trace`` is the module ``opentelemetry.trace``."""
    _, trace_id, span_id, flags = headers.traceparent.split("-")
    state = trace.TraceState.from_header([headers.tracestate]) if headers.tracestate else None
    return trace.SpanContext(int(trace_id, 16), int(span_id, 16), True, trace.TraceFlags(int(flags, 16)), state)
