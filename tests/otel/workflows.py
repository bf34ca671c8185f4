"""Tasks for the tests of instrumentation; those of worker processes record spans of their own."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from alexflow import DynamicTask, JSONOutput, Output, Retry, Task, TaskOptions, current

logger = logging.getLogger("tests.otel")


def ids() -> list[str]:
    """The trace and the span in which this is called."""
    from opentelemetry import baggage, trace

    context = trace.get_current_span().get_span_context()
    return [f"{context.trace_id:032x}", f"{context.span_id:016x}", str(baggage.get_baggage("tenant"))]


@dataclass(frozen=True)
class Stored(Task):
    n: int
    above: Output[Any] | None = None

    def input(self) -> Output[Any] | None:
        return self.above

    def output(self) -> JSONOutput[Any]:
        return self.build_output(JSONOutput, key="ids.json")


@dataclass(frozen=True)
class OnTheLoop(Stored):
    async def run(self, input: Any, output: JSONOutput[Any]) -> None:
        from opentelemetry import trace

        logger.warning("on the loop")
        trace.get_current_span().set_attribute("own", self.n)
        await output.astore(ids())


@dataclass(frozen=True)
class InAThread(Stored):
    options: ClassVar = TaskOptions(executor="thread")

    def run(self, input: Any, output: JSONOutput[Any]) -> None:
        logger.warning("in a thread")
        output.store(ids())


@dataclass(frozen=True)
class InAWorker(Stored):
    def run(self, input: Any, output: JSONOutput[Any]) -> None:
        logger.warning("in a worker")
        output.store(ids())


@dataclass(frozen=True)
class Generates(DynamicTask):
    n: int

    def output(self) -> JSONOutput[Any]:
        return self.build_output(JSONOutput, key="ids.json")

    def generate(self, input: Any, output: JSONOutput[Any]) -> Iterable[Task]:
        output.store(ids())
        yield OnTheLoop(100 + self.n)


@dataclass(frozen=True)
class Records(Stored):
    """Records a span of its own, in a worker where that is set up."""

    def run(self, input: Any, output: JSONOutput[Any]) -> None:
        from opentelemetry import trace

        with trace.get_tracer("the user's").start_as_current_span("inner"):
            output.store(ids())


@dataclass(frozen=True)
class Fails(Stored):
    retry: ClassVar = Retry(1)

    def run(self, input: Any, output: JSONOutput[Any]) -> None:
        if self.n == 0 or current.attempt == 1:
            raise ValueError("not this time")
        output.store(ids())


@dataclass(frozen=True)
class Dies(Stored):
    def run(self, input: Any, output: JSONOutput[Any]) -> None:
        os._exit(3)


class ToFile:
    """An exporter that appends to a file, each span a line."""

    def __init__(self, path: Path):
        self._path = path

    def export(self, spans: Any) -> Any:
        from opentelemetry.sdk.trace.export import SpanExportResult

        with self._path.open("a") as file:
            file.writelines(f"{json.dumps(json.loads(span.to_json()))}\n" for span in spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return True


def set_up_worker() -> None:
    """Set OpenTelemetry up, as a program does it for its workers."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ToFile(Path(os.environ["SPANS"]))))
    trace.set_tracer_provider(provider)
