"""OpenTelemetry: a trace for each run, and metrics; ``alexflow[otel]``."""

from alexflow.otel.instrumentation import instrument, uninstrument

__all__ = ["instrument", "uninstrument"]
