"""``instrument``: engines report to OpenTelemetry what they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

try:
    from opentelemetry import metrics, trace
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("alexflow.otel needs opentelemetry-api: pip install 'alexflow[otel]'") from error
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from alexflow.engine.engine import Engine
from alexflow.engine.open_engine import OpenEngine, when_opened
from alexflow.errors import DefinitionError
from alexflow.events import EngineEvent, RunFinished, RunStarted
from alexflow.executors.captured_error import capture_error
from alexflow.executors.interface import Settled
from alexflow.executors.trace_context import TraceHeaders
from alexflow.hooks import passes, repr_of
from alexflow.logs import logger
from alexflow.otel import names
from alexflow.otel.metrics import EngineMetrics, Metrics
from alexflow.otel.spans import Spans
from alexflow.version import __version__


class Instrumentation:
    """The link between one engine and OpenTelemetry. A fault of a processor, sampler or exporter costs no task.

    Args:
        engine: the engine.
        tracer_provider: makes tracers.
        meter_provider: makes meters.

    Attributes:
        is_recording: whether a run has spans.
    """

    def __init__(self, engine: OpenEngine, tracer_provider: TracerProvider, meter_provider: MeterProvider):
        scope = {names.SCOPE_VERSION: names.NAMES_VERSION}
        self._spans = Spans(tracer_provider.get_tracer(names.SCOPE, __version__, attributes=scope))
        self._metrics = EngineMetrics(_metrics_of(meter_provider), engine)
        self._handlers: dict[type[EngineEvent], tuple[Callable[[Any], None], ...]] = {
            kind: tuple(each.handlers[kind] for each in (self._metrics, self._spans) if kind in each.handlers)
            for kind in {**self._metrics.handlers, **self._spans.handlers}
        }
        self._has_failed = False
        self.is_recording = False
        self._leave = engine.broadcast.listen(self._take, self._handlers.keys())
        engine.trace_by(self)

    def remove(self, engine: OpenEngine) -> None:
        """Report nothing any more."""
        self._leave()
        engine.trace_by(None)
        self._metrics.close()
        try:
            self._spans.close()
        except BaseException as error:  # as below
            self._contain(error)

    def _take(self, event: EngineEvent) -> None:
        for handle in self._handlers.get(type(event), ()):
            try:
                handle(event)
            except BaseException as error:  # of a provider that the application has given
                self._contain(error)
        if type(event) in (RunStarted, RunFinished):
            self.is_recording = self._spans.are_recorded

    def capture(self) -> Any:
        """Capture the caller's context."""
        try:
            return self._spans.capture()
        except BaseException as error:
            self._contain(error)
            return None

    def enter(self, task_id: str, run_id: str, captured: Any) -> None:
        """Begin the span of an attempt here."""
        try:
            if captured is not None:
                self._spans.enter(task_id, run_id, captured)
        except BaseException as error:
            self._contain(error)

    def headers(self, task_id: str, run_id: str, captured: Any) -> TraceHeaders | None:
        """Return the span of an attempt elsewhere."""
        try:
            return None if captured is None else self._spans.headers(task_id, run_id, captured)
        except BaseException as error:
            self._contain(error)
            return None

    def settled(self, outcome: Settled, executor: str, attempt: int, ended: float) -> None:
        """End the span of an attempt, or note for its end where it was."""
        try:
            self._spans.settled(outcome, executor, attempt, ended)
        except BaseException as error:
            self._contain(error)

    def _contain(self, error: BaseException) -> None:
        if passes(error):
            raise error
        if not self._has_failed:
            self._has_failed = True
            fault = capture_error(error, travels=False)
            logger.error("OpenTelemetry failed, and spans may be missing; it is logged once:\n%s", fault.traceback)


_instrumented: WeakKeyDictionary[OpenEngine, Instrumentation] = WeakKeyDictionary()

#: The instruments of each provider: it has them once.
_metrics: WeakKeyDictionary[MeterProvider, Metrics] = WeakKeyDictionary()


def _metrics_of(provider: MeterProvider) -> Metrics:
    made = _metrics.get(provider)
    if made is None:
        made = _metrics[provider] = Metrics(provider)
    return made


class _Opener:
    """Instruments each engine that is opened, unless it has been."""

    def __init__(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None):
        self._providers = tracer_provider, meter_provider

    def __call__(self, engine: OpenEngine) -> None:
        if engine not in _instrumented:
            _add(engine, *self._providers)


def _add(engine: OpenEngine, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
    tracers, meters = tracer_provider or trace.get_tracer_provider(), meter_provider or metrics.get_meter_provider()
    _instrumented[engine] = Instrumentation(engine, tracers, meters)


def instrument(
    engine: Engine | None = None,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> None:
    """Report to OpenTelemetry what an engine does: a trace for each run, and metrics.

    ::

        alexflow.otel.instrument()

    Call it when OpenTelemetry has been set up. Called again for an engine, it replaces what was there.

    Args:
        engine: the engine, open or not; None for all that are opened from now on, those of :func:`alexflow.run`
            included.
        tracer_provider: where spans go; by default the global one.
        meter_provider: where metrics go; by default the global one.

    Raises:
        DefinitionError: ``engine`` is something else.
    """
    if engine is None:
        uninstrument()
        when_opened.append(_Opener(tracer_provider, meter_provider))
        return
    if not isinstance(engine, Engine):
        raise DefinitionError(f"instrument() takes an Engine, or nothing for all engines, not {repr_of(engine)}")
    uninstrument(engine)
    _add(engine, tracer_provider, meter_provider)


def uninstrument(engine: Engine | None = None) -> None:
    """Undo :func:`instrument`: for one engine, or for all.

    Spans of what is under way end now, without an outcome.
    """
    engines = [engine] if engine is not None else list(_instrumented)
    if engine is None:
        when_opened[:] = [each for each in when_opened if not isinstance(each, _Opener)]
    for each in engines:
        made = _instrumented.pop(each, None)
        if made is not None:
            made.remove(each)
