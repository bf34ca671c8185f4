"""One trace a run, also across processes, with the real SDK."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

import alexflow
from alexflow import Engine, MemoryStorage, RunFailed, Workers
from alexflow.errors import DefinitionError
from alexflow.otel import instrument, names, uninstrument
from tests.otel.telemetry import Telemetry
from tests.otel.workflows import (
    Dies,
    Fails,
    Generates,
    InAThread,
    InAWorker,
    OnTheLoop,
    Records,
    ids,
    set_up_worker,
)

pytestmark = pytest.mark.anyio

KINDS = [OnTheLoop, InAThread, Generates, pytest.param(InAWorker, marks=pytest.mark.processes)]


def id_of(span: Any) -> str:
    return f"{span.context.span_id:016x}"


def trace_of(span: Any) -> str:
    return f"{span.context.trace_id:032x}"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_task_runs_inside_its_span_and_that_inside_its_runs_and_that_inside_the_callers(
    kind: Any, place: Any, telemetry: Telemetry
) -> None:
    tracer = telemetry.tracers.get_tracer("the application's")
    async with Engine(place, workers=1) as engine:
        instrument(engine, **telemetry.providers)
        with tracer.start_as_current_span("request") as request:
            token = context.attach(baggage.set_baggage("tenant", "seven"))
            values = [await engine.load(kind(n).output()) for n in range(3)]
            context.detach(token)
    spans = telemetry.spans(kind.__name__)
    assert [[trace_of(span), id_of(span), "seven"] for span in spans] == values
    runs = telemetry.spans(names.RUN_SPAN)
    assert [span.parent.span_id for span in spans] == [run.context.span_id for run in runs]
    assert {run.parent.span_id for run in runs} == {request.get_span_context().span_id}
    assert {trace_of(span) for span in telemetry.spans()} == {f"{request.get_span_context().trace_id:032x}"}
    for span, run in zip(spans, runs, strict=True):
        assert run.start_time <= span.start_time <= span.end_time <= run.end_time
        assert span.attributes[names.TASK_OUTCOME] == "succeeded"
        assert names.TASK_ATTEMPT not in span.attributes
        assert span.attributes[names.TASK_CLASS] == f"{kind.__module__}.{kind.__qualname__}"
    assert {run.attributes[names.RUN_RAN] for run in runs} == {2 if kind is Generates else 1}
    assert spans[0].instrumentation_scope.attributes[names.SCOPE_VERSION] == names.NAMES_VERSION
    if kind is OnTheLoop:
        assert [span.attributes["own"] for span in spans] == [0, 1, 2]


@pytest.mark.processes
async def test_spans_that_a_task_records_in_a_worker_are_inside_its_own(
    tmp_path: Path, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPANS", str(tmp_path / "spans"))
    tasks = [Records(n) for n in range(40)]
    chain = [Records(100)]
    for n in range(20):
        chain.append(Records(101 + n, chain[-1].output()))
    async with Engine(tmp_path / "results", workers=Workers(2, initializer=set_up_worker)) as engine:
        instrument(engine, **telemetry.providers)
        await engine.run([*tasks, chain[-1]])
    inner = [json.loads(line) for line in (tmp_path / "spans").read_text().splitlines()]
    spans = telemetry.spans("Records")
    assert len(spans) == len(inner) == 61
    assert {f"0x{id_of(span)}" for span in spans} == {span["parent_id"] for span in inner}
    assert {span["context"]["trace_id"] for span in inner} == {f"0x{trace_of(spans[0])}"}
    by_id = {f"0x{id_of(span)}": span for span in spans}
    assert len({span.attributes[names.TASK_WORKER] for span in by_id.values()}) <= 2


@pytest.mark.processes
async def test_each_attempt_has_a_span_and_a_failed_one_has_its_error(tmp_path: Path, telemetry: Telemetry) -> None:
    async with Engine(tmp_path, workers=1, max_deaths=0) as engine:
        instrument(engine, **telemetry.providers)
        await engine.run(Fails(1))
        with pytest.raises(RunFailed):
            await engine.run([Fails(0), Dies(0)], on_error="stop")
    first, second, *others = sorted(telemetry.spans("Fails"), key=lambda span: span.start_time)
    assert [first.attributes.get(names.TASK_ATTEMPT, 1), second.attributes.get(names.TASK_ATTEMPT, 1)] == [1, 2]
    assert first.status.status_code is StatusCode.ERROR
    assert first.status.description == "ValueError: not this time"
    assert first.attributes[names.ERROR_TYPE].endswith("ValueError")
    assert first.attributes[names.TASK_OUTCOME] == "retried"
    assert second.status.status_code is StatusCode.UNSET
    assert others
    (died,) = telemetry.spans("Dies")
    assert died.status.status_code is StatusCode.ERROR
    assert "exited with code 3" in died.status.description
    assert [run.status.status_code for run in telemetry.spans(names.RUN_SPAN)] == [StatusCode.UNSET, StatusCode.ERROR]


async def test_what_is_done_already_has_spans_of_no_length_that_say_so(telemetry: Telemetry) -> None:
    storage = MemoryStorage()
    above = [OnTheLoop(n) for n in range(200)]
    async with Engine(storage) as engine:
        await engine.run(above[:3])
        instrument(engine, **telemetry.providers)
        await engine.run([above[0], OnTheLoop(9, above[1].output()), OnTheLoop(10, above[2].output())])
        spans = telemetry.spans("OnTheLoop")
        cached = [span for span in spans if span.attributes.get(names.TASK_CACHED)]
        assert {span.attributes[names.TASK_ID] for span in cached} == {task.task_id for task in above[:3]}
        assert {span.end_time - span.start_time for span in cached} == {0}
        assert {span.attributes[names.TASK_OUTCOME] for span in cached} == {"cached"}
        (run,) = telemetry.spans(names.RUN_SPAN)
        assert {span.parent.span_id for span in spans} == {run.context.span_id}
        assert run.attributes[names.RUN_CACHED] == 3
        assert telemetry.metric(names.TASKS_ENDED)[f"{OnTheLoop.__module__}.OnTheLoop", "cached"] == 3


async def test_a_task_that_is_stopped_and_a_run_whose_caller_left_have_ends(telemetry: Telemetry) -> None:
    running = asyncio.Event()

    class Waits(OnTheLoop):
        async def run(self, input: Any, output: Any) -> None:
            running.set()
            await asyncio.Event().wait()

    async with Engine(MemoryStorage()) as engine:
        instrument(engine, **telemetry.providers)
        asked = asyncio.create_task(engine.run(Waits(1)))
        await running.wait()
        asked.cancel()
        await asyncio.wait([asked])
    (span,) = telemetry.spans("Waits")
    assert span.attributes[names.TASK_OUTCOME] == "cancelled"
    (run,) = telemetry.spans(names.RUN_SPAN)
    assert run.attributes[names.RUN_OUTCOME] == "cancelled"
    assert telemetry.metric(names.TASKS_RUNNING) == {(f"{__name__}.{Waits.__qualname__}",): 0}


@pytest.mark.processes
async def test_records_are_logged_inside_the_span_of_their_task(tmp_path: Path, telemetry: Telemetry) -> None:
    seen: dict[str, tuple[str, Any]] = {}

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            span = trace.get_current_span().get_span_context()
            seen[record.getMessage()] = (f"{span.span_id:016x}", getattr(record, "task_id", None))

    handler = Handler()
    logging.getLogger("tests.otel").addHandler(handler)
    try:
        async with Engine(tmp_path, workers=1) as engine:
            instrument(engine, **telemetry.providers)
            await engine.run([OnTheLoop(1), InAThread(1), InAWorker(1)])
    finally:
        logging.getLogger("tests.otel").removeHandler(handler)
    for message, name in (
        ("on the loop", "OnTheLoop"),
        ("in a thread", "InAThread"),
        ("in a worker", "InAWorker"),
    ):
        (span,) = telemetry.spans(name)
        assert seen[message] == (id_of(span), span.attributes[names.TASK_ID])


async def test_attributes_of_the_request_are_those_of_its_span(telemetry: Telemetry) -> None:
    async with Engine(MemoryStorage()) as engine:
        instrument(engine, **telemetry.providers)
        await engine.run(OnTheLoop(1), attributes={"user": "ann", "urgent": True, "nothing": None})
    (run,) = telemetry.spans(names.RUN_SPAN)
    assert run.attributes["alexflow.request.user"] == "ann"
    assert run.attributes["alexflow.request.urgent"] is True
    assert run.attributes[names.RUN_TARGETS] == 1
    assert run.attributes[names.RUN_OUTCOME] == "done"


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_not_sampled_costs_no_span_and_says_so_to_those_inside(kind: Any, place: Any) -> None:
    off = TracerProvider(sampler=ALWAYS_OFF)
    async with Engine(place, workers=1) as engine:
        instrument(engine, tracer_provider=off)
        trace_id, span_id, _ = await engine.load(kind(1).output())
    assert int(trace_id, 16)
    assert int(span_id, 16)
    uninstrument()


class Broken(SpanProcessor):
    """Raises wherever it is called."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        raise ZeroDivisionError("on_start")

    def on_end(self, span: Any) -> None:
        raise ZeroDivisionError("on_end")


@pytest.mark.processes
async def test_a_processor_that_raises_costs_no_task_and_is_named_once(
    tmp_path: Path, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    broken = TracerProvider()
    broken.add_span_processor(Broken())
    async with Engine(tmp_path, workers=1) as engine:
        instrument(engine, tracer_provider=broken, meter_provider=telemetry.meters)
        result = await engine.run([kind(n) for kind in (OnTheLoop, InAThread, InAWorker) for n in range(20)])
    assert result.ran == 60
    said = [record for record in caplog.records if "OpenTelemetry failed" in record.getMessage()]
    assert len(said) == 1
    assert "ZeroDivisionError" in said[0].getMessage()
    assert sum(telemetry.metric(names.TASKS_ENDED).values()) == 60


class RaisingExporter:
    """As an exporter whose collector is away."""

    def export(self, spans: Any) -> Any:
        raise ConnectionError("no collector")

    def shutdown(self) -> None:
        """Nothing is held."""


async def test_an_exporter_that_raises_costs_no_task() -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(RaisingExporter()))  # type: ignore[arg-type]
    async with Engine(MemoryStorage()) as engine:
        instrument(engine, tracer_provider=provider)
        assert (await engine.run([OnTheLoop(n) for n in range(10)])).ran == 10
    uninstrument()


def test_all_engines_and_their_scripts_are_instrumented_and_no_longer(telemetry: Telemetry) -> None:
    instrument(**telemetry.providers)
    alexflow.run(OnTheLoop(1), storage=MemoryStorage(), progress=False)
    assert [span.name for span in telemetry.spans()] == ["OnTheLoop", names.RUN_SPAN]
    instrument(**telemetry.providers)  # in the place of the first
    alexflow.run(OnTheLoop(1), storage=MemoryStorage(), progress=False)
    assert len(telemetry.spans()) == 4
    uninstrument()
    alexflow.run(OnTheLoop(1), storage=MemoryStorage(), progress=False)
    assert len(telemetry.spans()) == 4


async def test_an_engine_that_has_its_own_providers_keeps_them(telemetry: Telemetry) -> None:
    others = Telemetry()
    instrument(**telemetry.providers)
    engine = Engine(MemoryStorage())
    instrument(engine, **others.providers)
    async with engine:
        await engine.run(OnTheLoop(1))
        uninstrument(engine)
        await engine.run(OnTheLoop(2))
    assert len(others.spans()) == 2
    assert not telemetry.spans()


async def test_spans_that_are_open_end_with_the_instrumentation(telemetry: Telemetry) -> None:
    running, release = asyncio.Event(), asyncio.Event()

    class Waits(OnTheLoop):
        async def run(self, input: Any, output: Any) -> None:
            running.set()
            await release.wait()
            await output.astore(ids())

    async with Engine(MemoryStorage()) as engine:
        instrument(engine, **telemetry.providers)
        asked = asyncio.create_task(engine.load(Waits(1).output()))
        await running.wait()
        uninstrument(engine)
        assert sorted(span.name for span in telemetry.spans()) == ["Waits", names.RUN_SPAN]
        release.set()
        assert int((await asked)[0], 16)
    assert len(telemetry.spans()) == 2


async def test_a_run_of_a_task_is_inside_the_span_of_the_task(telemetry: Telemetry) -> None:
    class Asks(OnTheLoop):
        async def run(self, input: Any, output: Any) -> None:
            await output.astore(await alexflow.current.engine.load(OnTheLoop(5).output()))

    async with Engine(MemoryStorage()) as engine:
        instrument(engine, **telemetry.providers)
        await engine.run(Asks(1))
    (asks,) = telemetry.spans("Asks")
    inner = next(run for run in telemetry.spans(names.RUN_SPAN) if run.parent is not None)
    assert inner.parent.span_id == asks.context.span_id


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(DefinitionError, match=r"instrument\(\) takes an Engine, or nothing for all engines, not 'all'"):
        instrument("all")  # type: ignore[arg-type]
