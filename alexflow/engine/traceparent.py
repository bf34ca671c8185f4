"""The caller's span, if its program uses OpenTelemetry."""

from __future__ import annotations

import sys


def current_traceparent() -> str:
    """Return the span of the current context as W3C Trace Context has it; "" if there is none.

    The library is not imported: a program that uses it has done so.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return ""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
