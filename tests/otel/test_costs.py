"""Costs of OpenTelemetry for a task, counted in calls of Python functions."""

from __future__ import annotations

import gc
import sys
import weakref
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

import alexflow
from alexflow import Engine, JSONOutput, MemoryStorage, Task
from alexflow.otel import instrument, names, uninstrument
from alexflow.otel.instrumentation import _instrumented
from tests.otel.telemetry import Telemetry
from tests.otel.workflows import Generates, OnTheLoop

pytestmark = pytest.mark.anyio

TASKS = 200


@dataclass(frozen=True)
class Plain(Task):
    n: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        await output.astore(self.n)


async def calls_of(sampler: Any) -> float:
    """Calls of Python functions for a task that tracing and metrics make; others depend on how busy the machine is."""
    provider = TracerProvider(sampler=sampler)
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    counts: Counter[str] = Counter()

    def count(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and "/alexflow/otel/" in frame.f_code.co_filename:
            counts[frame.f_code.co_qualname] += 1

    async with Engine(MemoryStorage()) as engine:
        instrument(engine, tracer_provider=provider, meter_provider=MeterProvider([InMemoryMetricReader()]))
        await engine.run([Plain(-n) for n in range(1, 20)])
        sys.setprofile(count)
        await engine.run([Plain(n) for n in range(TASKS)])
        sys.setprofile(None)
        assert not engine.broadcast.follows_attempts, "an event is made for each attempt"
    uninstrument()
    return sum(counts.values()) / TASKS


async def test_a_task_of_a_run_that_is_not_sampled_costs_a_few_calls_and_no_event() -> None:
    off, on = await calls_of(ParentBased(ALWAYS_OFF)), await calls_of(None)
    assert off < 4
    assert off < on < 11


async def test_an_engine_that_is_gone_is_not_held_and_its_counts_stay(telemetry: Telemetry) -> None:
    instrument(**telemetry.providers)
    engine = Engine(MemoryStorage())
    async with engine:
        await engine.run([OnTheLoop(n) for n in range(3)])
        await engine.run(Generates(1))
    gone = weakref.ref(engine)
    del engine
    gc.collect()
    assert gone() is None
    assert not len(_instrumented)
    module = OnTheLoop.__module__
    assert telemetry.metric(names.TASKS_ENDED) == {
        (f"{module}.OnTheLoop", "succeeded"): 4,
        (f"{module}.Generates", "succeeded"): 1,
    }
    alexflow.run(OnTheLoop(1), storage=MemoryStorage(), progress=False)
    assert telemetry.metric(names.TASKS_ENDED)[f"{module}.OnTheLoop", "succeeded"] == 5
    uninstrument()


async def test_dynamic_tasks_are_counted_as_others() -> None:
    async with Engine(MemoryStorage()) as engine:
        engine.stats()
        await engine.run(Generates(1))
        stats = engine.stats()
    of_class = stats.classes[f"{Generates.__module__}.Generates"]
    assert (of_class.queued, of_class.running, of_class.done, of_class.failed) == (0, 0, 1, 0)
    assert "dynamic" not in stats.executors  # it needs no place
