"""Providers of the real SDK, that keep in memory what they are given."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Telemetry:
    """Spans, metrics and log records that were reported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])

    @property
    def providers(self) -> dict[str, Any]:
        return {"tracer_provider": self.tracers, "meter_provider": self.meters}

    def spans(self, name: str | None = None) -> list[Any]:
        return [span for span in self.exporter.get_finished_spans() if name in (None, span.name)]

    def metric(self, name: str) -> dict[tuple[Any, ...], Any]:
        """The values of a metric, by the values of its attributes in the order of their names."""
        data = self.reader.get_metrics_data()
        found: dict[tuple[Any, ...], Any] = {}
        for of_resource in [] if data is None else data.resource_metrics:
            for of_scope in of_resource.scope_metrics:
                for metric in of_scope.metrics:
                    if metric.name == name:
                        for point in metric.data.data_points:
                            labels = tuple(value for _, value in sorted(point.attributes.items()))
                            found[labels] = getattr(point, "value", None) or getattr(point, "count", 0)
        return found
