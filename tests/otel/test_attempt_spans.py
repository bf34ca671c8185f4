"""Spans that are made as far as they are used are what the SDK's tracer makes, for all that can be seen of them."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBasedTraceIdRatio, StaticSampler, TraceIdRatioBased
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags

from alexflow import Engine, JSONOutput, MemoryStorage, Task
from alexflow.otel import attempt_span, instrument
from alexflow.otel.attempt_span import attempt_spans_of

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Adds(Task):
    """Adds to its span, in several ways and from a thread; and fails if asked to."""

    n: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        span = trace.get_current_span()
        if self.n % 2:
            span.set_attribute("own", [1, 2])
            span.add_event("half", {"share": 0.5})
            span.add_link(SpanContext(5, 6, False, TraceFlags(1)))
            span.update_name("another")
            thread = threading.Thread(target=span.set_attributes, args=({"of a thread": True},))
            thread.start()
            thread.join()
            with trace.get_tracer("own").start_as_current_span("inner"):
                pass
        assert span.is_recording()
        if self.n == 3:
            raise ValueError("three")
        await output.astore(self.n)


async def spans_of(provider: TracerProvider, *processors: SpanProcessor) -> list[dict[str, Any]]:
    """The spans of a run, without what differs from run to run."""
    exporter = InMemorySpanExporter()
    for processor in (*processors, SimpleSpanProcessor(exporter)):
        provider.add_span_processor(processor)
    async with Engine(MemoryStorage()) as engine:
        instrument(engine, tracer_provider=provider)
        result = await engine.run([Adds(n) for n in range(6)], on_error="continue")
    assert len(result.failures) == 1
    found = []
    spans = exporter.get_finished_spans()
    names = {span.context.span_id: span.name for span in spans}
    for span in spans:
        assert span.start_time <= span.end_time
        shown = json.loads(span.to_json())
        shown["parent_id"] = names.get(span.parent.span_id) if span.parent else None
        shown |= {name: type(shown[name]).__name__ for name in ("start_time", "end_time")}
        shown["context"] = {**shown["context"], "trace_id": "", "span_id": ""}
        shown["attributes"].pop("alexflow.run.id", None)
        shown["attributes"] = dict(sorted(shown["attributes"].items()))
        for event in shown["events"]:
            event["timestamp"] = ""
        found.append(shown)
    return sorted(found, key=lambda span: (span["name"], json.dumps(span["attributes"])))


async def test_they_are_those_of_the_tracer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert attempt_spans_of(TracerProvider().get_tracer("alexflow")) is not None
    own = await spans_of(TracerProvider())
    monkeypatch.setattr(attempt_span, "_passes_trial", lambda tracer: False)
    assert attempt_spans_of(TracerProvider().get_tracer("alexflow")) is None
    assert own == await spans_of(TracerProvider())
    assert len([span for span in own if span["attributes"].get("alexflow.task.class")]) == 6


class Marks(SpanProcessor):
    """Adds to each span as it begins, as processors of baggage do, and counts."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self.begun += 1
        span.set_attribute("mark", trace.get_current_span(parent_context).get_span_context().span_id != 0)

    def on_end(self, span: Any) -> None:
        self.ended += 1


async def test_processors_add_to_them_and_see_each_once() -> None:
    marks = Marks()
    spans = await spans_of(TracerProvider(), marks)
    assert marks.begun == marks.ended == len(spans) == 7
    assert {span["attributes"]["mark"] for span in spans if span["name"] != "alexflow.run"} == {True}


class OfItsOwn(StaticSampler):
    """Might decide on each span by itself."""


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({}, True),
        ({"sampler": ALWAYS_ON}, True),
        ({"sampler": ParentBasedTraceIdRatio(0.5)}, True),
        ({"sampler": TraceIdRatioBased(1.0)}, False),
        ({"sampler": OfItsOwn(ALWAYS_ON._decision)}, False),
        ({"span_limits": SpanLimits(max_span_attributes=3)}, False),
        ({"span_limits": SpanLimits(max_span_attribute_length=9)}, False),
    ],
)
async def test_where_a_sampler_or_a_limit_decides_on_each_span_the_tracer_makes_them(
    settings: dict[str, Any], fits: bool
) -> None:
    provider = TracerProvider(**settings)
    assert (attempt_spans_of(provider.get_tracer("alexflow")) is not None) == fits
    assert attempt_spans_of(object()) is None


def test_one_that_has_ended_takes_nothing_any_more(caplog: pytest.LogCaptureFixture) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    maker = attempt_spans_of(provider.get_tracer("alexflow"))
    assert maker is not None
    parent, context = (SpanContext(1, number, False, TraceFlags(1)) for number in (1, 2))
    span = maker.begin("late", context, parent, trace.set_span_in_context(trace.NonRecordingSpan(parent)), 10)
    assert isinstance(span, trace.Span)
    span.end_with({"known": 1}, None, 20)
    span.set_attribute("late", 1)
    assert not span.is_recording()
    (seen,) = exporter.get_finished_spans()
    assert (dict(seen.attributes or {}), seen.status.status_code) == ({"known": 1}, StatusCode.UNSET)
    assert (seen.name, seen.start_time, seen.end_time, seen.links) == ("late", 10, 20, ())
    assert "ended span" in caplog.text
