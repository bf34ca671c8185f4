"""The cost of spans, for tasks on the event loop and the SDK's processor of batches: ``benchmarks seeing spans``.

In each round the same tasks run without OpenTelemetry, with a listener that looks at no event, in a run that is not
sampled, in one that is, and in one whose spans the SDK's tracer makes; in turn, in one process, whose processor time
is measured. Beside them are a span of the SDK without any attribute, and encoding and hashing a task of four fields,
by which machines can be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, ParentBased, StaticSampler

import alexflow.otel
from alexflow import Engine, MemoryStorage
from alexflow.engine.garbage import relaxed_gc
from benchmarks.ruler import of_encoding
from benchmarks.waiting import AsyncLeaf


class EachByItself(StaticSampler):
    """Might decide on each span by itself, so the tracer makes all."""


@dataclass(frozen=True)
class Way:
    """One way to run tasks.

    Attributes:
        sampler: makes a provider; None for no OpenTelemetry.
        listens: there is a listener that does nothing.
    """

    sampler: Callable[[], Any] | None = None
    listens: bool = False


WAYS = {
    "without": Way(),
    "events, looked at by nobody": Way(listens=True),
    "not sampled": Way(lambda: ParentBased(ALWAYS_OFF)),
    "sampled": Way(lambda: None),
    "sampled, made by the tracer": Way(lambda: EachByItself(Decision.RECORD_AND_SAMPLE)),
}


class Exported:
    """Providers as in production, but for the exporter, which keeps spans in memory."""

    def __init__(self, sampler: Any):
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider() if sampler is None else TracerProvider(sampler=sampler)
        self.provider.add_span_processor(BatchSpanProcessor(self._exporter, max_queue_size=1 << 20))
        self.meters = MeterProvider([InMemoryMetricReader()])

    def end(self) -> int:
        """Export all that is left. Returns the number of spans."""
        self.provider.force_flush()
        spans = len(self._exporter.get_finished_spans())
        self.provider.shutdown()
        self.meters.shutdown()
        return spans


def of_tasks(way: Way, tasks: int) -> float:
    """Return microseconds a task."""
    exported = None if way.sampler is None else Exported(way.sampler())

    async def run() -> float:
        async with Engine(MemoryStorage()) as engine:
            if exported is not None:
                alexflow.otel.instrument(engine, tracer_provider=exported.provider, meter_provider=exported.meters)
            if way.listens:
                engine.broadcast.listen(lambda event: None)
            targets = [AsyncLeaf(number) for number in range(tasks)]
            begun = time.process_time()
            await engine.run(targets)
            if exported is not None:
                exported.provider.force_flush()
            return time.process_time() - begun

    gc.collect()
    with relaxed_gc():  # as alexflow.run does
        took = asyncio.run(run())
    if exported is not None:
        found = exported.end()
        assert found == (0 if way is WAYS["not sampled"] else tasks + 1), f"{found} spans"
    return took / tasks * 1e6


def of_bare_spans(count: int) -> float:
    """Return microseconds a span of the SDK that has no attribute, in a parent, until it is exported."""
    exported = Exported(None)
    tracer = exported.provider.get_tracer("bare")
    gc.collect()
    with relaxed_gc(), tracer.start_as_current_span("parent"):
        begun = time.process_time()
        for _ in range(count):
            tracer.start_span("bare").end()
        exported.provider.force_flush()
        took = time.process_time() - begun
    exported.end()
    return took / count * 1e6


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print a line for each way."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks seeing spans", description=__doc__)
    parser.add_argument("--tasks", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=10, help="each way in turn, so often (10)")
    options = parser.parse_args(arguments)
    measured: dict[str, list[float]] = {}
    for way in WAYS.values():
        of_tasks(way, 200)  # imports, and the adaptive interpreter
    for _ in range(options.rounds):
        for name, way in WAYS.items():
            measured.setdefault(name, []).append(of_tasks(way, options.tasks))
        measured.setdefault("a span of the SDK alone", []).append(of_bare_spans(options.tasks))
        measured.setdefault("encode + hash", []).append(of_encoding(options.tasks * 5))
    without = measured["without"]
    for name, each in measured.items():
        line = f"{name:28} {min(each):7.2f} µs at best, {median(each):7.2f} in the median"
        if name in WAYS and name != "without":
            more = [one - other for one, other in zip(each, without, strict=True)]
            line += f"; {min(each) - min(without):6.2f} and {median(more):6.2f} more than without"
        print(line, flush=True)
    return 0
